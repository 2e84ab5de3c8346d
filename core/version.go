package core

import (
	"maps"
	"slices"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

// deliveries fills in the columns that speak of the log for a row that an exposure alone makes.
func (m *rowMaker) deliveries(a *Association, exposure *canonical.Event) error {
	if err := m.widen(a, exposure); err != nil {
		return err
	}
	if m.version == 0 {
		var err error
		if m.version, err = m.newest(m.state); err != nil {
			return err
		}
	}
	a.Version = m.version
	if x, declared := m.rules.Get(a.ExperimentID); declared {
		a.Version = max(a.Version, x.Seq)
	}
	return nil
}

// widen lets the row's first and last sequence cover the deliveries of an event.
func (m *rowMaker) widen(a *Association, e *canonical.Event) error {
	r, err := m.record(m.state, e)
	if err != nil || r.first == 0 {
		return err
	}
	if a.FirstSeq == 0 || r.first < a.FirstSeq {
		a.FirstSeq = r.first
	}
	a.LastSeq = max(a.LastSeq, r.last)
	return nil
}

// newest is the newest sequence at which something may have changed about a person: of a delivery of one of its
// events, of a report that links one of its anonymous ids to anybody (ownership may have moved), and of the newest
// record of all that took a fact back or gave a name another meaning, since it is not remembered whom that concerned. The
// person's own ids are not enough: an anonymous id that was lost to another user is only mentioned.
func (w *watched) newest(state *reader) (uint64, error) {
	meta, err := readMeta(state.db)
	if err != nil {
		return 0, err
	}
	version := meta.Retracted
	note := func(e *canonical.Event) error {
		r, err := w.record(state, e)
		version = max(version, r.last)
		return err
	}
	var anonymous []string
	for _, u := range w.Units {
		if u.Kind == canonical.Anonymous {
			anonymous = append(anonymous, u.ID)
		}
	}
	for i := range w.facts {
		if err := note(&w.facts[i]); err != nil {
			return 0, err
		}
		if id := w.facts[i].AnonymousID; id != "" && !slices.Contains(anonymous, id) {
			anonymous = append(anonymous, id)
		}
	}
	for _, id := range anonymous {
		reports, err := state.reportsOf(id)
		if err != nil {
			return 0, err
		}
		for i := range reports {
			if err := note(&reports[i]); err != nil {
				return 0, err
			}
		}
	}
	return version, nil
}

// renames reports whether a change may let names mean another experiment than before: its aliases are others, or its id
// was an alias of another experiment until now.
func renames(before registry.Registry, x *registry.Experiment) bool {
	old, declared := before.Get(x.ID)
	return !declared || !maps.EqualFunc(old.Aliases, x.Aliases, slices.Equal)
}
