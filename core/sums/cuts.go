package sums

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/core/wire"
)

// Cut is a part as it is stored, on top of b; nil where there is nothing to store.
func (a *Aggregate) Cut(c Cut, b []byte) []byte {
	s := a.peek(c.Series)
	if s == nil {
		return nil
	}
	i, found := s.find(c.Day)
	if !found {
		return nil
	}
	d := s.days[i]
	if c.Age == ageOfCovariate {
		if d.total.Covariate == (Covariate{}) {
			return nil
		}
		return d.total.Covariate.appendTo(b)
	}
	j, found := d.find(c.Age)
	if !found {
		return nil
	}
	return d.ages[j].by.appendTo(b)
}

// peek is a series to be read.
func (a *Aggregate) peek(id *SeriesID) *series {
	r := a.Runs[id.Run]
	if r == nil {
		return nil
	}
	v, known := r.Variants.Get(id.Variant)
	if !known || v.Metrics[id.Metric] == nil {
		return nil
	}
	return v.Metrics[id.Metric].of[id.Group]
}

// Lines are all sums of the series and all products as text in a fixed order, for comparing two aggregates.
func (a *Aggregate) Lines() []string {
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

// productLines are all products as text in a fixed order.
func (a *Aggregate) productLines() (all []string) {
	for _, n := range slices.Sorted(maps.Keys(a.Runs)) {
		for key, v := range a.Runs[n].Variants.All() {
			for group, products := range v.Pairs {
				for _, p := range products {
					all = append(all, fmt.Sprintf("run %d, %q, group %d, %q: %s", n, key, group, p.Metrics, p.Sum.Big()))
				}
			}
		}
	}
	return all
}

// TakeCuts returns the cuts that differ from what is stored, and takes them for stored. What came to nothing is dropped.
func (a *Aggregate) TakeCuts() map[Cut]struct{} {
	a.trim()
	changed := a.changed
	a.changed = nil
	return changed
}

// LoadCut takes a stored cut, and reports whether it could be read.
func (a *Aggregate) LoadCut(c Cut, value []byte) bool {
	if a.changed == nil {
		a.changed = map[Cut]struct{}{}
	}
	s := a.series(c.Series, true)
	day := a.cohort(s, c.Day)
	d := wire.Decoder{Rest: value}
	if c.Age == ageOfCovariate {
		by := readCovariate(&d)
		a.precede(s, day, 1, &by)
	} else {
		by := readMoments(&d)
		a.grow(s, day, 1, c.Age, &by)
	}
	clear(a.changed)
	return !d.Bad && len(d.Rest) == 0
}

// TakePaired returns the groups whose products differ from what is stored, and takes them for stored.
func (a *Aggregate) TakePaired() map[ArmGroup]struct{} {
	paired := a.paired
	a.paired = nil
	return paired
}

// Products are the products of a group as they are stored, on top of b; nil if there are none.
func (a *Aggregate) Products(of ArmGroup, b []byte) []byte {
	v := a.arm(of)
	if v == nil || len(v.Pairs[of.Group]) == 0 {
		return nil
	}
	b = binary.AppendUvarint(b, uint64(len(v.Pairs[of.Group])))
	for _, p := range v.Pairs[of.Group] {
		b = appendWide(wire.AppendText(wire.AppendText(b, p.Metrics[0]), p.Metrics[1]), p.Sum)
	}
	return b
}

// LoadProducts takes the stored products of a group, and reports whether they could be read.
func (a *Aggregate) LoadProducts(of ArmGroup, value []byte) bool {
	v := a.arm(of)
	if v == nil {
		return false
	}
	d := wire.Decoder{Rest: value}
	products := make([]Product, d.Count())
	for i := range products {
		products[i] = Product{[2]string{d.Text(), d.Text()}, readWide(&d)}
	}
	v.Pairs[of.Group] = products
	return !d.Bad && len(d.Rest) == 0
}

// TakeParts returns the parts that may differ from what is stored, and takes them for stored.
func (a *Aggregate) TakeParts() map[Part]struct{} {
	parts := a.parts
	a.parts = nil
	return parts
}

// Loaded takes all parts for stored.
func (a *Aggregate) Loaded() { a.changed, a.paired, a.parts = nil, nil, nil }

// HandedOut reports whether readers have the aggregate.
func (a *Aggregate) HandedOut() bool { return a.handed }
