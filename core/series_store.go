package core

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// appendCut is the key of a stored cut: experiment, run, variant, metric, group, day, age. Numbers are written so that
// a scan meets the days and the ages of a series in order, its covariate first.
func appendCut(b []byte, experiment string, c cut) []byte {
	b = append(append(append(b, keyCut), experiment...), 0)
	b = binary.BigEndian.AppendUint32(b, uint32(c.series.run))
	b = append(append(append(b, c.series.variant...), 0), c.series.metric...)
	b = append(b, 0, byte(c.series.group))
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, uint32(c.day)), uint32(c.age+1))
}

func decodeCut(key []byte) (experiment string, c cut, ok bool) {
	c.series = &seriesID{}
	text := func() string {
		name, rest, found := bytes.Cut(key, []byte{0})
		key, ok = rest, ok && found
		return string(name)
	}
	ok = true
	key = key[1:]
	experiment = text()
	if len(key) < 4 {
		return experiment, c, false
	}
	c.series.run, key = int(binary.BigEndian.Uint32(key)), key[4:]
	c.series.variant, c.series.metric = text(), text()
	if !ok || len(key) != 9 || key[0] >= groups {
		return experiment, c, false
	}
	c.series.group = int(key[0])
	c.day, c.age = int64(binary.BigEndian.Uint32(key[1:])), int64(binary.BigEndian.Uint32(key[5:]))-1
	return experiment, c, true
}

// flushCuts writes the parts of the aggregate's series that changed since they were last written.
func (f *Fold) flushCuts(experiment string, a *Aggregate) error {
	a.trim()
	for c := range a.changed {
		key := appendCut(make([]byte, 0, 128), experiment, c)
		value := a.cut(c, f.buf[:0])
		if value == nil {
			if err := f.tx.Delete(key); err != nil {
				return err
			}
			continue
		}
		f.buf = value
		if err := f.tx.Set(key, value); err != nil {
			return err
		}
	}
	a.changed = nil
	return nil
}

// cut is a part as it is stored, on top of b; nil where there is nothing to store.
func (a *Aggregate) cut(c cut, b []byte) []byte {
	s := a.peek(c.series)
	if s == nil {
		return nil
	}
	i, found := s.find(c.day)
	if !found {
		return nil
	}
	d := s.days[i]
	if c.age == ageOfCovariate {
		if d.total.Covariate == (Covariate{}) {
			return nil
		}
		return d.total.Covariate.appendTo(b)
	}
	j, found := d.find(c.age)
	if !found {
		return nil
	}
	return d.ages[j].by.appendTo(b)
}

// peek is a series to be read.
func (a *Aggregate) peek(id *seriesID) *series {
	r := a.Runs[id.run]
	if r == nil {
		return nil
	}
	v, known := r.Variants.Get(id.variant)
	if !known || v.Metrics[id.metric] == nil {
		return nil
	}
	return v.Metrics[id.metric].of[id.group]
}

// loadCuts reads the series of all aggregates.
func (f *Fold) loadCuts(db Reader) error {
	err := db.Scan([]byte{keyCut}, func(key, value []byte) error {
		experiment, c, ok := decodeCut(key)
		a := f.aggs[experiment]
		if !ok || a == nil {
			return fmt.Errorf("a part of the aggregate of %q: %w", experiment, errRecord)
		}
		if a.changed == nil {
			a.changed = map[cut]struct{}{}
		}
		s := a.series(c.series, true)
		day := a.cohort(s, c.day)
		d := decoder{b: value}
		if c.age == ageOfCovariate {
			by := d.covariate()
			a.precede(s, day, 1, &by)
		} else {
			by := d.moments()
			a.grow(s, day, 1, c.age, &by)
		}
		if d.bad || len(d.b) > 0 {
			return fmt.Errorf("a part of the aggregate of %q: %w", experiment, errRecord)
		}
		clear(a.changed)
		return nil
	})
	return err
}

// lines are all sums of the series and all products as text in a fixed order, for whoever compares two aggregates.
func (a *Aggregate) lines() []string {
	var all []string
	for _, n := range slices.Sorted(maps.Keys(a.Runs)) {
		for key, v := range a.Runs[n].Variants.All() {
			for _, id := range slices.Sorted(maps.Keys(v.Metrics)) {
				for group, s := range v.Metrics[id].of {
					if s != nil {
						all = s.lines(all, fmt.Sprintf("run %d, %q, %q, group %d", n, key, id, group))
					}
				}
			}
		}
	}
	return append(all, a.productLines()...)
}

func (s *series) lines(all []string, name string) []string {
	all = append(all, name+", all: "+s.total.Moments.text()+" "+s.total.Covariate.text())
	for _, d := range s.days {
		at := fmt.Sprintf("%s, day %d", name, d.day)
		all = append(all, at+", all: "+d.total.Moments.text()+" "+d.total.Covariate.text())
		for i := range d.ages {
			all = append(all, fmt.Sprintf("%s, age %d: %s", at, d.ages[i].age, d.ages[i].by.text()))
		}
	}
	return all
}

func (m *Moments) text() string {
	parts := []string{fmt.Sprint(m.Users), m.Y.String(), m.D.String()}
	for _, w := range m.wides() {
		parts = append(parts, w.Big().String())
	}
	return strings.Join(parts, " ")
}

func (c *Covariate) text() string { return fmt.Sprintf("%d %s %s", c.Before, c.X, c.XX.Big()) }
