package core

import (
	"maps"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

// Population splits the persons of an arm by what speaks against counting them. Which of them are counted is the
// policy's to say when the aggregate is read, so that both policies can be shown side by side.
type Population uint8

// The populations. Crossed, Ended and Filtered are bits.
const (
	Clean        Population = 0 // nothing
	Crossed      Population = 1 // seen in several variants of the run; here under the first one
	Ended        Population = 2 // ended early
	CrossedEnded Population = 3 // both
	Filtered     Population = 4 // a bot or an internal user, and whatever else
	populations             = 8
)

// Status is what became of a conversion in a run. Every conversion has exactly one in every run it concerns.
type Status uint8

// Statuses of a conversion. Exclusion of bots and internal users, of crossovers and of early ends is not among them: it
// follows from the population, and so from the policy.
const (
	Counted Status = iota
	Duplicate
	BeforeExposure
	OutsideWindow
	AfterRun
	NoExposure
	UnknownVariant
	Adjustment        // it changed the value of a conversion that counts
	WaitingAdjustment // what it adjusts has not arrived
	statuses          = 9
)

var statusNames = [statuses]string{"counted", "duplicate", "before_exposure", "outside_window", "after_run", "no_exposure", "unknown_variant", "adjustment", "waiting_adjustment"}

// String is the status's word in the API.
func (s Status) String() string { return statusNames[s] }

// Aggregate is all that an experiment's persons add up to. Every field is a sum over persons, so two aggregates of
// disjoint persons merge by adding. An aggregate handed out is never written to again: the next change makes a fork of it,
// which shares everything that does not change. Arms, unknown labels, crossovers and metrics are stored part by part, so
// that a commit costs what changed.
type Aggregate struct {
	epoch  uint64 // of the runs, the arms and the metrics' trees: those of an earlier one have been handed out
	handed bool   // readers have it

	changed map[cut]struct{}      // parts of the metrics that differ from what is stored
	paired  map[armGroup]struct{} // whose products differ from what is stored
	parts   map[part]struct{}     // arms, unknown labels and crossovers that may differ from what is stored

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
	Loose [statuses]int64 `json:"loose"`
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

	Persons [populations]int64 `json:"persons"`
	// Labelled are the filtered persons by what they are: bots, internal users. Who is both is in both.
	Labelled [2]int64 `json:"labelled"`
	// Crossed are the crossovers that were seen here, ever: by whether they ended early, and then by whether they are
	// filtered.
	Crossed  [4]int64                     `json:"crossed"`
	Repeats  int64                        `json:"repeats"` // exposures beyond a person's first in the run
	Days     [groups]map[int64]int64      `json:"days"`    // persons by day of first exposure, days since 1970; see Who
	Statuses [populations][statuses]int64 `json:"statuses"`
	Reasons  [2]map[string]int64          `json:"reasons"`  // persons that ended early, by reason: not filtered, and filtered
	EndDays  [2]map[int64]int64           `json:"end_days"` // the same persons by the day on which they did, days since 1970
	// Early are persons with a conversion shortly before their first exposure, see EarlyWithin.
	Early [groups]int64 `json:"early"`
	// Currencies counts the amounts of each metric over value by currency, "" if none was stated.
	Currencies [groups]map[string]map[string]int64 `json:"currencies"`
	Metrics    map[string]*MetricAggregate         `json:"-"`
	Pairs      [groups][]Product                   `json:"-"` // sorted by metrics; see Products
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
		c.Variants, c.Unknown = r.Variants.copied(), r.Unknown.copied()
		for i := range c.Crossovers {
			c.Crossovers[i] = r.Crossovers[i].copied()
		}
		r = &c
		a.Runs[number] = r
	}
	return r
}

// variant returns an arm, fit to be written to.
func (a *Aggregate) variant(run int, key string) *VariantAggregate {
	r := a.run(run)
	a.touch(part{run, partArm, key})
	v, known := r.Variants.Get(key)
	switch {
	case !known:
		v = &VariantAggregate{epoch: a.epoch}
		r.Variants.set(key, v)
	case v.epoch != a.epoch:
		v = v.clone()
		v.epoch = a.epoch
		r.Variants.set(key, v)
	}
	return v
}

// add puts what one person contributes on top (sign 1) or takes it back (sign -1).
func (a *Aggregate) add(sign int64, q *participation, p *person) {
	a.Participants += sign
	a.OutsideRun += sign * q.outside
	a.NoExposure += sign * q.noExposure
	a.Holdout += sign * q.holdout
	if q.held > 0 {
		a.Held[boolByte(q.exposed())] += sign
	}
	for i := range q.runs {
		v := &q.runs[i]
		r := a.run(v.run)
		r.doubts(sign, p, v)
		if a.addLoose(r, sign, v) {
			a.addArms(r, sign, v, p.labels)
		}
	}
}

// addLoose counts what is not of an arm, and reports whether there is one.
func (a *Aggregate) addLoose(r *RunAggregate, sign int64, v *runView) bool {
	r.Mismatched += sign * v.mismatched
	for _, u := range v.unknown {
		a.touch(part{v.run, partUnknown, u.variant})
		n, _ := r.Unknown.Get(u.variant)
		n.Exposures += sign * u.n
		if len(v.arms) == 0 {
			n.Persons += sign
		}
		if n == (UnknownAggregate{}) {
			r.Unknown.remove(u.variant)
		} else {
			r.Unknown.set(u.variant, n)
		}
	}
	if len(v.arms) == 0 {
		for s, n := range v.statuses {
			r.Loose[s] += sign * n
		}
		if v.end.set() {
			r.EndedUnexposed += sign
		}
	}
	return len(v.arms) > 0
}

func (a *Aggregate) addArms(r *RunAggregate, sign int64, v *runView, labels registry.Label) {
	first := v.first()
	pop := v.population(labels)
	for i, arm := range v.arms {
		va := a.variant(v.run, arm.variant)
		va.Repeats += sign * arm.n
		if len(v.arms) == 1 {
			break
		}
		va.Crossed[pop>>1] += sign
		if len(v.arms) > MaxPaired {
			continue
		}
		for _, other := range v.arms[i+1:] {
			key := PairKey(arm.variant, other.variant)
			addTo(&r.Crossovers[pop>>2], key, sign)
			a.touch(part{v.run, partCrossover + partKind(pop>>2), key})
		}
	}
	va := a.variant(v.run, first.variant)
	va.Repeats -= sign
	va.Persons[pop] += sign
	for s, n := range v.statuses {
		va.Statuses[pop][s] += sign * n
	}
	for i, label := range [...]registry.Label{registry.Bot, registry.Internal} {
		if labels&label != 0 {
			va.Labelled[i] += sign
		}
	}
	if v.end.set() {
		va.Reasons[pop>>2] = tally(va.Reasons[pop>>2], v.end.reason, sign)
		va.EndDays[pop>>2] = tally(va.EndDays[pop>>2], day(v.end.at), sign)
		return
	}
	group := pop.group()
	va.Days[group] = tally(va.Days[group], day(first.at), sign)
	id := seriesID{run: v.run, variant: first.variant, group: group}
	if v.early > 0 {
		va.Early[group] += sign
	}
	for i := range v.totals {
		a.measure(sign, &id, day(first.at), &v.totals[i])
		va.spend(sign, group, &v.totals[i])
	}
	a.pair(sign, va, armGroup{v.run, first.variant, group}, v.totals)
}

// spend counts the currencies of a person's amounts in a metric.
func (v *VariantAggregate) spend(sign int64, group int, t *total) {
	if len(t.currencies) == 0 {
		return
	}
	to := &v.Currencies[group]
	if *to == nil {
		*to = map[string]map[string]int64{}
	}
	for _, c := range t.currencies {
		(*to)[t.metric] = tally((*to)[t.metric], c.currency, sign*c.n)
	}
	if len((*to)[t.metric]) == 0 {
		delete(*to, t.metric)
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

// day is the number of whole days since 1970, UTC.
func day(t canonical.Time) int64 { return int64(t) / 86400000 } // no valid time lies before 2000

// prune drops what holds nothing, so that an aggregate whose persons left is equal to one they never entered.
func (a *Aggregate) prune() {
	a.trim()
	for p := range a.parts {
		r := a.Runs[p.run]
		if p.kind != partArm || r == nil {
			continue
		}
		switch v, known := r.Variants.Get(p.key); {
		case !known || v.epoch != a.epoch: // handed out: it was pruned before
		case v.empty():
			r.Variants.remove(p.key)
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
		r.Loose == [statuses]int64{} && r.Mismatched == 0 && r.EndedUnexposed == 0 && r.Doubts == (Doubts{})
}

func (v *VariantAggregate) empty() bool {
	return v.Persons == [populations]int64{} && v.Crossed == [4]int64{} && v.Repeats == 0 && v.Statuses == [populations][statuses]int64{} &&
		len(v.Metrics) == 0 // days and reasons count some of the persons
}

func (a *Aggregate) isEmpty() bool {
	return len(a.Runs) == 0 && a.Held == [2]int64{} && a.OutsideRun == 0 && a.NoExposure == 0 && a.Participants == 0
}

// handOut gives the aggregate to readers. Nothing writes to it any more; fork makes the one to be written to.
func (a *Aggregate) handOut() *Aggregate {
	if !a.handed {
		a.handed = true
	}
	return a
}

// fork is a copy of an aggregate that was handed out, to be written to. Both share what does not change. What is still to
// be stored goes over to the fork.
func (a *Aggregate) fork() *Aggregate {
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
