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
}

// step is what a person's number grew by, age days after the exposure.
type step struct {
	age  int64
	n    int64 // counted conversions, of the numerator where it is a ratio
	y, d canonical.Sum
}

// total is the number that a use goes into. Without a metric it is the proportion of who made the event.
func (v *runView) total(u *registry.Use, event string) *total {
	metric, once := event, true
	if u.Metric != nil {
		metric, once = u.Metric.ID, u.Metric.Type == registry.Proportion
	}
	i, ok := slices.BinarySearchFunc(v.totals, metric, func(t total, id string) int { return strings.Compare(t.metric, id) })
	if !ok {
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

// precede adds a conversion before the exposure to the covariates.
func (v *runView) precede(declared bool, uses []registry.Use, e *canonical.Event, exposed canonical.Time) {
	if e.At < exposed-CovariateDays*86_400_000 {
		return
	}
	if !declared {
		t := v.total(&registry.Use{}, e.ConversionEvent)
		t.x = t.x.Plus(amount(registry.Use{}, e))
	}
	for _, u := range uses {
		if !u.Denominator {
			t := v.total(&u, "")
			t.x = t.x.Plus(amount(u, e))
		}
	}
}

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

func amount(u registry.Use, e *canonical.Event) canonical.Sum {
	switch u.Field {
	case "value":
		return canonical.SumOf(e.Value.Micros)
	case "metric_value":
		return canonical.SumOf(e.MetricValue.Micros)
	}
	return canonical.SumOf(1)
}

func (s *step) count(u registry.Use, e *canonical.Event) {
	if u.Denominator {
		s.d = s.d.Plus(amount(u, e))
		return
	}
	s.n++
	s.y = s.y.Plus(amount(u, e))
}
