package core

import (
	"github.com/tracklayer/tracklayer/canonical"
)

// Population splits the persons of an arm by what speaks against counting them. Which of them are counted is the
// policy's to say when the aggregate is read, so that both policies can be shown side by side.
type Population uint8

// The populations.
const (
	Clean        Population = iota // nothing
	Crossed                        // seen in several variants of the run; here under the first one
	Ended                          // ended early
	CrossedEnded                   // both
	populations  = 4
)

// Status is what became of a conversion in a run. Every conversion has exactly one in every run it concerns.
type Status uint8

// Statuses of a conversion. Exclusion of crossovers and of early ends is not among them: it follows from the
// population, and so from the policy.
const (
	Counted Status = iota
	Duplicate
	BeforeExposure
	OutsideWindow
	AfterRun
	NoExposure
	UnknownVariant
	statuses = 7
)

var statusNames = [statuses]string{"counted", "duplicate", "before_exposure", "outside_window", "after_run", "no_exposure", "unknown_variant"}

// String is the status's word in the API.
func (s Status) String() string { return statusNames[s] }

// Aggregate is all that an experiment's persons add up to. Every field is a sum over persons, so two aggregates of
// disjoint persons merge by adding. An aggregate handed out is never written to again.
type Aggregate struct {
	Runs       map[int]*RunAggregate `json:"runs"`
	OutsideRun int64                 `json:"outside_run,omitempty"` // exposures outside every run
	NoExposure int64                 `json:"no_exposure,omitempty"` // conversions that name the experiment, of persons without an exposure to it
	// Participants are persons with any event that names the experiment, whether or not it counts anywhere.
	Participants int64 `json:"participants,omitempty"`
}

// RunAggregate is one run.
type RunAggregate struct {
	Variants map[string]*VariantAggregate `json:"variants"`
	// Unknown are persons and exposures whose variant the registry does not know, by label.
	Unknown map[string]UnknownAggregate `json:"unknown,omitempty"`
	// Crossovers counts persons by pair of variants, the keys in byte order.
	Crossovers map[string]map[string]int64 `json:"crossovers,omitempty"`
	// Loose are conversions of persons that are in no arm.
	Loose [statuses]int64 `json:"loose"`
	// Mismatched conversions claim another variant than the recorded exposure's.
	Mismatched int64 `json:"mismatched,omitempty"`
	// EndedUnexposed are persons with an early end and no exposure.
	EndedUnexposed int64 `json:"ended_unexposed,omitempty"`
}

// UnknownAggregate is one unknown label.
type UnknownAggregate struct {
	Persons   int64 `json:"persons"` // without an exposure to any known variant
	Exposures int64 `json:"exposures"`
}

// VariantAggregate is one arm. Persons are in the arm of their first exposure.
type VariantAggregate struct {
	Persons  [populations]int64           `json:"persons"`
	Crossed  [2]int64                     `json:"crossed"` // crossovers that were seen here, ever; second: those that ended early as well
	Repeats  int64                        `json:"repeats"` // exposures beyond a person's first in the run
	Days     [2]map[int64]int64           `json:"days"`    // clean and crossed persons by day of first exposure, days since 1970
	Statuses [populations][statuses]int64 `json:"statuses"`
	Reasons  map[string]int64             `json:"reasons,omitempty"` // persons that ended early, by reason
	Metrics  map[string]*MetricAggregate  `json:"metrics,omitempty"`
}

// MetricAggregate is one metric in one arm, for clean and for crossed persons. Persons without a conversion add
// nothing.
type MetricAggregate [2]Moments

// Moments are exact sums over persons of the metric's number y and, for ratios, of its denominator d.
type Moments struct {
	Users int64         `json:"users"` // persons with at least one counted conversion
	Y     canonical.Sum `json:"y"`     // in ones, or millionths where the metric reads a field
	D     canonical.Sum `json:"d"`
	YY    Wide          `json:"yy"`
	DD    Wide          `json:"dd"`
	YD    Wide          `json:"yd"`
}

func (m *Moments) plus(o Moments) {
	m.Users += o.Users
	m.Y, m.D = m.Y.Plus(o.Y), m.D.Plus(o.D)
	m.YY, m.DD, m.YD = m.YY.Plus(o.YY), m.DD.Plus(o.DD), m.YD.Plus(o.YD)
}

// Merged is the sum of the moments of clean persons and, where asked for, of crossed ones.
func (m *MetricAggregate) Merged(crossed bool) Moments {
	if m == nil {
		return Moments{}
	}
	sum := m[Clean]
	if crossed {
		sum.plus(m[Crossed])
	}
	return sum
}

func (a *Aggregate) run(number int) *RunAggregate {
	if a.Runs == nil {
		a.Runs = map[int]*RunAggregate{}
	}
	r := a.Runs[number]
	if r == nil {
		r = &RunAggregate{Variants: map[string]*VariantAggregate{}}
		a.Runs[number] = r
	}
	return r
}

func (r *RunAggregate) variant(key string) *VariantAggregate {
	v := r.Variants[key]
	if v == nil {
		v = &VariantAggregate{}
		r.Variants[key] = v
	}
	return v
}

// add puts what one person contributes on top (sign 1) or takes it back (sign -1).
func (a *Aggregate) add(sign int64, p *participation) {
	a.Participants += sign
	a.OutsideRun += sign * p.outside
	a.NoExposure += sign * p.noExposure
	for i := range p.runs {
		a.run(p.runs[i].run).add(sign, &p.runs[i])
	}
}

func (r *RunAggregate) add(sign int64, v *runView) {
	r.Mismatched += sign * v.mismatched
	for _, u := range v.unknown {
		if r.Unknown == nil {
			r.Unknown = map[string]UnknownAggregate{}
		}
		n := r.Unknown[u.variant]
		n.Exposures += sign * u.n
		if len(v.arms) == 0 {
			n.Persons += sign
		}
		if r.Unknown[u.variant] = n; n == (UnknownAggregate{}) {
			delete(r.Unknown, u.variant)
		}
	}
	if len(v.arms) == 0 {
		for s, n := range v.statuses {
			r.Loose[s] += sign * n
		}
		if v.end.set() {
			r.EndedUnexposed += sign
		}
		return
	}
	r.addArms(sign, v)
}

func (r *RunAggregate) addArms(sign int64, v *runView) {
	first := v.first()
	pop := v.population()
	for i, arm := range v.arms {
		va := r.variant(arm.variant)
		va.Repeats += sign * arm.n
		if len(v.arms) == 1 {
			break
		}
		va.Crossed[pop>>1] += sign
		for _, other := range v.arms[i+1:] {
			r.cross(sign, arm.variant, other.variant)
		}
	}
	va := r.variant(first.variant)
	va.Repeats -= sign
	va.Persons[pop] += sign
	for s, n := range v.statuses {
		va.Statuses[pop][s] += sign * n
	}
	if v.end.set() {
		va.Reasons = tally(va.Reasons, v.end.reason, sign)
	} else {
		va.Days[pop] = tally(va.Days[pop], day(first.at), sign)
		for i := range v.totals {
			va.addTotal(sign, pop, &v.totals[i])
		}
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

func (r *RunAggregate) cross(sign int64, a, b string) {
	if r.Crossovers == nil {
		r.Crossovers = map[string]map[string]int64{}
	}
	if r.Crossovers[a] = tally(r.Crossovers[a], b, sign); len(r.Crossovers[a]) == 0 {
		delete(r.Crossovers, a)
	}
}

func (v *VariantAggregate) addTotal(sign int64, pop Population, t *total) {
	if v.Metrics == nil {
		v.Metrics = map[string]*MetricAggregate{}
	}
	m := v.Metrics[t.metric]
	if m == nil {
		m = &MetricAggregate{}
		v.Metrics[t.metric] = m
	}
	o := Moments{Users: min(t.n, 1), Y: t.y, D: t.d, YY: times(t.y, t.y)}
	if !t.d.IsZero() {
		o.DD, o.YD = times(t.d, t.d), times(t.y, t.d)
	}
	if sign < 0 {
		n := Moments{Users: -o.Users}
		n.Y, n.D = n.Y.Minus(o.Y), n.D.Minus(o.D)
		n.YY, n.DD, n.YD = n.YY.Minus(o.YY), n.DD.Minus(o.DD), n.YD.Minus(o.YD)
		o = n
	}
	m[pop].plus(o)
	if *m == (MetricAggregate{}) {
		delete(v.Metrics, t.metric)
	}
}

// day is the number of whole days since 1970, UTC.
func day(t canonical.Time) int64 { return int64(t) / 86400000 } // no valid time lies before 2000

// prune drops what holds nothing, so that an aggregate whose persons left is equal to one they never entered.
func (a *Aggregate) prune() {
	for n, r := range a.Runs {
		for key, v := range r.Variants {
			if v.empty() {
				delete(r.Variants, key)
			}
			for i := range v.Days {
				if len(v.Days[i]) == 0 {
					v.Days[i] = nil
				}
			}
		}
		if len(r.Variants)+len(r.Unknown)+len(r.Crossovers) == 0 && r.Loose == [statuses]int64{} && r.Mismatched == 0 && r.EndedUnexposed == 0 {
			delete(a.Runs, n)
		}
	}
	if len(a.Runs) == 0 {
		a.Runs = nil
	}
}

func (v *VariantAggregate) empty() bool {
	return v.Persons == [populations]int64{} && v.Crossed == [2]int64{} && v.Repeats == 0 && v.Statuses == [populations][statuses]int64{} &&
		len(v.Days[0])+len(v.Days[1])+len(v.Reasons)+len(v.Metrics) == 0
}

func (a *Aggregate) isEmpty() bool {
	return len(a.Runs) == 0 && a.OutsideRun == 0 && a.NoExposure == 0 && a.Participants == 0
}

// clone is a deep copy.
func (a *Aggregate) clone() *Aggregate {
	b := *a
	if a.Runs == nil {
		return &b
	}
	b.Runs = make(map[int]*RunAggregate, len(a.Runs))
	for n, r := range a.Runs {
		c := *r
		c.Unknown = cloneMap(r.Unknown)
		c.Crossovers = nil
		for k, m := range r.Crossovers {
			if c.Crossovers == nil {
				c.Crossovers = make(map[string]map[string]int64, len(r.Crossovers))
			}
			c.Crossovers[k] = cloneMap(m)
		}
		c.Variants = make(map[string]*VariantAggregate, len(r.Variants))
		for k, v := range r.Variants {
			w := *v
			w.Days = [2]map[int64]int64{cloneMap(v.Days[0]), cloneMap(v.Days[1])}
			w.Reasons = cloneMap(v.Reasons)
			w.Metrics = make(map[string]*MetricAggregate, len(v.Metrics))
			for id, m := range v.Metrics {
				x := *m
				w.Metrics[id] = &x
			}
			c.Variants[k] = &w
		}
		b.Runs[n] = &c
	}
	return &b
}

func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	if len(m) == 0 {
		return nil
	}
	c := make(map[K]V, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}
