package sums

import (
	"iter"
	"slices"

	"github.com/tracklayer/tracklayer/core/person"
)

// Include says which persons are counted beside the clean ones.
type Include struct {
	Crossed  bool // seen in several variants, under the first one
	Filtered bool // bots and internal users
}

// counts reports whether the group is among them.
func (w Include) counts(group int) bool {
	p := person.Population(group&1 | group&2<<1)
	return (w.Crossed || p&person.Crossed == 0) && (w.Filtered || p&person.Filtered == 0)
}

// Counts reports whether persons of that population are counted. Those who ended early never are.
func (w Include) Counts(p person.Population) bool { return p&person.Ended == 0 && w.counts(p.Group()) }

// chosen are the series of the persons that are counted.
func (m *MetricAggregate) chosen(w Include) (all []*series) {
	if m == nil {
		return nil
	}
	for i, s := range m.of {
		if s != nil && w.counts(i) {
			all = append(all, s)
		}
	}
	return all
}

// Merged are the sums over all persons that are counted.
func (m *MetricAggregate) Merged(w Include) (sum Sums) {
	for _, s := range m.chosen(w) {
		sum.add(1, &s.total)
	}
	return sum
}

// Through are the sums over the persons whose first exposure was on that day, counted from 1970, or before it, with
// whatever they did since. With the last day whose windows have all closed it is the matured part of Merged.
func (m *MetricAggregate) Through(w Include, day int64) (sum Sums) {
	for _, s := range m.chosen(w) {
		for _, d := range s.days {
			if d.day > day {
				break
			}
			sum.add(1, &d.total)
		}
	}
	return sum
}

// Between are the sums over the persons whose first exposure was on one of the days first to last, counted from 1970,
// with whatever they did since.
func (m *MetricAggregate) Between(w Include, first, last int64) (sum Sums) {
	for _, s := range m.chosen(w) {
		for _, d := range s.days {
			if d.day >= first && d.day <= last {
				sum.add(1, &d.total)
			}
		}
	}
	return sum
}

// AsOf are the sums as they stood at the end of that day, counted from 1970, by the times of the exposures and the
// conversions, whenever they arrived. Who is one person, and of which population, is as known now.
func (m *MetricAggregate) AsOf(w Include, day int64) (sum Sums) {
	for _, s := range m.chosen(w) {
		for _, d := range s.days {
			if d.day > day {
				break
			}
			sum.Covariate.add(1, &d.total.Covariate)
			if n := len(d.ages); n == 0 || d.day+d.ages[n-1].age <= day {
				sum.Moments.add(1, &d.total.Moments)
				continue
			}
			for i := range d.ages {
				if d.day+d.ages[i].age > day {
					break
				}
				sum.Moments.add(1, &d.ages[i].by)
			}
		}
	}
	return sum
}

// Days are the days of first exposure in order, counted from 1970, each with the sums over its persons. Days on which
// no user came who has a number are left out.
func (m *MetricAggregate) Days(w Include) iter.Seq2[int64, Sums] {
	return func(yield func(int64, Sums) bool) {
		for day, cohorts := range m.cohorts(w) {
			var sum Sums
			for _, d := range cohorts {
				sum.add(1, &d.total)
			}
			if sum != (Sums{}) && !yield(day, sum) {
				return
			}
		}
	}
}

// Growth is what the sums over the persons first exposed on Day, counted from 1970, grew by Age days later.
type Growth struct {
	Day, Age int64
	Moments
}

// Growths are all parts that add up to the moments of Merged, in order of the day and then of the age. The moments of
// a Day as of an age are the sum of its Growths up to that age; a part alone may be negative.
func (m *MetricAggregate) Growths(w Include) iter.Seq[Growth] {
	return func(yield func(Growth) bool) {
		for day, cohorts := range m.cohorts(w) {
			for age, by := range ages(cohorts) {
				if by != (Moments{}) && !yield(Growth{day, age, by}) {
					return
				}
			}
		}
	}
}

// cohorts are the cohorts that are counted, by day in order.
func (m *MetricAggregate) cohorts(w Include) iter.Seq2[int64, []*cohort] {
	return func(yield func(int64, []*cohort) bool) {
		var rest [][]*cohort
		for _, s := range m.chosen(w) {
			rest = append(rest, s.days)
		}
		for {
			var next []*cohort
			for _, days := range rest {
				if len(days) > 0 && (next == nil || days[0].day <= next[0].day) {
					if next != nil && days[0].day < next[0].day {
						next = nil
					}
					next = append(next, days[0])
				}
			}
			if next == nil {
				return
			}
			for i, days := range rest {
				if len(days) > 0 && days[0].day == next[0].day {
					rest[i] = days[1:]
				}
			}
			if !yield(next[0].day, next) {
				return
			}
		}
	}
}

// ages are the moments of some cohorts by age in order.
func ages(cohorts []*cohort) iter.Seq2[int64, Moments] {
	return func(yield func(int64, Moments) bool) {
		if len(cohorts) == 1 {
			for i := range cohorts[0].ages {
				if g := &cohorts[0].ages[i]; !yield(g.age, g.by) {
					return
				}
			}
			return
		}
		by := map[int64]Moments{}
		var order []int64
		for _, d := range cohorts {
			for i := range d.ages {
				g := &d.ages[i]
				m, seen := by[g.age]
				if !seen {
					order = append(order, g.age)
				}
				m.add(1, &g.by)
				by[g.age] = m
			}
		}
		slices.Sort(order)
		for _, age := range order {
			if !yield(age, by[age]) {
				return
			}
		}
	}
}

// PersonsByDay counts the persons by the day of their first exposure, counted from 1970, in no order. A day may come
// more than once: its counts add up.
func (v *VariantAggregate) PersonsByDay(w Include) iter.Seq2[int64, int64] {
	return func(yield func(int64, int64) bool) {
		for group, days := range v.Days {
			if !w.counts(group) {
				continue
			}
			for day, n := range days {
				if !yield(day, n) {
					return
				}
			}
		}
	}
}

// EarlyPersons are the persons who are counted that have a conversion in the hour before their first exposure.
func (v *VariantAggregate) EarlyPersons(w Include) (n int64) {
	for group, persons := range v.Early {
		if w.counts(group) {
			n += persons
		}
	}
	return n
}

// AmountsByCurrency counts the amounts of a metric over value, of the persons who are counted, by currency: "" for
// amounts that state none, and with Unrated behind the currency for those that could not be converted.
func (v *VariantAggregate) AmountsByCurrency(metric string, w Include) map[string]int64 {
	all := map[string]int64{}
	for group, byMetric := range v.Currencies {
		if w.counts(group) {
			for currency, n := range byMetric[metric] {
				all[currency] += n
			}
		}
	}
	return all
}
