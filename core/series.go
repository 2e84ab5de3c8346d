package core

import (
	"cmp"
	"slices"
)

// CovariateDays is how long before the first exposure a conversion is part of the covariate.
const CovariateDays = 14

// groups is the number of populations that are measured: those that did not end early.
const groups = 4

// group numbers the populations that are measured: clean, crossed, filtered, filtered and crossed.
func (p Population) group() int { return int(p&Crossed | p&Filtered>>1) }

// MetricAggregate is one metric in one arm, cut by who the persons are, by the day of their first exposure, and by the
// age of what they did, which is the calendar day (UTC) of the conversion less that of the exposure. A cut at an age
// holds what the persons' sums grew by at that age, so that adding up the ages to any limit gives the exact sums as of
// that age. Persons without a conversion add nothing.
//
// It is a tree whose nodes are copied before they are first written after the tree was handed out.
type MetricAggregate struct {
	epoch uint64
	of    [groups]*series
}

// series is one group of persons in order of their exposure.
type series struct {
	epoch uint64
	id    *seriesID
	total Sums
	days  []*cohort
}

// cohort is the persons whose first exposure was on one day.
type cohort struct {
	epoch uint64
	day   int64 // since 1970
	total Sums
	ages  []growth
}

// growth is what a cohort's moments grew by at an age, in days.
type growth struct {
	age int64
	by  Moments
}

// seriesID names a series within its aggregate.
type seriesID struct {
	run             int
	variant, metric string
	group           int
}

// cut names one stored part of a series. The age -1 stands for the covariate.
type cut struct {
	series *seriesID
	day    int64
	age    int64
}

const ageOfCovariate = -1

func (d *cohort) find(age int64) (int, bool) {
	if n := len(d.ages); n > 0 && d.ages[n-1].age < age {
		return n, false
	}
	return slices.BinarySearchFunc(d.ages, age, func(g growth, age int64) int { return cmp.Compare(g.age, age) })
}

func (s *series) find(day int64) (int, bool) {
	if n := len(s.days); n > 0 && s.days[n-1].day < day {
		return n, false
	}
	return slices.BinarySearchFunc(s.days, day, func(d *cohort, day int64) int { return cmp.Compare(d.day, day) })
}

// series is the part of the tree that the id names, fit to be written to; nil where there is none, unless it is made.
func (a *Aggregate) series(id *seriesID, create bool) *series {
	if !create && a.peek(id) == nil {
		return nil
	}
	v := a.variant(id.run, id.variant)
	m := v.Metrics[id.metric]
	switch {
	case m == nil:
		if v.Metrics == nil {
			v.Metrics = map[string]*MetricAggregate{}
		}
		m = &MetricAggregate{epoch: a.epoch}
		v.Metrics[id.metric] = m
	case m.epoch != a.epoch:
		m = &MetricAggregate{a.epoch, m.of}
		v.Metrics[id.metric] = m
	}
	s := m.of[id.group]
	switch {
	case s == nil:
		kept := *id
		s = &series{epoch: a.epoch, id: &kept}
		m.of[id.group] = s
	case s.epoch != a.epoch:
		s = &series{a.epoch, s.id, s.total, slices.Clone(s.days)}
		m.of[id.group] = s
	}
	return s
}

// cohort is the series' persons of one day, fit to be written to.
func (a *Aggregate) cohort(s *series, day int64) *cohort {
	i, found := s.find(day)
	if !found {
		d := &cohort{epoch: a.epoch, day: day}
		s.days = slices.Insert(s.days, i, d)
		return d
	}
	d := s.days[i]
	if d.epoch != a.epoch {
		d = &cohort{a.epoch, d.day, d.total, slices.Clone(d.ages)}
		s.days[i] = d
	}
	return d
}

// grow adds to one age of a cohort and to all sums above it.
func (a *Aggregate) grow(s *series, d *cohort, sign, age int64, by *Moments) {
	a.changed[cut{s.id, d.day, age}] = struct{}{} // even by nothing: the cohort may be new
	if *by == (Moments{}) {
		return
	}
	i, found := d.find(age)
	if !found {
		d.ages = slices.Insert(d.ages, i, growth{age: age})
	}
	d.ages[i].by.add(sign, by)
	d.total.Moments.add(sign, by)
	s.total.Moments.add(sign, by)
}

func (a *Aggregate) precede(s *series, d *cohort, sign int64, by *Covariate) {
	d.total.Covariate.add(sign, by)
	s.total.Covariate.add(sign, by)
	a.changed[cut{s.id, d.day, ageOfCovariate}] = struct{}{}
}

// measure adds one person's number in a metric, or takes it back.
func (a *Aggregate) measure(sign int64, id *seriesID, day int64, t *total) {
	x := t.before()
	if len(t.steps) == 0 && x.IsZero() {
		return
	}
	if a.changed == nil {
		a.changed = map[cut]struct{}{}
	}
	id.metric = t.metric
	s := a.series(id, true)
	d := a.cohort(s, day)
	var at standing
	for i := range t.steps {
		next := t.then(at, &t.steps[i])
		by := next.since(&at, x)
		a.grow(s, d, sign, t.steps[i].age, &by)
		at = next
	}
	if !x.IsZero() {
		a.precede(s, d, sign, &Covariate{1, x, times(x, x)})
	}
}

// trim drops what came to nothing, so that equal sums are equal trees.
func (a *Aggregate) trim() {
	a.trimProducts()
	for c := range a.changed {
		s := a.series(c.series, false)
		if s == nil {
			continue
		}
		if i, found := s.find(c.day); found {
			d := a.cohort(s, c.day)
			if j, found := d.find(c.age); found && d.ages[j].by == (Moments{}) {
				d.ages = slices.Delete(d.ages, j, j+1)
			}
			if len(d.ages) == 0 && d.total.Covariate == (Covariate{}) {
				s.days = slices.Delete(s.days, i, i+1)
			}
		}
		if len(s.days) > 0 {
			continue
		}
		v := a.variant(c.series.run, c.series.variant)
		m := v.Metrics[c.series.metric]
		m.of[c.series.group] = nil
		if m.of == [groups]*series{} {
			delete(v.Metrics, c.series.metric)
		}
	}
}
