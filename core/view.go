package core

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

// moment orders facts of one kind totally: by their own time, then by request, then by their place in it, then by id.
type moment struct {
	at       canonical.Time
	id       string
	source   string
	received canonical.Time
	batch    uint16 // the request, of those of the source at that time
	index    int    // in the request
}

func (m moment) before(o moment) bool {
	return cmp.Or(
		cmp.Compare(m.at, o.at), cmp.Compare(m.received, o.received), strings.Compare(m.source, o.source), cmp.Compare(m.batch, o.batch), cmp.Compare(m.index, o.index),
		strings.Compare(m.id, o.id)) < 0
}

func momentOf(e *canonical.Event) moment {
	return moment{e.At, e.ID, e.Source, e.ReceivedAt, e.Batch, e.BatchIndex}
}

// precedes reports whether an event happened before the moment: earlier, or at the same time and before it in the same
// request.
func precedes(e *canonical.Event, m moment) bool {
	return e.At < m.at ||
		e.At == m.at && e.ReceivedAt == m.received && e.Source == m.source && e.Batch == m.batch && e.Batch != 0 && e.BatchIndex < m.index
}

// person is what is known of one person: the ids, and how it takes part in experiments.
type person struct {
	units       []canonical.Unit // all ids, sorted; the person is stored under the smallest user, else its anonymous id
	conversions int64            // facts that are conversions
	labels      registry.Label   // of all facts together
	crowd       bool             // merges join an id with more ids than a person may have: none of them holds
	refused     int64            // users that its anonymous ids were linked to besides their owner
	revision    int              // of the registry that it was last computed by as a whole
	parts       []participation  // sorted by experiment; see index
	// index finds the parts of a person who takes part in very many experiments while it is evaluated. They are sorted at
	// the end.
	index map[string]int
}

// participation is a person in an experiment.
type participation struct {
	experiment string
	outside    int64 // exposures outside every run
	noExposure int64 // conversions that name the experiment although the person has no exposure in any run of it
	holdout    int64 // exposures that call the experiment a holdout
	held       int64 // exposures to a holdout that name the experiment as one that the person is held out of
	runs       []runView
}

// runView is a person in a run.
type runView struct {
	run        int
	arms       []arm // known variants met, sorted by key
	unknown    []arm // labels that the registry does not know
	end        ending
	totals     []total // sorted by metric
	statuses   [statuses]int64
	mismatched int64
	late       int64 // exposures, see Doubts
	ahead      int64
	early      int64 // conversions shortly before the first exposure, see EarlyWithin
	refunds    int64 // negative values under the dedup key of a conversion that is not: they count for nothing
	twins      int64 // counted conversions that another source seems to have reported as well, see twin
}

// arm is a variant that the person met in a run.
type arm struct {
	variant  string
	earliest moment
	n        int64 // exposures
}

// ending is the earliest early end of a person in a run.
type ending struct {
	moment
	reason string
}

func (e ending) set() bool { return e.at != 0 }

func (v *runView) exposed() bool { return len(v.arms)+len(v.unknown) > 0 }

// exposure is a person's first exposure to a known variant of a run.
type exposure struct {
	variant string
	moment
}

func (v *runView) first() exposure {
	best := &v.arms[0]
	for i := range v.arms[1:] {
		if a := &v.arms[i+1]; a.earliest.before(best.earliest) {
			best = a
		}
	}
	return exposure{best.variant, best.earliest}
}

func (v *runView) population(labels registry.Label) Population {
	pop := Clean
	if len(v.arms) > 1 {
		pop = Crossed
	}
	if v.end.set() {
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
func (p *person) part(experiment string) *participation {
	if p.index != nil {
		i, ok := p.index[experiment]
		if !ok {
			i = len(p.parts)
			p.index[experiment] = i
			p.parts = append(p.parts, participation{experiment: experiment})
		}
		return &p.parts[i]
	}
	i, ok := slices.BinarySearchFunc(p.parts, experiment, func(q participation, id string) int { return strings.Compare(q.experiment, id) })
	if !ok {
		p.parts = slices.Insert(p.parts, i, participation{experiment: experiment})
	}
	return &p.parts[i]
}

func (q *participation) run(number int) *runView {
	i, ok := slices.BinarySearchFunc(q.runs, number, func(v runView, n int) int { return cmp.Compare(v.run, n) })
	if !ok {
		q.runs = slices.Insert(q.runs, i, runView{run: number})
	}
	return &q.runs[i]
}

func addArm(arms []arm, variant string, m moment) []arm {
	i, ok := slices.BinarySearchFunc(arms, variant, func(a arm, key string) int { return strings.Compare(a.variant, key) })
	if !ok {
		return slices.Insert(arms, i, arm{variant, m, 1})
	}
	arms[i].n++
	if m.before(arms[i].earliest) {
		arms[i].earliest = m
	}
	return arms
}

// rules read events by the registry. An experiment that nobody declared has one run without start or end, knows every
// variant, and takes every conversion event as a proportion of its own.
type rules struct {
	registry.Registry
	watch *watch // nil: nobody wants to know why
}

// experiment is our id of what an event names.
func (r rules) experiment(e *canonical.Event) string {
	return r.Resolve(e.Source, e.ExperimentID, e.SourceExperiment)
}

// place is where an event of an experiment belongs.
func (r rules) place(e *canonical.Event) (experiment string, run int, variant string, known bool) {
	experiment = r.experiment(e)
	x, declared := r.Get(experiment)
	if !declared {
		return experiment, 1, e.Variant, true
	}
	variant, known = x.Variant(e.Source, e.Variant, e.SourceVariant)
	return experiment, x.RunAt(e.At), variant, known
}

// expose adds an exposure to the person.
func (r rules) expose(p *person, e *canonical.Event) {
	experiment, run, variant, known := r.place(e)
	r.watch.exposed(placed{e, experiment, run, variant, known})
	if e.HeldOutOf != "" {
		p.part(r.Resolve(e.Source, e.HeldOutOf, "")).held++
	}
	q := p.part(experiment)
	if e.ExperimentKind == canonical.Holdout {
		q.holdout++
	}
	if run == 0 {
		q.outside++
		return
	}
	v := q.run(run)
	v.doubt(e)
	if known {
		v.arms = addArm(v.arms, variant, momentOf(e))
	} else {
		v.unknown = addArm(v.unknown, variant, momentOf(e))
	}
}

// end adds an early end. One that is reported after its run ended still belongs to that run.
func (r rules) end(p *person, e *canonical.Event) {
	experiment, run, _, _ := r.place(e)
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
	if m := momentOf(e); !v.end.set() || m.before(v.end.moment) {
		v.end = ending{m, e.EndedReason}
	}
}

func (q *participation) exposed() bool {
	return slices.ContainsFunc(q.runs, func(v runView) bool { return v.exposed() })
}
