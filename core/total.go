package core

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

// total is a person's number in a metric.
type total struct {
	metric string
	once   bool          // the number is 1 where there is a conversion, however many
	paired bool          // its products with the person's other paired numbers are summed
	limit  canonical.Sum // of the number, and of x; zero: none
	x      canonical.Sum // from the days before the exposure, see CovariateDays; of the numerator where it is a ratio
	steps  []step        // by age
	// currencies are of the amounts that are counted, sorted by currency; of a metric over value.
	currencies []currencyCount
}

// step is what a person's number grew by, age days after the exposure.
type step struct {
	age  int64
	n    int64 // counted conversions, of the numerator where it is a ratio
	y, d canonical.Sum
}

// UndeclaredMetrics is how many conversion events of one person are metrics in an experiment that is not declared: the
// first ones in byte order, so that the order of arrival leaves no trace. A declared experiment has the metrics of its
// definition.
const UndeclaredMetrics = 100

// total is the number that a use goes into, nil if the person has too many. Without a metric it is the proportion of
// those who made the event.
func (v *runView) total(u *registry.Use, event string) *total {
	metric, once := event, true
	if u.Metric != nil {
		metric, once = u.Metric.ID, u.Metric.Type == registry.Proportion
	}
	i, ok := slices.BinarySearchFunc(v.totals, metric, func(t total, id string) int { return strings.Compare(t.metric, id) })
	if !ok {
		if u.Metric == nil && len(v.totals) >= UndeclaredMetrics {
			if i == len(v.totals) {
				return nil
			}
			// What is pushed out stays out: the ones before it only ever become more, and it is not inserted behind them.
			v.totals = v.totals[:len(v.totals)-1]
		}
		v.totals = slices.Insert(v.totals, i, total{metric: metric, once: once, paired: u.Paired, limit: u.Cap})
	}
	return &v.totals[i]
}

// at is the step of an age.
func (t *total) at(age int64) *step {
	i, ok := slices.BinarySearchFunc(t.steps, age, func(s step, age int64) int { return cmp.Compare(s.age, age) })
	if !ok {
		t.steps = slices.Insert(t.steps, i, step{age: age})
	}
	return &t.steps[i]
}

// EarlyWithin is how shortly before its exposure, in milliseconds, a conversion is counted as early: an hour.
const EarlyWithin = 3_600_000

// precede adds a conversion before the exposure to the covariates.
func (v *runView) precede(declared bool, uses []registry.Use, c conversion, exposed canonical.Time) {
	if c.kept.At < exposed-CovariateDays*86_400_000 {
		return
	}
	if c.event.Adjusts == "" && c.kept.At >= exposed-EarlyWithin {
		v.early++
	}
	if !declared {
		uses = []registry.Use{{}}
	}
	for _, u := range uses {
		if !u.Denominator && c.adds(u) {
			t := v.total(&u, c.kept.ConversionEvent)
			if t == nil {
				continue
			}
			by, _ := amount(u, c)
			t.x = t.x.Plus(by)
		}
	}
}

// count adds a conversion to a metric.
func (v *runView) count(u registry.Use, c conversion, exposed canonical.Time) {
	if !c.adds(u) {
		return
	}
	t := v.total(&u, c.kept.ConversionEvent)
	if t == nil {
		return
	}
	by, currency := amount(u, c)
	if u.Field == registry.FieldValue && c.event.Value.Set {
		t.currencies = tallyCurrency(t.currencies, currency)
	}
	s := t.at(day(c.kept.At) - day(exposed))
	switch {
	case u.Denominator:
		s.d = s.d.Plus(by)
	case c.event.Adjusts == "":
		s.n++
		fallthrough
	default:
		s.y = s.y.Plus(by)
	}
}

// adds reports whether the conversion changes a number: an adjustment changes no number of conversions.
func (c *conversion) adds(u registry.Use) bool { return c.event.Adjusts == "" || u.Field != "" }

// limited is a number that the metric's cap is applied to.
func (t *total) limited(y canonical.Sum) canonical.Sum {
	if !t.limit.IsZero() && t.limit.Less(y) {
		return t.limit
	}
	return y
}

// number is y, where so many conversions add up to all.
func (t *total) number(n int64, all canonical.Sum) canonical.Sum {
	if t.once {
		return canonical.SumOf(min(n, 1))
	}
	return t.limited(all)
}

// final is y at the last age.
func (t *total) final() canonical.Sum {
	var n int64
	var all canonical.Sum
	for i := range t.steps {
		n, all = n+t.steps[i].n, all.Plus(t.steps[i].y)
	}
	return t.number(n, all)
}

// amount is what a conversion adds to one side of a metric, and the currency that it is counted under. An amount in
// another currency than the metric's is converted at the rate of the conversion's day; without a rate it adds 0, and its
// currency is marked.
func amount(u registry.Use, c conversion) (canonical.Sum, string) {
	e := c.event
	switch u.Field {
	case registry.FieldValue:
		m := u.Metric
		if m.Currency == "" || e.Currency == "" || e.Currency == m.Currency {
			return canonical.SumOf(e.Value.Micros), e.Currency
		}
		rate, ok := m.Rate(e.Currency, c.kept.At)
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
	currency string
	n        int64
}

func tallyCurrency(all []currencyCount, currency string) []currencyCount {
	i, ok := slices.BinarySearchFunc(all, currency, func(c currencyCount, code string) int { return strings.Compare(c.currency, code) })
	if !ok {
		all = slices.Insert(all, i, currencyCount{currency: currency})
	}
	all[i].n++
	return all
}
