package canonical

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
)

// Number is an exact decimal with six fraction digits, kept as an integer in millionths, that may be absent. The zero
// value is absent: a conversion worth 0 and a conversion without a value are two things.
type Number struct {
	Micros int64 // millionths; meaningful where Set is true
	Set    bool
}

// Limits of a Number.
const (
	Million   = 1_000_000
	MaxNumber = 1_000_000_000_000 // magnitude, in units
)

var (
	errNumber = errors.New("must be a decimal number")
	errRange  = fmt.Errorf("must not be larger than %d in magnitude", MaxNumber)
)

// Micro is a present Number of so many millionths.
func Micro(micros int64) Number { return Number{micros, true} }

// ParseNumber reads decimal text such as 129.95, -12.5 or 1e-9, rounding half to even at the sixth fraction digit.
// It fails on anything that is not a decimal number (NaN and infinities among them) and beyond MaxNumber.
func ParseNumber(s string) (Number, error) {
	neg, digits, exp, err := splitDecimal(s)
	if err != nil {
		return Number{}, err
	}
	micros, err := scale(digits, exp)
	if err != nil {
		return Number{}, err
	}
	if neg {
		micros = -micros
	}
	return Micro(micros), nil
}

// splitDecimal takes the sign, the significant digits and the power of ten of the last digit out of decimal text.
func splitDecimal(s string) (neg bool, digits []byte, exp int, err error) {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		neg = s[i] == '-'
		i++
	}
	seen, point := false, false
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			seen = true
			if len(digits) > 0 || c != '0' {
				digits = append(digits, c)
			}
			if point {
				exp--
			}
		case c == '.' && !point:
			point = true
		case (c == 'e' || c == 'E') && seen:
			e, perr := strconv.Atoi(s[i+1:])
			if perr != nil && !errors.Is(perr, strconv.ErrRange) {
				return false, nil, 0, errNumber
			}
			e = min(max(e, -1_000_000), 1_000_000) // far outside any Number, and safe to add
			return neg, digits, exp + e, nil
		default:
			return false, nil, 0, errNumber
		}
	}
	if !seen {
		return false, nil, 0, errNumber
	}
	return neg, digits, exp, nil
}

// scale is digits x 10^(exp+6), rounded half to even.
func scale(digits []byte, exp int) (int64, error) {
	shift := exp + 6
	if len(digits) == 0 {
		return 0, nil
	}
	whole := len(digits) + shift // digits before the point, in millionths
	if whole > 19 {
		return 0, errRange
	}
	if whole < 0 {
		return 0, nil
	}
	var n int64
	for i := range whole {
		d := byte('0')
		if i < len(digits) {
			d = digits[i]
		}
		if n > MaxNumber*Million/10 { // ten times as much would be too large, and may not even fit
			return 0, errRange
		}
		n = n*10 + int64(d-'0')
	}
	if whole < len(digits) && roundsUp(digits[whole:], n%2 != 0) {
		n++
	}
	if n > MaxNumber*Million {
		return 0, errRange
	}
	return n, nil
}

func roundsUp(rest []byte, odd bool) bool {
	if rest[0] != '5' {
		return rest[0] > '5'
	}
	for _, d := range rest[1:] {
		if d != '0' {
			return true
		}
	}
	return odd
}

// Float is the nearest float64, 0 where absent.
func (n Number) Float() float64 { return float64(n.Micros) / Million }

// String is the shortest decimal text, "" where absent.
func (n Number) String() string {
	if !n.Set {
		return ""
	}
	return string(n.appendTo(nil))
}

func (n Number) appendTo(dst []byte) []byte {
	abs := uint64(n.Micros)
	if n.Micros < 0 {
		dst = append(dst, '-')
		abs = -abs
	}
	dst = strconv.AppendUint(dst, abs/Million, 10)
	frac := int(abs % Million)
	if frac == 0 {
		return dst
	}
	dst = append(dst, '.')
	for div := Million / 10; frac > 0; div /= 10 {
		dst = append(dst, byte('0'+frac/div))
		frac %= div
	}
	return dst
}

// MarshalJSON writes a JSON number, or null where absent.
func (n Number) MarshalJSON() ([]byte, error) {
	if !n.Set {
		return []byte("null"), nil
	}
	return n.appendTo(nil), nil
}

// UnmarshalJSON reads a JSON number or null.
func (n *Number) UnmarshalJSON(b []byte) (err error) {
	if string(b) == "null" {
		*n = Number{}
		return nil
	}
	*n, err = ParseNumber(string(b))
	return err
}

// Big is the number of millionths.
func (n Number) Big() *big.Int { return big.NewInt(n.Micros) }
