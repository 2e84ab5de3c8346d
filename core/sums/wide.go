package sums

import (
	"encoding/json"
	"errors"
	"math/big"
	"math/bits"

	"github.com/tracklayer/tracklayer/canonical"
)

// Wide is an exact 256-bit integer, two's complement, least significant word first: a sum of squares or products. One
// square of the largest number in millionths takes 120 bits, so 128 would hold no more than a few hundred persons.
type Wide [4]uint64

// Plus is w + v.
func (w Wide) Plus(v Wide) Wide {
	var c uint64
	for i := range w {
		w[i], c = bits.Add64(w[i], v[i], c)
	}
	return w
}

// Minus is w - v.
func (w Wide) Minus(v Wide) Wide {
	var b uint64
	for i := range w {
		w[i], b = bits.Sub64(w[i], v[i], b)
	}
	return w
}

// IsZero reports whether nothing is left.
func (w Wide) IsZero() bool { return w == Wide{} }

// times is the exact product of two sums. Persons' totals nearly always fit 64 bits; the rest goes through big.Int.
func times(a, b canonical.Sum) Wide {
	x, okx := a.Int64()
	y, oky := b.Int64()
	if !okx || !oky {
		return wideOf(new(big.Int).Mul(a.Big(), b.Big()))
	}
	hi, lo := bits.Mul64(magnitude(x), magnitude(y))
	w := Wide{lo, hi}
	if (x < 0) != (y < 0) {
		return Wide{}.Minus(w)
	}
	return w
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

func wideOf(b *big.Int) Wide {
	var w Wide
	var raw [32]byte
	new(big.Int).Abs(b).FillBytes(raw[:])
	for i := range w {
		for j := range 8 {
			w[i] |= uint64(raw[31-8*i-j]) << (8 * j)
		}
	}
	if b.Sign() < 0 {
		return Wide{}.Minus(w)
	}
	return w
}

// Big is w as a big integer.
func (w Wide) Big() *big.Int {
	neg := w[3]>>63 == 1
	if neg {
		w = Wide{}.Minus(w)
	}
	b := new(big.Int)
	for i := 3; i >= 0; i-- {
		b.Lsh(b, 64).Or(b, new(big.Int).SetUint64(w[i]))
	}
	if neg {
		b.Neg(b)
	}
	return b
}

// MarshalJSON writes a decimal number as text: JSON readers round long numbers.
func (w Wide) MarshalJSON() ([]byte, error) { return json.Marshal(w.Big().String()) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (w *Wide) UnmarshalJSON(data []byte) error {
	b, err := bigText(data)
	if err == nil {
		*w = wideOf(b)
	}
	return err
}

func bigText(data []byte) (*big.Int, error) {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, err
	}
	b, ok := new(big.Int).SetString(s, 10)
	if !ok || b.BitLen() > 254 {
		return nil, errors.New("not an exact sum")
	}
	return b, nil
}
