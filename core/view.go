package core

import (
	"cmp"
	"hash/fnv"
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

// conversion is a report of one, with what else is known of it.
type conversion struct {
	event *canonical.Event
	// kept is the report that counts: event itself if no other one is preferred. For an adjustment it is the report of the
	// conversion that is adjusted, nil while none is known.
	kept *canonical.Event
	twin bool
}

// lead is the report by whose names and time the conversion is attributed.
func (c *conversion) lead() *canonical.Event {
	if c.kept == nil {
		return c.event
	}
	return c.kept
}

func (c *conversion) duplicate() bool { return c.event.Adjusts == "" && c.kept != c.event }

// convert attributes one conversion of the person: to the experiment that it names, or to every run the person is
// exposed in whose metrics use its event. A duplicate, of which another report is kept, concerns the runs that the kept
// one concerns, and counts in none; an adjustment concerns the runs of what it adjusts. Whether the person was ever
// exposed to what it names is a matter of its own name.
func (r rules) convert(p *person, c conversion) {
	if c.event.ExperimentID != "" {
		experiment := r.experiment(c.event)
		if q := p.part(experiment); !q.exposed() {
			q.noExposure++
			r.watch.judged(verdict{experiment: experiment, event: c.event, status: NoExposure})
		}
	}
	if lead := c.lead(); lead.ExperimentID != "" {
		r.attribute(p.part(r.experiment(lead)), c)
		return
	}
	for i := range p.parts {
		r.attribute(&p.parts[i], c)
	}
}

func (q *participation) exposed() bool {
	return slices.ContainsFunc(q.runs, func(v runView) bool { return v.exposed() })
}

// attribute gives a conversion its status in every run of the experiment that the person is exposed in.
func (r rules) attribute(q *participation, c conversion) {
	x, declared := r.Get(q.experiment)
	lead := c.lead()
	named := lead.ExperimentID != ""
	var uses []registry.Use
	if declared {
		if uses = x.Uses(lead.ConversionEvent); len(uses) == 0 && !named {
			return
		}
	}
	for i := range q.runs {
		v := &q.runs[i]
		if !v.exposed() {
			continue
		}
		decided := verdict{experiment: q.experiment, run: v.run, event: c.event}
		switch {
		case c.duplicate():
			decided.status, decided.kept = Duplicate, c.kept
			if c.event.Value.Micros < 0 && c.kept.Value.Micros >= 0 {
				v.refunds++
			}
		case c.kept == nil:
			decided.status = WaitingAdjustment
		default:
			decided.status = r.judge(x, declared, uses, v, c)
			if c.event.Adjusts != "" {
				decided.adjusted = c.kept
			}
		}
		v.statuses[decided.status]++
		if c.twin && decided.status == Counted {
			v.twins++
			decided.twin = true
		}
		if named && c.kept == c.event && len(v.arms) > 0 {
			if _, _, claimed, _ := r.place(c.event); claimed != v.first().variant {
				v.mismatched++
				decided.mismatch = true
			}
		}
		r.watch.judged(decided)
	}
}

// judge decides about one conversion in one run, and adds it to the totals if it counts. An adjustment has the verdict of
// what it adjusts.
func (r rules) judge(x *registry.Experiment, declared bool, uses []registry.Use, v *runView, c conversion) Status {
	if len(v.arms) == 0 {
		return UnknownVariant
	}
	at, first := c.kept.At, v.first()
	if precedes(c.kept, first.moment) {
		v.precede(declared, uses, c, first.at)
		return BeforeExposure
	}
	if !declared {
		if !registry.DefaultWindow.Holds(first.at, at) {
			return OutsideWindow
		}
		v.count(registry.Use{}, c, first.at)
		return c.counted()
	}
	if run, ok := x.Run(v.run); ok && run.EndedAt != 0 && at >= run.EndedAt {
		return AfterRun
	}
	status := OutsideWindow
	for _, u := range uses {
		if u.Metric.Window.Holds(first.at, at) {
			v.count(u, c, first.at)
			if c.adds(u) {
				r.watch.counted(u)
			}
			status = c.counted()
		}
	}
	if len(uses) == 0 && x.Window.Holds(first.at, at) {
		status = c.counted() // it names the experiment, in which no metric uses it
	}
	return status
}

// counted is the status of a conversion that counts.
func (c *conversion) counted() Status {
	if c.event.Adjusts != "" {
		return Adjustment
	}
	return Counted
}

// preferred orders the reports of one conversion: the record that is kept comes first.
func preferred(a, b *canonical.Event) int {
	return cmp.Or(
		cmp.Compare(a.Channel.Rank(), b.Channel.Rank()), cmp.Compare(a.At, b.At), strings.Compare(a.ID, b.ID), strings.Compare(a.Source, b.Source))
}

// facts calls each with every fact of a person, in any order, as often as it is asked to. The event is the caller's until
// each returns.
type facts func(each func(*canonical.Event) error) error

// held are facts that lie in memory.
func held(all []canonical.Event) facts {
	return func(each func(*canonical.Event) error) error {
		for i := range all {
			if err := each(&all[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

// dedup is what two reports of one conversion have in common.
type dedup struct{ event, key string }

// dedupOf is what a conversion has in common with other reports of it, or, for an adjustment, with what it adjusts.
func dedupOf(e *canonical.Event) dedup {
	if e.Adjusts != "" {
		return dedup{e.ConversionEvent, e.Adjusts}
	}
	return dedup{e.ConversionEvent, e.DedupKey}
}

// hash is for telling that a key is new without keeping it: a person may have a million.
func (d dedup) hash() uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(d.event)) // a hash takes everything
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(d.key))
	return h.Sum64()
}

// evaluate computes a person from all of its facts. It is the definition of the fold; whatever changes a person in place
// must come to the same. It holds no more of the facts than the reports of conversions that came more than once or were
// adjusted, and the values of conversions.
func (r rules) evaluate(units []canonical.Unit, all facts) (*person, error) {
	p := &person{units: units, revision: r.Revision}
	defer p.sortParts()
	var met map[uint64]bool // by hash; true: more than once, or adjusted
	var valued []valued
	err := all(func(e *canonical.Event) error {
		if p.index == nil && len(p.parts) >= manyParts {
			p.indexParts()
		}
		p.labels |= r.Filters().Labels(e)
		switch e.Kind {
		case canonical.Exposed:
			r.expose(p, e)
		case canonical.EndedEarly:
			r.end(p, e)
		case canonical.Converted:
			p.conversions++
			if key := dedupOf(e); key.key != "" {
				met = meet(met, key.hash(), e.Adjusts != "")
			}
			if e.Value.Set && e.Adjusts == "" {
				valued = append(valued, valuedOf(e))
			}
		}
		return nil
	})
	if err != nil || p.conversions == 0 {
		return p, err
	}
	best, err := keep(all, met)
	if err != nil {
		return p, err
	}
	twins := twinsOf(valued)
	return p, all(func(e *canonical.Event) error {
		if e.Kind != canonical.Converted {
			return nil
		}
		c := conversion{event: e, kept: e}
		switch b := best[dedupOf(e)]; {
		case e.Adjusts != "":
			c.kept = b
		case b != nil && (b.ID != e.ID || b.Source != e.Source):
			c.kept = b
		default:
			_, c.twin = twins[[2]string{e.ID, e.Source}]
		}
		r.convert(p, c)
		return nil
	})
}

func (p *person) indexParts() {
	p.index = make(map[string]int, 2*len(p.parts))
	for i := range p.parts {
		p.index[p.parts[i].experiment] = i
	}
}

func (p *person) sortParts() {
	if p.index != nil {
		p.index = nil
		slices.SortFunc(p.parts, func(a, b participation) int { return strings.Compare(a.experiment, b.experiment) })
	}
}

func meet(met map[uint64]bool, h uint64, adjusted bool) map[uint64]bool {
	if met == nil {
		met = map[uint64]bool{}
	}
	_, again := met[h]
	met[h] = again || adjusted
	return met
}

// keep finds the report that is kept of every conversion that was met more than once or is adjusted.
func keep(all facts, met map[uint64]bool) (map[dedup]*canonical.Event, error) {
	again := false
	for _, twice := range met {
		again = again || twice
	}
	if !again {
		return nil, nil
	}
	best := map[dedup]*canonical.Event{}
	return best, all(func(e *canonical.Event) error {
		if e.Kind != canonical.Converted || e.DedupKey == "" || e.Adjusts != "" || !met[dedupOf(e).hash()] {
			return nil
		}
		if b := best[dedupOf(e)]; b == nil || preferred(e, b) < 0 {
			copied := *e
			best[dedupOf(e)] = &copied
		}
		return nil
	})
}
