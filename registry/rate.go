package registry

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
)

// Rate is what one unit of a currency is worth in the metric's currency, from a day on. Rates are part of the definition,
// so a readout that is made again converts as it did before.
type Rate struct {
	From  Day     `json:"from,omitzero"` // UTC; the zero Day: from the beginning
	Value float64 `json:"rate"`
}

// Rates are a currency's rates in order of their days. In JSON a number alone is a rate for all days.
type Rates []Rate

// Day is a date in UTC. In JSON it is text such as "2026-11-01".
type Day struct{ canonical.Time }

// MarshalText writes the date.
func (d Day) MarshalText() ([]byte, error) {
	return []byte(d.Time.Time().Format(time.DateOnly)), nil
}

// UnmarshalText reads a date.
func (d *Day) UnmarshalText(b []byte) error {
	t, err := time.Parse(time.DateOnly, string(b))
	if err != nil {
		return fmt.Errorf("%.20q is no date such as 2026-11-01", b)
	}
	d.Time = canonical.TimeOf(t)
	return nil
}

// IsZero reports whether no day is set.
func (d Day) IsZero() bool { return d.Time == 0 }

// UnmarshalJSON reads a list of {from, rate}, or a number.
func (r *Rates) UnmarshalJSON(b []byte) error {
	var list []Rate
	if len(b) > 0 && b[0] != '[' {
		list = make([]Rate, 1)
		if err := json.Unmarshal(b, &list[0].Value); err != nil {
			return err
		}
	} else if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b Rate) int { return int(a.From.Time - b.From.Time) })
	*r = list
	return nil
}

// rateUnit is the precision in which rates are applied: a trillionth.
const rateUnit = 1_000_000_000_000

// Multiplier is a rate as an exact number of trillionths.
type Multiplier int64

// Rate finds the rate of a currency on the day of a conversion, false if there is none.
func (m *Metric) Rate(currency string, at canonical.Time) (Multiplier, bool) {
	list := m.Rates[currency]
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].From.Time <= at {
			return Multiplier(math.Round(list[i].Value * rateUnit)), true
		}
	}
	return 0, false
}

// Convert is an amount in millionths times the rate, rounded half to even. It is exact integer arithmetic, so the order of
// conversions leaves no trace.
func (r Multiplier) Convert(micros int64) canonical.Sum {
	magnitude := uint64(micros)
	if micros < 0 {
		magnitude = -magnitude
	}
	hi, lo := bits.Mul64(magnitude, uint64(r))
	if hi >= rateUnit { // beyond 64 bits after the division
		return r.convertBig(micros)
	}
	n, rest := bits.Div64(hi, lo, rateUnit)
	if rest > rateUnit/2 || rest == rateUnit/2 && n&1 == 1 {
		n++
	}
	if n > math.MaxInt64 {
		return r.convertBig(micros)
	}
	if micros < 0 {
		return canonical.SumOf(-int64(n))
	}
	return canonical.SumOf(int64(n))
}

func (r Multiplier) convertBig(micros int64) canonical.Sum {
	product := new(big.Int).Mul(big.NewInt(micros), big.NewInt(int64(r)))
	n, rest := new(big.Int).QuoRem(product, big.NewInt(rateUnit), new(big.Int))
	switch c := rest.CmpAbs(big.NewInt(rateUnit / 2)); {
	case c > 0, c == 0 && n.Bit(0) == 1:
		n.Add(n, big.NewInt(int64(product.Sign())))
	}
	hi, lo := new(big.Int).DivMod(n, new(big.Int).Lsh(big.NewInt(1), 32), new(big.Int))
	sum := canonical.SumOf(hi.Int64()) // at most 1e18 * 1e6 / 2^32 < 2^63
	for range 32 {
		sum = sum.Plus(sum)
	}
	return sum.Plus(canonical.SumOf(lo.Int64()))
}

// checkMoney says what is wrong with the metric's currency and rates.
func (m *Metric) checkMoney(c *checker, at string) {
	if m.Currency == "" && len(m.Rates) == 0 {
		return
	}
	c.that(m.OverValue(), at+"/currency", "has a meaning for a metric that adds up the field value only")
	c.that(canonical.IsCurrency(m.Currency), at+"/currency", "must be an ISO 4217 code such as EUR; rates convert to it")
	c.that(len(m.Rates) <= 200, at+"/rates", "must be at most 200 currencies")
	for _, code := range sortedKeys(m.Rates) {
		here := at + "/rates/" + escape(code)
		c.that(canonical.IsCurrency(code), here, "must be an ISO 4217 code such as JPY")
		c.that(code != m.Currency, here, "is the metric's own currency and needs no rate")
		c.that(len(m.Rates[code]) > 0 && len(m.Rates[code]) <= 1000, here, "must be 1 to 1,000 rates")
		for i, r := range m.Rates[code] {
			c.that(r.Value >= 1e-9 && r.Value <= 1e6, here, "rate %d must be from 1e-9 to 1e6: what one %s is worth in %s", i, code, m.Currency)
			c.that(i == 0 || m.Rates[code][i-1].From != r.From, here, "two rates begin on the same day")
		}
	}
}

// OverValue reports whether any side of the metric adds up money.
func (m *Metric) OverValue() bool {
	return m.Field == FieldValue || m.Numerator != nil && m.Numerator.Field == FieldValue || m.Denominator != nil && m.Denominator.Field == FieldValue
}

// upperCurrencies writes currencies in capitals, as events have them.
func (m *Metric) upperCurrencies() {
	m.Currency = strings.ToUpper(m.Currency)
	for code, list := range m.Rates {
		if upper := strings.ToUpper(code); upper != code {
			if _, twice := m.Rates[upper]; !twice {
				delete(m.Rates, code)
				m.Rates[upper] = list
			}
		}
	}
}
