package core

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/core/wire"
)

// appendProductKey is the key of a group's products: experiment, run, variant, group.
func appendProductKey(b []byte, experiment string, of sums.ArmGroup) []byte {
	b = append(append(append(b, keyProduct), experiment...), 0)
	b = binary.BigEndian.AppendUint32(b, uint32(of.Run))
	return append(append(b, of.Variant...), 0, byte(of.Group))
}

func decodeProductKey(key []byte) (experiment string, of sums.ArmGroup, ok bool) {
	name, rest, ok := bytes.Cut(key[1:], []byte{0})
	if !ok || len(rest) < 6 {
		return "", of, false
	}
	of.Run = int(binary.BigEndian.Uint32(rest))
	variant, rest, ok := bytes.Cut(rest[4:], []byte{0})
	if !ok || len(rest) != 1 || rest[0] >= person.Groups {
		return "", of, false
	}
	of.Variant, of.Group = string(variant), int(rest[0])
	return string(name), of, true
}

// flushProducts writes the products of the groups in which they changed since they were last written. The aggregate is
// trimmed.
func (f *Fold) flushProducts(experiment string, a *sums.Aggregate) error {
	for of := range a.TakePaired() {
		key := appendProductKey(make([]byte, 0, 128), experiment, of)
		value := a.Products(of, f.buf[:0])
		if value == nil {
			if err := f.tx.Delete(key); err != nil {
				return err
			}
			continue
		}
		f.buf = value
		if err := f.tx.Set(key, value); err != nil {
			return err
		}
	}
	return nil
}

// loadProducts reads the products of all aggregates.
func (f *Fold) loadProducts(db Reader) error {
	return eachRecord(db.Scan([]byte{keyProduct}), func(key, value []byte) error {
		experiment, of, ok := decodeProductKey(key)
		a := f.aggs[experiment]
		if !ok || a == nil || !a.LoadProducts(of, value) {
			return fmt.Errorf("products of the aggregate of %q: %w", experiment, wire.ErrRecord)
		}
		return nil
	})
}
