package core

import (
	"slices"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/person"
)

// watched is a person that was evaluated while verdicts were recorded.
type watched struct {
	*person.Person
	person.Watch
	rules person.Rules
	facts []canonical.Event // in order of time
	known map[person.Moment]eventRecord
}

// record is an event's record. It is asked for up to three times an event, and read once.
func (w *watched) record(db *reader, e *canonical.Event) (eventRecord, error) {
	m := person.MomentOf(e)
	if r, ok := w.known[m]; ok {
		return r, nil
	}
	r, _, err := db.eventRecord(eventKey(e))
	if w.known == nil {
		w.known = make(map[person.Moment]eventRecord, len(w.facts))
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
		switch x, y := person.MomentOf(&a), person.MomentOf(&b); {
		case x.Before(y):
			return -1
		case y.Before(x):
			return 1
		}
		return 0
	}
	if !slices.IsSortedFunc(facts, inTime) {
		slices.SortFunc(facts, inTime)
	}
	w := &watched{facts: facts}
	w.rules = person.Rules{Registry: r.rules.Registry, Watch: &w.Watch}
	w.Person, err = w.rules.Evaluate(units, person.InMemory(facts))
	return w, err
}

// verdictsOf are the verdicts by experiment and run, in order of time.
func (w *watched) verdictsOf() map[participationRun][]*person.Verdict {
	by := map[participationRun][]*person.Verdict{}
	for i := range w.Verdicts {
		v := &w.Verdicts[i]
		k := participationRun{v.Experiment, v.Run}
		by[k] = append(by[k], v)
	}
	return by
}

// participationRun names a run of an experiment.
type participationRun struct {
	experiment string
	run        int
}
