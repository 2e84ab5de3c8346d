package canonical

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math/big"
	"math/bits"
)

// Sum is an exact 128-bit integer sum, in whatever unit was added (millionths for Numbers, ones for counts). Adding,
// merging and taking back lose nothing, so the order of arrival leaves no trace. A billion numbers of the largest
// magnitude fit a hundred times over; beyond that it wraps, as integers do.
type Sum struct {
	hi int64
	lo uint64
}

// SumOf is the sum of one integer.
func SumOf(n int64) Sum { return Sum{n >> 63, uint64(n)} }

// Plus is s + t.
func (s Sum) Plus(t Sum) Sum {
	lo, carry := bits.Add64(s.lo, t.lo, 0)
	return Sum{s.hi + t.hi + int64(carry), lo}
}

// Minus is s - t.
func (s Sum) Minus(t Sum) Sum {
	lo, borrow := bits.Sub64(s.lo, t.lo, 0)
	return Sum{s.hi - t.hi - int64(borrow), lo}
}

// Less reports whether s is smaller than t.
func (s Sum) Less(t Sum) bool { return s.hi < t.hi || s.hi == t.hi && s.lo < t.lo }

// IsZero reports whether nothing is left.
func (s Sum) IsZero() bool { return s.hi == 0 && s.lo == 0 }

// Int64 is the sum as an int64, and whether it fits.
func (s Sum) Int64() (int64, bool) {
	n := int64(s.lo)
	return n, s.hi == n>>63
}

// Big is the sum as a big integer.
func (s Sum) Big() *big.Int {
	b := new(big.Int).Lsh(big.NewInt(s.hi), 64)
	return b.Add(b, new(big.Int).SetUint64(s.lo))
}

// Float is the nearest float64.
func (s Sum) Float() float64 {
	if n, ok := s.Int64(); ok {
		return float64(n)
	}
	f, _ := new(big.Float).SetInt(s.Big()).Float64()
	return f
}

// String is the sum in decimal.
func (s Sum) String() string { return s.Big().String() }

// AppendBinary writes 16 bytes, big-endian two's complement.
func (s Sum) AppendBinary(b []byte) ([]byte, error) {
	b = binary.BigEndian.AppendUint64(b, uint64(s.hi))
	return binary.BigEndian.AppendUint64(b, s.lo), nil
}

// UnmarshalBinary reads what AppendBinary wrote.
func (s *Sum) UnmarshalBinary(b []byte) error {
	if len(b) != 16 {
		return errors.New("a sum is 16 bytes")
	}
	s.hi, s.lo = int64(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint64(b[8:])
	return nil
}

// MarshalJSON writes a decimal number as text: JSON readers round long numbers.
func (s Sum) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Sum) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	b, ok := new(big.Int).SetString(text, 10)
	if !ok || b.BitLen() > 127 {
		return errors.New("not an exact sum")
	}
	lo := new(big.Int).And(b, new(big.Int).SetUint64(^uint64(0)))
	*s = Sum{new(big.Int).Rsh(b, 64).Int64(), lo.Uint64()}
	return nil
}
