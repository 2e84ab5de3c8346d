package sums

import (
	"maps"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/wire"
	"github.com/tracklayer/tracklayer/registry"
)

// Aggregate is all that an experiment's persons add up to. Every field is a sum over persons, so two aggregates of
// disjoint persons merge by adding. An aggregate handed out is never written to again: the next change makes a fork of it,
// which shares everything that does not change. Arms, unknown labels, crossovers and metrics are stored part by part, so
// that a commit costs what changed.
type Aggregate struct {
	epoch  uint64 // of the runs, the arms and the metrics' trees: those of an earlier one have been handed out
	handed bool   // readers have it

	changed map[Cut]struct{}      // parts of the metrics that differ from what is stored
	paired  map[ArmGroup]struct{} // whose products differ from what is stored
	parts   map[Part]struct{}     // arms, unknown labels and crossovers that may differ from what is stored

	Runs       map[int]*RunAggregate `json:"runs"`
	OutsideRun int64                 `json:"outside_run,omitempty"` // exposures outside every run
	NoExposure int64                 `json:"no_exposure,omitempty"` // conversions that name the experiment, of persons without an exposure to it
	// Holdout are exposures that call the experiment a holdout.
	Holdout int64 `json:"holdout,omitempty"`
	// Held are persons that a holdout keeps out of the experiment: who have no exposure to it, and who have one all the same.
	Held [2]int64 `json:"held"`
	// Participants are persons with any event that names the experiment, whether or not it counts anywhere.
	Participants int64 `json:"participants,omitempty"`
}

// RunAggregate is one run.
type RunAggregate struct {
	epoch    uint64
	Variants Table[*VariantAggregate] `json:"variants"`
	// Unknown are persons and exposures whose variant the registry does not know, by label.
	Unknown Table[UnknownAggregate] `json:"unknown,omitzero"`
	// Crossovers counts persons by pair of variants, see PairKey: those that are not filtered, and those that are.
	Crossovers [2]Table[int64] `json:"crossovers"`
	// Loose are conversions of persons that are in no arm.
	Loose [person.Statuses]int64 `json:"loose"`
	// Mismatched conversions claim another variant than the recorded exposure's.
	Mismatched int64 `json:"mismatched,omitempty"`
	// EndedUnexposed are persons with an early end and no exposure.
	EndedUnexposed int64 `json:"ended_unexposed,omitempty"`
	Doubts
}

// UnknownAggregate is one unknown label.
type UnknownAggregate struct {
	Persons   int64 `json:"persons"` // without an exposure to any known variant
	Exposures int64 `json:"exposures"`
}

// VariantAggregate is one arm. Persons are in the arm of their first exposure.
type VariantAggregate struct {
	epoch uint64

	Persons [person.Populations]int64 `json:"persons"`
	// Labelled are the filtered persons by what they are: bots, internal users. Who is both is in both.
	Labelled [2]int64 `json:"labelled"`
	// Crossed are the crossovers that were seen here, ever: by whether they ended early, and then by whether they are
	// filtered.
	Crossed  [4]int64                                   `json:"crossed"`
	Repeats  int64                                      `json:"repeats"` // exposures beyond a person's first in the run
	Days     [person.Groups]map[int64]int64             `json:"days"`    // persons by day of first exposure, days since 1970; see Include
	Statuses [person.Populations][person.Statuses]int64 `json:"statuses"`
	Reasons  [2]map[string]int64                        `json:"reasons"`  // persons that ended early, by reason: not filtered, and filtered
	EndDays  [2]map[int64]int64                         `json:"end_days"` // the same persons by the day on which they did, days since 1970
	// Early are persons with a conversion shortly before their first exposure, see EarlyWithin.
	Early [person.Groups]int64 `json:"early"`
	// Currencies counts the amounts of each metric over value by currency, "" if none was stated.
	Currencies [person.Groups]map[string]map[string]int64 `json:"currencies"`
	Metrics    map[string]*MetricAggregate                `json:"-"`
	Pairs      [person.Groups][]Product                   `json:"-"` // sorted by metrics; see Products
}

// MaxPaired is the most variants of a run that a person can have been exposed to and be counted in Crossovers. Others are
// crossovers in no pair: their pairs grow with the square of the variants, which a stranger can make up.
const MaxPaired = 20

// PairKey is the key of a pair of variants in Crossovers, the first before the second in byte order.
func PairKey(a, b string) string { return a + "\x00" + b }

// Pair is what PairKey was made of.
func Pair(key string) (a, b string) {
	a, b, _ = strings.Cut(key, "\x00")
	return a, b
}

// run returns a run, fit to be written to.
func (a *Aggregate) run(number int) *RunAggregate {
	if a.Runs == nil {
		a.Runs = map[int]*RunAggregate{}
	}
	r := a.Runs[number]
	switch {
	case r == nil:
		r = &RunAggregate{epoch: a.epoch}
		a.Runs[number] = r
	case r.epoch != a.epoch:
		c := *r
		c.epoch = a.epoch
		c.Variants, c.Unknown = r.Variants.Copied(), r.Unknown.Copied()
		for i := range c.Crossovers {
			c.Crossovers[i] = r.Crossovers[i].Copied()
		}
		r = &c
		a.Runs[number] = r
	}
	return r
}

// variant returns an arm, fit to be written to.
func (a *Aggregate) variant(run int, key string) *VariantAggregate {
	r := a.run(run)
	a.touch(Part{run, partArm, key})
	v, known := r.Variants.Get(key)
	switch {
	case !known:
		v = &VariantAggregate{epoch: a.epoch}
		r.Variants.Set(key, v)
	case v.epoch != a.epoch:
		v = v.clone()
		v.epoch = a.epoch
		r.Variants.Set(key, v)
	}
	return v
}

// Add puts what one person contributes on top (sign 1) or takes it back (sign -1).
func (a *Aggregate) Add(sign int64, q *person.Participation, p *person.Person) {
	a.Participants += sign
	a.OutsideRun += sign * q.Outside
	a.NoExposure += sign * q.NoExposure
	a.Holdout += sign * q.Holdout
	if q.Held > 0 {
		a.Held[wire.BoolByte(q.Exposed())] += sign
	}
	for i := range q.Runs {
		v := &q.Runs[i]
		r := a.run(v.Run)
		r.doubts(sign, p, v)
		if a.addLoose(r, sign, v) {
			a.addArms(r, sign, v, p.Labels)
		}
	}
}

// addLoose counts what is not of an arm, and reports whether there is one.
func (a *Aggregate) addLoose(r *RunAggregate, sign int64, v *person.Run) bool {
	r.Mismatched += sign * v.Mismatched
	for _, u := range v.Unknown {
		a.touch(Part{v.Run, partUnknown, u.Variant})
		n, _ := r.Unknown.Get(u.Variant)
		n.Exposures += sign * u.N
		if len(v.Arms) == 0 {
			n.Persons += sign
		}
		if n == (UnknownAggregate{}) {
			r.Unknown.Remove(u.Variant)
		} else {
			r.Unknown.Set(u.Variant, n)
		}
	}
	if len(v.Arms) == 0 {
		for s, n := range v.Statuses {
			r.Loose[s] += sign * n
		}
		if v.End.Set() {
			r.EndedUnexposed += sign
		}
	}
	return len(v.Arms) > 0
}

func (a *Aggregate) addArms(r *RunAggregate, sign int64, v *person.Run, labels registry.Label) {
	first := v.First()
	pop := v.Population(labels)
	for i, arm := range v.Arms {
		va := a.variant(v.Run, arm.Variant)
		va.Repeats += sign * arm.N
		if len(v.Arms) == 1 {
			break
		}
		va.Crossed[pop>>1] += sign
		if len(v.Arms) > MaxPaired {
			continue
		}
		for _, other := range v.Arms[i+1:] {
			key := PairKey(arm.Variant, other.Variant)
			addTo(&r.Crossovers[pop>>2], key, sign)
			a.touch(Part{v.Run, partCrossover + PartKind(pop>>2), key})
		}
	}
	va := a.variant(v.Run, first.Variant)
	va.Repeats -= sign
	va.Persons[pop] += sign
	for s, n := range v.Statuses {
		va.Statuses[pop][s] += sign * n
	}
	for i, label := range [...]registry.Label{registry.Bot, registry.Internal} {
		if labels&label != 0 {
			va.Labelled[i] += sign
		}
	}
	if v.End.Set() {
		va.Reasons[pop>>2] = tally(va.Reasons[pop>>2], v.End.Reason, sign)
		va.EndDays[pop>>2] = tally(va.EndDays[pop>>2], person.Day(v.End.At), sign)
		return
	}
	group := pop.Group()
	va.Days[group] = tally(va.Days[group], person.Day(first.At), sign)
	id := SeriesID{Run: v.Run, Variant: first.Variant, Group: group}
	if v.Early > 0 {
		va.Early[group] += sign
	}
	for i := range v.Totals {
		a.measure(sign, &id, person.Day(first.At), &v.Totals[i])
		va.spend(sign, group, &v.Totals[i])
	}
	a.pair(sign, va, ArmGroup{v.Run, first.Variant, group}, v.Totals)
}

// spend counts the currencies of a person's amounts in a metric.
func (v *VariantAggregate) spend(sign int64, group int, t *person.Total) {
	if len(t.Currencies) == 0 {
		return
	}
	to := &v.Currencies[group]
	if *to == nil {
		*to = map[string]map[string]int64{}
	}
	for _, c := range t.Currencies {
		(*to)[t.Metric] = tally((*to)[t.Metric], c.Currency, sign*c.N)
	}
	if len((*to)[t.Metric]) == 0 {
		delete(*to, t.Metric)
	}
}

// tally adds to a counter of a map and leaves no zero behind, so that equal sums are equal maps.
func tally[K comparable](m map[K]int64, key K, n int64) map[K]int64 {
	if m == nil {
		m = map[K]int64{}
	}
	if m[key] += n; m[key] == 0 {
		delete(m, key)
	}
	return m
}

// Prune drops what holds nothing, so that an aggregate whose persons left is equal to one they never entered.
func (a *Aggregate) Prune() {
	a.trim()
	for p := range a.parts {
		r := a.Runs[p.Run]
		if p.Kind != partArm || r == nil {
			continue
		}
		switch v, known := r.Variants.Get(p.Key); {
		case !known || v.epoch != a.epoch: // handed out: it was pruned before
		case v.empty():
			r.Variants.Remove(p.Key)
		default:
			v.prune()
		}
	}
	for n, r := range a.Runs {
		if r.isEmpty() {
			delete(a.Runs, n)
		}
	}
	if len(a.Runs) == 0 {
		a.Runs = nil
	}
}

func (v *VariantAggregate) prune() {
	for i := range v.Days {
		if len(v.Days[i]) == 0 {
			v.Days[i] = nil
		}
	}
	for i := range v.Reasons {
		if len(v.Reasons[i]) == 0 {
			v.Reasons[i], v.EndDays[i] = nil, nil
		}
	}
	for i := range v.Currencies {
		if len(v.Currencies[i]) == 0 {
			v.Currencies[i] = nil
		}
	}
}

func (r *RunAggregate) isEmpty() bool {
	return r.Variants.Len()+r.Unknown.Len()+r.Crossovers[0].Len()+r.Crossovers[1].Len() == 0 &&
		r.Loose == [person.Statuses]int64{} && r.Mismatched == 0 && r.EndedUnexposed == 0 && r.Doubts == (Doubts{})
}

func (v *VariantAggregate) empty() bool {
	return v.Persons == [person.Populations]int64{} && v.Crossed == [4]int64{} && v.Repeats == 0 && v.Statuses == [person.Populations][person.Statuses]int64{} &&
		len(v.Metrics) == 0 // days and reasons count some of the persons
}

// IsEmpty reports whether no person contributes anything.
func (a *Aggregate) IsEmpty() bool {
	return len(a.Runs) == 0 && a.Held == [2]int64{} && a.OutsideRun == 0 && a.NoExposure == 0 && a.Participants == 0
}

// HandOut gives the aggregate to readers. Nothing writes to it any more; fork makes the one to be written to.
func (a *Aggregate) HandOut() *Aggregate {
	if !a.handed {
		a.handed = true
	}
	return a
}

// Fork is a copy of an aggregate that was handed out, to be written to. Both share what does not change. What is still to
// be stored goes over to the fork.
func (a *Aggregate) Fork() *Aggregate {
	b := *a
	b.epoch, b.handed, b.Runs = a.epoch+1, false, maps.Clone(a.Runs)
	a.changed, a.paired, a.parts = nil, nil, nil
	return &b
}

// clone is a copy that shares only the metrics' trees, whose nodes are copied before they are written to.
func (v *VariantAggregate) clone() *VariantAggregate {
	w := *v
	for i := range v.Days {
		w.Days[i] = cloneMap(v.Days[i])
	}
	for i := range v.Reasons {
		w.Reasons[i], w.EndDays[i] = cloneMap(v.Reasons[i]), cloneMap(v.EndDays[i])
	}
	for i, byMetric := range v.Currencies {
		w.Currencies[i] = cloneMap(byMetric)
		for metric, n := range byMetric {
			w.Currencies[i][metric] = cloneMap(n)
		}
	}
	for i := range v.Pairs {
		w.Pairs[i] = slices.Clone(v.Pairs[i])
	}
	w.Metrics = cloneMap(v.Metrics)
	return &w
}

func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	if len(m) == 0 {
		return nil
	}
	return maps.Clone(m)
}
