package person

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

// Moment orders facts of one kind totally: by their own time, then by request, then by their place in it, then by id.
type Moment struct {
	At       canonical.Time
	ID       string
	Source   string
	received canonical.Time
	batch    uint16 // the request, of those of the source at that time
	index    int    // in the request
}

// Before reports whether the moment is the earlier one.
func (m Moment) Before(o Moment) bool {
	return cmp.Or(
		cmp.Compare(m.At, o.At), cmp.Compare(m.received, o.received), strings.Compare(m.Source, o.Source), cmp.Compare(m.batch, o.batch), cmp.Compare(m.index, o.index),
		strings.Compare(m.ID, o.ID)) < 0
}

// MomentOf is the moment of an event.
func MomentOf(e *canonical.Event) Moment {
	return Moment{e.At, e.ID, e.Source, e.ReceivedAt, e.Batch, e.BatchIndex}
}

// precedes reports whether an event happened before the moment: earlier, or at the same time and before it in the same
// request.
func precedes(e *canonical.Event, m Moment) bool {
	return e.At < m.At ||
		e.At == m.At && e.ReceivedAt == m.received && e.Source == m.Source && e.Batch == m.batch && e.Batch != 0 && e.BatchIndex < m.index
}

// Person is what is known of one person: the ids, and how it takes part in experiments.
type Person struct {
	Units       []canonical.Unit // all ids, sorted; the person is stored under the smallest user, else its anonymous id
	Conversions int64            // facts that are conversions
	Labels      registry.Label   // of all facts together
	Crowd       bool             // merges join an id with more ids than a person may have: none of them holds
	Refused     int64            // users that its anonymous ids were linked to besides their owner
	Revision    int              // of the registry that it was last computed by as a whole
	Parts       []Participation  // sorted by experiment; see index
	// index finds the parts of a person who takes part in very many experiments while it is evaluated. They are sorted at
	// the end.
	index map[string]int
}

// Participation is a person in an experiment.
type Participation struct {
	Experiment string
	Outside    int64 // exposures outside every run
	NoExposure int64 // conversions that name the experiment although the person has no exposure in any run of it
	Holdout    int64 // exposures that call the experiment a holdout
	Held       int64 // exposures to a holdout that name the experiment as one that the person is held out of
	Runs       []Run
}

// Run is a person in a run.
type Run struct {
	Run        int
	Arms       []Arm // known variants met, sorted by key
	Unknown    []Arm // labels that the registry does not know
	End        ending
	Totals     []Total // sorted by metric
	Statuses   [Statuses]int64
	Mismatched int64
	Late       int64 // exposures, see Doubts
	Ahead      int64
	Early      int64 // conversions shortly before the first exposure, see EarlyWithin
	Refunds    int64 // negative values under the dedup key of a conversion that is not: they count for nothing
	Twins      int64 // counted conversions that another source seems to have reported as well, see twin
}

// Arm is a variant that the person met in a run.
type Arm struct {
	Variant  string
	Earliest Moment
	N        int64 // exposures
}

// ending is the earliest early end of a person in a run.
type ending struct {
	Moment
	Reason string
}

// Set reports whether there is an early end.
func (e ending) Set() bool { return e.At != 0 }

// Exposed reports whether the person was exposed to any variant of the run, known or not.
func (v *Run) Exposed() bool { return len(v.Arms)+len(v.Unknown) > 0 }

// Exposure is a person's first exposure to a known variant of a run.
type Exposure struct {
	Variant string
	Moment
}

// First is the first exposure to a known variant. There must be one.
func (v *Run) First() Exposure {
	best := &v.Arms[0]
	for i := range v.Arms[1:] {
		if a := &v.Arms[i+1]; a.Earliest.Before(best.Earliest) {
			best = a
		}
	}
	return Exposure{best.Variant, best.Earliest}
}

// Population is the population that the person belongs to in the run, given the labels of its events.
func (v *Run) Population(labels registry.Label) Population {
	pop := Clean
	if len(v.Arms) > 1 {
		pop = Crossed
	}
	if v.End.Set() {
		pop |= Ended
	}
	if labels != 0 {
		pop |= Filtered
	}
	return pop
}

// manyParts is the number of experiments from which on a person that is evaluated keeps an index of them.
const manyParts = 256

// part finds or makes the person's participation in an experiment.
func (p *Person) part(experiment string) *Participation {
	if p.index != nil {
		i, ok := p.index[experiment]
		if !ok {
			i = len(p.Parts)
			p.index[experiment] = i
			p.Parts = append(p.Parts, Participation{Experiment: experiment})
		}
		return &p.Parts[i]
	}
	i, ok := slices.BinarySearchFunc(p.Parts, experiment, func(q Participation, id string) int { return strings.Compare(q.Experiment, id) })
	if !ok {
		p.Parts = slices.Insert(p.Parts, i, Participation{Experiment: experiment})
	}
	return &p.Parts[i]
}

func (q *Participation) run(number int) *Run {
	i, ok := slices.BinarySearchFunc(q.Runs, number, func(v Run, n int) int { return cmp.Compare(v.Run, n) })
	if !ok {
		q.Runs = slices.Insert(q.Runs, i, Run{Run: number})
	}
	return &q.Runs[i]
}

func addArm(arms []Arm, variant string, m Moment) []Arm {
	i, ok := slices.BinarySearchFunc(arms, variant, func(a Arm, key string) int { return strings.Compare(a.Variant, key) })
	if !ok {
		return slices.Insert(arms, i, Arm{variant, m, 1})
	}
	arms[i].N++
	if m.Before(arms[i].Earliest) {
		arms[i].Earliest = m
	}
	return arms
}

// Rules read events by the registry. An experiment that is not declared has one run without start or end, knows every
// variant, and takes every conversion event as a proportion of its own.
type Rules struct {
	registry.Registry
	Watch *Watch // nil: verdicts are not recorded
}

// Experiment is our id of what an event names.
func (r Rules) Experiment(e *canonical.Event) string {
	return r.Resolve(e.Source, e.ExperimentID, e.SourceExperiment)
}

// Place is where an event of an experiment belongs.
func (r Rules) Place(e *canonical.Event) (experiment string, run int, variant string, known bool) {
	experiment = r.Experiment(e)
	x, declared := r.Get(experiment)
	if !declared {
		return experiment, 1, e.Variant, true
	}
	variant, known = x.Variant(e.Source, e.Variant, e.SourceVariant)
	return experiment, x.RunAt(e.At), variant, known
}

// Expose adds an exposure to the person.
func (r Rules) Expose(p *Person, e *canonical.Event) {
	experiment, run, variant, known := r.Place(e)
	r.Watch.exposed(placed{e, experiment, run, variant, known})
	if e.HeldOutOf != "" {
		p.part(r.Resolve(e.Source, e.HeldOutOf, "")).Held++
	}
	q := p.part(experiment)
	if e.ExperimentKind == canonical.Holdout {
		q.Holdout++
	}
	if run == 0 {
		q.Outside++
		return
	}
	v := q.run(run)
	v.doubt(e)
	if known {
		v.Arms = addArm(v.Arms, variant, MomentOf(e))
	} else {
		v.Unknown = addArm(v.Unknown, variant, MomentOf(e))
	}
}

// End adds an early end. One that is reported after its run ended still belongs to that run.
func (r Rules) End(p *Person, e *canonical.Event) {
	experiment, run, _, _ := r.Place(e)
	if x, declared := r.Get(experiment); declared && run == 0 {
		for _, candidate := range x.Runs {
			if candidate.StartedAt <= e.At {
				run = candidate.Number
			}
		}
	}
	q := p.part(experiment) // even without a run: the next change of the registry must find the person
	if run == 0 {
		return
	}
	v := q.run(run)
	if m := MomentOf(e); !v.End.Set() || m.Before(v.End.Moment) {
		v.End = ending{m, e.EndedReason}
	}
}

// Exposed reports whether the person was exposed in any run of the experiment.
func (q *Participation) Exposed() bool {
	return slices.ContainsFunc(q.Runs, func(v Run) bool { return v.Exposed() })
}

// Day is the number of whole days since 1970, UTC.
func Day(t canonical.Time) int64 { return int64(t) / 86400000 } // no valid time lies before 2000

// Repeats reports whether the person has an earlier exposure to that variant of the run.
func (p *Person) Repeats(experiment string, run int, variant string, known bool, m Moment) bool {
	for i := range p.Parts {
		if p.Parts[i].Experiment != experiment {
			continue
		}
		for _, v := range p.Parts[i].Runs {
			if v.Run != run {
				continue
			}
			arms := v.Arms
			if !known {
				arms = v.Unknown
			}
			for _, a := range arms {
				if a.Variant == variant {
					return a.Earliest.Before(m)
				}
			}
		}
	}
	return false
}

// In reports whether the person takes part in the experiment.
func (p *Person) In(experiment string) bool {
	for i := range p.Parts {
		if p.Parts[i].Experiment == experiment {
			return true
		}
	}
	return false
}

// Policy is what becomes of crossovers.
func (r Rules) Policy(experiment string) registry.Crossover {
	if x, ok := r.Get(experiment); ok {
		return x.Crossover
	}
	return registry.Exclude
}
