package core

import (
	"fmt"
	"slices"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/core/wire"
	"github.com/tracklayer/tracklayer/registry"
)

// A change of the registry concerns every person who takes part in an experiment, perhaps millions. They are recomputed in
// the background: a walk over all persons in the order of their keys, in steps that are commits of their own, so that
// counting goes on between them and a restart goes on where it was. In the meantime the aggregate of the experiment is
// the sum of persons read by the old and by the new definition, so readers see what it was before the change until the
// walk is done.

// heavy is the number of facts from which on a person is recomputed in the background as well: were it done at every
// event that asks for it, one stuck sender could bring counting to a standstill.
var heavy int64 = 500

// atOnce is the number of persons in the state up to which a change of the registry is processed with the change
// itself.
var atOnce int64 = 20_000

// walk is a recomputation under way.
type walk struct {
	Concerned []string `json:"concerned,omitempty"` // experiments, sorted
	Everyone  bool     `json:"everybody,omitempty"` // persons who take part in none of them as well
	At        []byte   `json:"at,omitempty"`        // key of the person looked at last; none: at the beginning
	// Until is where the walk ends: a change that comes while one is under way lets it go round once more up to there.
	Until []byte `json:"until,omitempty"`
	Last  bool   `json:"last"` // this is the round that ends at Until, or at the end of all keys where there is none
	Seen  int64  `json:"seen"` // persons looked at in this round
	// Revision of the registry by which all persons are to be computed. Who is already is passed over.
	Revision int `json:"revision"`
}

// reread makes next the registry that everything is read by, and recomputes the persons who take part in one of the
// experiments, or all persons, who may take part in none: at once where they are few, else in the background.
// moved are the names that mean another experiment than before.
func (f *Fold) reread(next registry.Registry, concerned []string, moved []name, everyone bool) error {
	before := f.rules.Registry
	anybody := f.meta.Walk != nil || everyone && f.meta.Persons > 0
	for _, id := range concerned {
		if a := f.aggs[id]; a != nil && a.Participants > 0 {
			anybody = true
		}
	}
	background := anybody && f.meta.Persons > atOnce
	if background {
		f.freeze(concerned, before, next)
	}
	f.rename(next, moved)
	for _, id := range concerned {
		f.aggregate(id)
	}
	if !anybody {
		return nil
	}
	f.plan(concerned, everyone)
	for !background && f.meta.Walk != nil {
		if err := f.step(1 << 30); err != nil {
			return err
		}
	}
	return nil
}

// freeze keeps what readers see of the experiments until they are recomputed. One that is new has nothing to be kept.
func (f *Fold) freeze(concerned []string, before, next registry.Registry) {
	called := f.next.Called.Copied()
	for _, id := range concerned {
		if f.frozen[id] != nil {
			continue
		}
		s := &sums.Snapshot{ID: id, Aggregate: &sums.Aggregate{}, Recomputing: true, Seq: f.meta.Seq, Revision: before.Revision, Watermark: f.meta.Watermark}
		s.KnownAs(called)
		if a := f.aggs[id]; a != nil {
			if !a.HandedOut() {
				a.Prune()
			}
			s.Aggregate = a.HandOut()
		}
		x, declared := before.Get(id)
		if !declared && s.Aggregate.IsEmpty() {
			x, declared = next.Get(id)
		}
		if declared {
			s.Experiment = x
		}
		f.frozen[id] = s
		f.show(s)
	}
}

// plan begins a walk, or lets the one under way look at all persons again.
func (f *Fold) plan(concerned []string, everyone bool) {
	w := f.meta.Walk
	if w == nil {
		f.meta.Walk = &walk{Concerned: concerned, Everyone: everyone, Last: true, Revision: f.rules.Revision}
		return
	}
	again := *w // what is committed is not written to
	again.Revision, again.Everyone = f.rules.Revision, w.Everyone || everyone
	again.Concerned = slices.Compact(slices.Sorted(slices.Values(slices.Concat(w.Concerned, concerned))))
	again.Until, again.Last = w.At, len(w.At) == 0
	f.meta.Walk = &again
}

// Recompute carries pending recomputations on, by about n persons, and commits. It reports whether there is more to do.
// An error is the store's, as of Apply.
func (f *Fold) Recompute(n int) (more bool, err error) {
	v := f.View()
	switch {
	case v.Recomputing != nil:
		err = f.write(func() error {
			if f.meta.Walk == nil {
				return nil
			}
			return f.step(n)
		})
	case v.Grouping > 0:
		err = f.write(f.settleGroups)
	default:
		err = f.settleAside()
	}
	return err == nil && f.View().Unsettled(), err
}

// Settle carries all pending recomputations on to their end.
func (f *Fold) Settle() error {
	for f.View().Unsettled() {
		if _, err := f.Recompute(1000); err != nil {
			return err
		}
	}
	return nil
}

// step looks at the next persons of the walk and recomputes those who are concerned, about n.
func (f *Fold) step(n int) error {
	if err := f.flushPeople(); err != nil {
		return err
	}
	w := *f.meta.Walk
	units, end, err := f.stride(&w, n)
	if err != nil {
		return err
	}
	for _, u := range units {
		e, err := f.personOf(u)
		if err != nil {
			return err
		}
		if err := f.settle(e); err != nil {
			return err
		}
		if len(f.people) > keepPeople {
			if err := f.flushPeople(); err != nil {
				return err
			}
		}
	}
	f.meta.Walk = &w
	if end {
		f.arrive()
	}
	return nil
}

// lookahead is how many persons a step looks at for each that it recomputes: looking is that much cheaper.
const lookahead = 20

// stride moves the walk on and returns who is to be recomputed, and whether that is the end of it.
func (f *Fold) stride(w *walk, n int) (units []canonical.Unit, end bool, err error) {
	looked := 0
	prefix := []byte{keyPerson}
	from := prefix
	if len(w.At) > 0 {
		from = w.At
	}
	for record, err := range f.tx.ScanAfter(prefix, from) {
		if err != nil {
			return nil, false, err
		}
		if w.Last && len(w.Until) > 0 && string(record.Key) > string(w.Until) {
			break
		}
		if looked/lookahead >= n || len(units) >= n {
			return units, false, nil
		}
		looked++
		w.At = append(w.At[:0:0], record.Key...)
		p, _, err := person.Decode(record.Value)
		if err != nil {
			return nil, false, err
		}
		if p == nil {
			continue
		}
		w.Seen++
		if p.Revision < w.Revision && (w.Everyone || slices.ContainsFunc(p.Parts, func(q person.Participation) bool {
			_, concerned := slices.BinarySearch(w.Concerned, q.Experiment)
			return concerned
		})) {
			units = append(units, p.Units[0])
		}
	}
	if w.Last {
		return units, true, nil
	}
	w.Last, w.At, w.Seen = true, nil, 0
	return units, false, nil
}

// arrive ends the walk: readers see what it came to.
func (f *Fold) arrive() {
	f.meta.Walk = nil
	for id := range f.frozen {
		f.aggregate(id)
	}
	f.frozen = emptied(f.frozen)
}

// resume finds what was under way when the program stopped. What readers saw then is gone.
func (f *Fold) resume(db Reader) error {
	if w := f.meta.Walk; w != nil {
		for _, id := range w.Concerned {
			s := &sums.Snapshot{ID: id, Aggregate: &sums.Aggregate{}, Recomputing: true, Lost: true}
			if x, ok := f.rules.Get(id); ok {
				s.Experiment = x
			}
			f.frozen[id] = s
			f.show(s)
		}
	}
	return eachRecord(db.Scan([]byte{keyDue}), func(key, value []byte) error {
		if len(value) != 1 {
			return fmt.Errorf("what is due: %w", wire.ErrRecord)
		}
		f.due[canonical.Unit{Kind: canonical.UnitKind(key[1]), ID: string(key[2 : len(key)-1])}] = value[0]
		if value[0]&(dueGroups|dueLinks) != 0 {
			f.groups++
		}
		return nil
	})
}

// later notes that a person is to be recomputed. Until then it counts for what it was.
func (f *Fold) later(e *entry) error {
	return f.postpone(e.unit, dueFacts)
}
