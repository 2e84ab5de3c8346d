package wire

import (
	"encoding/binary"
	"errors"

	"github.com/tracklayer/tracklayer/canonical"
)

// AppendText writes a text with its length.
func AppendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// AppendUnit writes a unit.
func AppendUnit(b []byte, u canonical.Unit) []byte { return AppendText(append(b, byte(u.Kind)), u.ID) }

// AppendSum writes an exact sum, short if it fits into 64 bits.
func AppendSum(b []byte, s canonical.Sum) []byte {
	if n, ok := s.Int64(); ok {
		return binary.AppendVarint(append(b, 0), n)
	}
	b, _ = s.AppendBinary(append(b, 1)) // a sum is always writable
	return b
}

// BoolByte is 1 for true, else 0.
func BoolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// ErrRecord reports a record that cannot be read.
var ErrRecord = errors.New("a record of the state cannot be read; run tracklayer rebuild to make the state again from the log")

// Decoder reads what the append functions wrote. The first fault sticks.
type Decoder struct {
	Rest []byte
	Bad  bool
}

// Byte reads one byte.
func (d *Decoder) Byte() byte {
	if len(d.Rest) == 0 {
		d.Bad = true
		return 0
	}
	c := d.Rest[0]
	d.Rest = d.Rest[1:]
	return c
}

// Uint reads what binary.AppendUvarint wrote.
func (d *Decoder) Uint() uint64 { return varint(d, binary.Uvarint) }

// Int reads what binary.AppendVarint wrote.
func (d *Decoder) Int() int64 { return varint(d, binary.Varint) }

func varint[T int64 | uint64](d *Decoder, read func([]byte) (T, int)) T {
	n, size := read(d.Rest)
	if size <= 0 {
		d.Bad = true
		d.Rest = nil
		return 0
	}
	d.Rest = d.Rest[size:]
	return n
}

// Count is a number of things that follow, each of at least one byte.
func (d *Decoder) Count() int {
	n := d.Uint()
	if n > uint64(len(d.Rest)) {
		d.Bad = true
		return 0
	}
	return int(n)
}

// Text reads what appendText wrote.
func (d *Decoder) Text() string {
	n := d.Count()
	if d.Bad {
		return ""
	}
	s := string(d.Rest[:n])
	d.Rest = d.Rest[n:]
	return s
}

// Unit reads what appendUnit wrote.
func (d *Decoder) Unit() canonical.Unit {
	return canonical.Unit{Kind: canonical.UnitKind(d.Byte()), ID: d.Text()}
}

// Sum reads what appendSum wrote.
func (d *Decoder) Sum() (s canonical.Sum) {
	if d.Byte() == 0 {
		return canonical.SumOf(d.Int())
	}
	if len(d.Rest) < 16 || s.UnmarshalBinary(d.Rest[:16]) != nil {
		d.Bad = true
		return s
	}
	d.Rest = d.Rest[16:]
	return s
}
