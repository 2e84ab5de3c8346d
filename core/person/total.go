package person

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

// Total is a person's number in a metric.
type Total struct {
	Metric string
	once   bool          // the number is 1 where there is a conversion, however many
	Paired bool          // its products with the person's other paired numbers are summed
	limit  canonical.Sum // of the number, and of x; zero: none
	x      canonical.Sum // from the days before the exposure, see CovariateDays; of the numerator where it is a ratio
	Steps  []Step        // by age
	// currencies are of the amounts that are counted, sorted by currency; of a metric over value.
	Currencies []currencyCount
}

// Step is what a person's number grew by, age days after the exposure.
type Step struct {
	Age  int64
	N    int64 // counted conversions, of the numerator where it is a ratio
	Y, D canonical.Sum
}

// UndeclaredMetrics is how many conversion events of one person are metrics in an experiment that is not declared: the
// first ones in byte order, so that the order of arrival leaves no trace. A declared experiment has the metrics of its
// definition.
const UndeclaredMetrics = 100

// total is the number that a use goes into, nil if the person has too many. Without a metric it is the proportion of
// those who made the event.
func (v *Run) total(u *registry.Use, event string) *Total {
	metric, once := event, true
	if u.Metric != nil {
		metric, once = u.Metric.ID, u.Metric.Type == registry.Proportion
	}
	i, ok := slices.BinarySearchFunc(v.Totals, metric, func(t Total, id string) int { return strings.Compare(t.Metric, id) })
	if !ok {
		if u.Metric == nil && len(v.Totals) >= UndeclaredMetrics {
			if i == len(v.Totals) {
				return nil
			}
			// What is pushed out stays out: the ones before it only ever become more, and it is not inserted behind them.
			v.Totals = v.Totals[:len(v.Totals)-1]
		}
		v.Totals = slices.Insert(v.Totals, i, Total{Metric: metric, once: once, Paired: u.Paired, limit: u.Cap})
	}
	return &v.Totals[i]
}

// at is the step of an age.
func (t *Total) at(age int64) *Step {
	i, ok := slices.BinarySearchFunc(t.Steps, age, func(s Step, age int64) int { return cmp.Compare(s.Age, age) })
	if !ok {
		t.Steps = slices.Insert(t.Steps, i, Step{Age: age})
	}
	return &t.Steps[i]
}

// EarlyWithin is how shortly before its exposure, in milliseconds, a conversion is counted as early: an hour.
const EarlyWithin = 3_600_000

// precede adds a conversion before the exposure to the covariates.
func (v *Run) precede(declared bool, uses []registry.Use, c Conversion, exposed canonical.Time) {
	if c.Kept.At < exposed-CovariateDays*86_400_000 {
		return
	}
	if c.Event.Adjusts == "" && c.Kept.At >= exposed-EarlyWithin {
		v.Early++
	}
	if !declared {
		uses = []registry.Use{{}}
	}
	for _, u := range uses {
		if !u.Denominator && c.adds(u) {
			t := v.total(&u, c.Kept.ConversionEvent)
			if t == nil {
				continue
			}
			by, _ := amount(u, c)
			t.x = t.x.Plus(by)
		}
	}
}

// count adds a conversion to a metric.
func (v *Run) count(u registry.Use, c Conversion, exposed canonical.Time) {
	if !c.adds(u) {
		return
	}
	t := v.total(&u, c.Kept.ConversionEvent)
	if t == nil {
		return
	}
	by, currency := amount(u, c)
	if u.Field == registry.FieldValue && c.Event.Value.Set {
		t.Currencies = tallyCurrency(t.Currencies, currency)
	}
	s := t.at(Day(c.Kept.At) - Day(exposed))
	switch {
	case u.Denominator:
		s.D = s.D.Plus(by)
	case c.Event.Adjusts == "":
		s.N++
		fallthrough
	default:
		s.Y = s.Y.Plus(by)
	}
}

// adds reports whether the conversion changes a number: an adjustment changes no number of conversions.
func (c *Conversion) adds(u registry.Use) bool { return c.Event.Adjusts == "" || u.Field != "" }

// limited is a number that the metric's cap is applied to.
func (t *Total) limited(y canonical.Sum) canonical.Sum {
	if !t.limit.IsZero() && t.limit.Less(y) {
		return t.limit
	}
	return y
}

// Number is y, where so many conversions add up to all.
func (t *Total) Number(n int64, all canonical.Sum) canonical.Sum {
	if t.once {
		return canonical.SumOf(min(n, 1))
	}
	return t.limited(all)
}

// Final is y at the last age.
func (t *Total) Final() canonical.Sum {
	var n int64
	var all canonical.Sum
	for i := range t.Steps {
		n, all = n+t.Steps[i].N, all.Plus(t.Steps[i].Y)
	}
	return t.Number(n, all)
}

// amount is what a conversion adds to one side of a metric, and the currency that it is counted under. An amount in
// another currency than the metric's is converted at the rate of the conversion's day; without a rate it adds 0, and its
// currency is marked.
func amount(u registry.Use, c Conversion) (canonical.Sum, string) {
	e := c.Event
	switch u.Field {
	case registry.FieldValue:
		m := u.Metric
		if m.Currency == "" || e.Currency == "" || e.Currency == m.Currency {
			return canonical.SumOf(e.Value.Micros), e.Currency
		}
		rate, ok := m.Rate(e.Currency, c.Kept.At)
		if !ok {
			return canonical.Sum{}, e.Currency + Unrated
		}
		return rate.Convert(e.Value.Micros), e.Currency
	case registry.FieldMetricValue:
		return canonical.SumOf(e.MetricValue.Micros), ""
	}
	return canonical.SumOf(1), ""
}

// Unrated follows a currency in the counts of amounts that could not be converted because the metric has no rate for
// their day.
const Unrated = "?"

// currencyCount is how many amounts of a metric came in a currency, "" if none was stated.
type currencyCount struct {
	Currency string
	N        int64
}

func tallyCurrency(all []currencyCount, currency string) []currencyCount {
	i, ok := slices.BinarySearchFunc(all, currency, func(c currencyCount, code string) int { return strings.Compare(c.Currency, code) })
	if !ok {
		all = slices.Insert(all, i, currencyCount{Currency: currency})
	}
	all[i].N++
	return all
}

// CovariateDays is how long before the first exposure a conversion is part of the covariate.
const CovariateDays = 14

// Before is the person's covariate.
func (t *Total) Before() canonical.Sum {
	if t.once && !t.x.IsZero() {
		return canonical.SumOf(1)
	}
	return t.limited(t.x)
}
