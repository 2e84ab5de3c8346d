package core

import (
	"slices"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

// watch notes what the evaluation decides, and about what, so that it can be told. A nil one notes nothing: that is how
// the fold counts.
type watch struct {
	placed   []placed
	verdicts []verdict
	uses     []registry.Use // that the conversion being judged counted in
}

// placed is where an exposure went. Run 0 is none.
type placed struct {
	event      *canonical.Event
	experiment string
	run        int
	variant    string
	known      bool
}

// verdict is the status of one conversion in one run, or, with run 0, that it waits for an exposure.
type verdict struct {
	experiment string
	run        int
	event      *canonical.Event
	kept       *canonical.Event // of which this one is a duplicate
	adjusted   *canonical.Event // whose value this one adds to
	status     Status
	twin       bool           // it looks like another report of a conversion that counts as well
	mismatch   bool           // it claims another variant than the one recorded
	uses       []registry.Use // that counted it
}

// lead is the report whose time the conversion has.
func (v *verdict) lead() *canonical.Event {
	if v.adjusted != nil {
		return v.adjusted
	}
	return v.event
}

func (w *watch) exposed(p placed) {
	if w != nil {
		w.placed = append(w.placed, p)
	}
}

func (w *watch) counted(u registry.Use) {
	if w != nil {
		w.uses = append(w.uses, u)
	}
}

func (w *watch) judged(v verdict) {
	if w != nil {
		v.uses, w.uses = w.uses, nil
		w.verdicts = append(w.verdicts, v)
	}
}

// watched is a person that was evaluated while somebody watched.
type watched struct {
	*person
	watch
	rules rules
	facts []canonical.Event // in order of time
	known map[moment]eventRecord
}

// record is an event's record. It is asked for up to three times an event, and read once.
func (w *watched) record(db *reader, e *canonical.Event) (eventRecord, error) {
	m := momentOf(e)
	if r, ok := w.known[m]; ok {
		return r, nil
	}
	r, _, err := db.eventRecord(eventKey(e))
	if w.known == nil {
		w.known = make(map[moment]eventRecord, len(w.facts))
	}
	w.known[m] = r
	return r, err
}

// look evaluates a person, known by all of its ids, from the facts that the reader sees.
func (r *reader) look(units []canonical.Unit, about int64) (*watched, error) {
	facts, err := r.facts(units, about)
	if err != nil {
		return nil, err
	}
	inTime := func(a, b canonical.Event) int {
		switch x, y := momentOf(&a), momentOf(&b); {
		case x.before(y):
			return -1
		case y.before(x):
			return 1
		}
		return 0
	}
	if !slices.IsSortedFunc(facts, inTime) {
		slices.SortFunc(facts, inTime)
	}
	w := &watched{facts: facts}
	w.rules = rules{Registry: r.rules.Registry, watch: &w.watch}
	w.person, err = w.rules.evaluate(units, held(facts))
	return w, err
}

// size is how many facts the person has, or nearly.
func (p *person) size() int64 {
	n := p.conversions + 1
	for i := range p.parts {
		n += p.parts[i].outside
		for j := range p.parts[i].runs {
			v := &p.parts[i].runs[j]
			for _, a := range v.arms {
				n += a.n
			}
			for _, a := range v.unknown {
				n += a.n
			}
		}
	}
	return n
}

// verdictsOf are the verdicts by experiment and run, in order of time.
func (w *watched) verdictsOf() map[participationRun][]*verdict {
	by := map[participationRun][]*verdict{}
	for i := range w.verdicts {
		v := &w.verdicts[i]
		k := participationRun{v.experiment, v.run}
		by[k] = append(by[k], v)
	}
	return by
}

// participationRun names a run of an experiment.
type participationRun struct {
	experiment string
	run        int
}
