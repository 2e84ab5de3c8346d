package sums

import (
	"cmp"
	"slices"

	"github.com/tracklayer/tracklayer/core/person"
)

// MetricAggregate is one metric in one arm, cut by who the persons are, by the day of their first exposure, and by the
// age of what they did, which is the calendar day (UTC) of the conversion less that of the exposure. A cut at an age
// holds what the persons' sums grew by at that age, so that adding up the ages to any limit gives the exact sums as of
// that age. Persons without a conversion add nothing.
//
// It is a tree whose nodes are copied before they are first written after the tree was handed out.
type MetricAggregate struct {
	epoch uint64
	of    [person.Groups]*series
}

// series is one group of persons in order of their exposure.
type series struct {
	epoch uint64
	id    *SeriesID
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

// SeriesID names a series within its aggregate.
type SeriesID struct {
	Run             int
	Variant, Metric string
	Group           int
}

// Cut names one stored part of a series. The age -1 stands for the covariate.
type Cut struct {
	Series *SeriesID
	Day    int64
	Age    int64
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
func (a *Aggregate) series(id *SeriesID, create bool) *series {
	if !create && a.peek(id) == nil {
		return nil
	}
	v := a.variant(id.Run, id.Variant)
	m := v.Metrics[id.Metric]
	switch {
	case m == nil:
		if v.Metrics == nil {
			v.Metrics = map[string]*MetricAggregate{}
		}
		m = &MetricAggregate{epoch: a.epoch}
		v.Metrics[id.Metric] = m
	case m.epoch != a.epoch:
		m = &MetricAggregate{a.epoch, m.of}
		v.Metrics[id.Metric] = m
	}
	s := m.of[id.Group]
	switch {
	case s == nil:
		kept := *id
		s = &series{epoch: a.epoch, id: &kept}
		m.of[id.Group] = s
	case s.epoch != a.epoch:
		s = &series{a.epoch, s.id, s.total, slices.Clone(s.days)}
		m.of[id.Group] = s
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
	a.changed[Cut{s.id, d.day, age}] = struct{}{} // even by nothing: the cohort may be new
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
	a.changed[Cut{s.id, d.day, ageOfCovariate}] = struct{}{}
}

// measure adds one person's number in a metric, or takes it back.
func (a *Aggregate) measure(sign int64, id *SeriesID, day int64, t *person.Total) {
	x := t.Before()
	if len(t.Steps) == 0 && x.IsZero() {
		return
	}
	if a.changed == nil {
		a.changed = map[Cut]struct{}{}
	}
	id.Metric = t.Metric
	s := a.series(id, true)
	d := a.cohort(s, day)
	var at standing
	for i := range t.Steps {
		next := at.then(t, &t.Steps[i])
		by := next.since(&at, x)
		a.grow(s, d, sign, t.Steps[i].Age, &by)
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
		s := a.series(c.Series, false)
		if s == nil {
			continue
		}
		if i, found := s.find(c.Day); found {
			d := a.cohort(s, c.Day)
			if j, found := d.find(c.Age); found && d.ages[j].by == (Moments{}) {
				d.ages = slices.Delete(d.ages, j, j+1)
			}
			if len(d.ages) == 0 && d.total.Covariate == (Covariate{}) {
				s.days = slices.Delete(s.days, i, i+1)
			}
		}
		if len(s.days) > 0 {
			continue
		}
		v := a.variant(c.Series.Run, c.Series.Variant)
		m := v.Metrics[c.Series.Metric]
		m.of[c.Series.Group] = nil
		if m.of == [person.Groups]*series{} {
			delete(v.Metrics, c.Series.Metric)
		}
	}
}
