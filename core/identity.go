package core

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/person"
)

// adopt brings an anonymous id to its new owner. An id without a history of its own is just added; every other id is
// grouped and computed again.
func (f *Fold) adopt(anonymous, user string) error {
	a := canonical.Unit{Kind: canonical.Anonymous, ID: anonymous}
	u := canonical.Unit{Kind: canonical.User, ID: user}
	e, err := f.load(a)
	if err != nil {
		return err
	}
	if e.person != nil || e.redirect != (canonical.Unit{}) {
		return f.regroup([]canonical.Unit{a, u})
	}
	p, err := f.ensurePerson(u)
	if err != nil {
		return err
	}
	// The sums change only where the ids become so many that the person is doubtful.
	add := func() { p.person.Units = insertUnit(p.person.Units, a) }
	if len(p.person.Units) == person.Crowd {
		f.contribute(-1, p.person, "")
		add()
		f.contribute(1, p.person, "")
	} else {
		add()
	}
	e.redirect = p.person.Units[0]
	f.touch(p)
	f.touch(e)
	return nil
}

func compareUnits(a, b canonical.Unit) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), strings.Compare(a.ID, b.ID))
}

func insertUnit(units []canonical.Unit, u canonical.Unit) []canonical.Unit {
	i, found := slices.BinarySearchFunc(units, u, compareUnits)
	if found {
		return units
	}
	return slices.Insert(units, i, u)
}

// merge notes that two user ids are one person, as long as no more than MaxUserIDs are.
func (f *Fold) merge(e *canonical.Event) error {
	known, err := f.any(edgeKey(keyMerge, e.UserID, e.PreviousUserID))
	if err != nil {
		return err
	}
	for _, pair := range [...][2]string{{e.UserID, e.PreviousUserID}, {e.PreviousUserID, e.UserID}} {
		if err := f.tx.Set(momentKey(edgeKey(keyMerge, pair[0], pair[1]), person.MomentOf(e)), nil); err != nil {
			return err
		}
	}
	if known {
		return nil
	}
	for _, id := range [...]string{e.UserID, e.PreviousUserID} {
		if err := f.identify(id); err != nil {
			return err
		}
	}
	seeds, err := f.grow(e.UserID, e.PreviousUserID)
	if err != nil || len(seeds) == 0 {
		return err
	}
	return f.regroup(seeds)
}

func (f *Fold) unmerge(e *canonical.Event) error {
	for _, pair := range [...][2]string{{e.UserID, e.PreviousUserID}, {e.PreviousUserID, e.UserID}} {
		if err := f.tx.Delete(momentKey(edgeKey(keyMerge, pair[0], pair[1]), person.MomentOf(e))); err != nil {
			return err
		}
	}
	return nil
}

// regroup finds again which of the seeds' ids, and of all ids that hang together with them, are one person, and computes
// these persons from their facts. It is the slow and certain way that every change of identity may take. If that would
// take too long to be done with every event, it is done in the background.
func (f *Fold) regroup(seeds []canonical.Unit) error {
	for _, u := range seeds {
		e, err := f.personOf(u)
		if err != nil {
			return err
		}
		if e.person != nil && (len(e.person.Units) > tooManyIDs || f.waits(e.unit) || e.isBulky()) {
			return f.regroupLater(seeds)
		}
	}
	return f.regroupNow(seeds)
}

func (f *Fold) regroupLater(seeds []canonical.Unit) error {
	for _, u := range seeds {
		if err := f.postpone(u, dueGroups); err != nil {
			return err
		}
	}
	return nil
}

// regroupNow is regroup without a thought of the time that it takes. The heaviest person's view is carried over and
// computed later.
func (f *Fold) regroupNow(seeds []canonical.Unit) error {
	g := &grouping{state: &f.reader, leader: map[canonical.Unit]canonical.Unit{}, old: map[*entry]struct{}{}}
	if err := g.gather(seeds); err != nil {
		return err
	}
	size := int64(0)
	var heaviest *person.Person
	for e := range g.old {
		if f.beside != nil && f.beside.unit == e.unit { // what is computed of it now is of an older state
			if err := f.postpone(e.unit, dueFacts); err != nil {
				return err
			}
		}
		size += e.person.Size()
		if heaviest == nil || compareHeavy(e.person, heaviest) > 0 {
			heaviest = e.person
		}
		f.contribute(-1, e.person, "")
		e.person = nil
	}
	groups := map[canonical.Unit][]canonical.Unit{}
	for u := range g.leader {
		l := g.find(u)
		groups[l] = append(groups[l], u)
	}
	f.meta.Persons += int64(len(groups) - len(g.old))
	for _, units := range groups {
		slices.SortFunc(units, compareUnits)
		for _, u := range units {
			e, err := f.load(u)
			if err != nil {
				return err
			}
			e.person, e.redirect = nil, units[0]
			f.touch(e)
		}
		if gone, err := f.vanished(units); err != nil || gone {
			if err != nil {
				return err
			}
			continue
		}
		e := f.people[units[0]]
		e.redirect = canonical.Unit{}
		var err error
		if size <= heavy {
			e.person, err = f.evaluated(units, 0)
		} else {
			err = f.regroupHeavy(e, units, heaviest)
		}
		if err != nil {
			return err
		}
		f.contribute(1, e.person, "")
	}
	return nil
}

// compareHeavy orders persons by their size, and equal ones by their key.
func compareHeavy(a, b *person.Person) int {
	return cmp.Or(cmp.Compare(a.Size(), b.Size()), compareUnits(a.Units[0], b.Units[0]))
}

// regroupHeavy makes a person of units that may have more facts than can be read now: the heaviest of those before,
// where it is among them, else no one in particular.
func (f *Fold) regroupHeavy(e *entry, units []canonical.Unit, heaviest *person.Person) error {
	few, err := f.fewFacts(units)
	if err != nil {
		return err
	}
	if few {
		e.person, err = f.evaluated(units, 0)
		return err
	}
	e.person = &person.Person{Units: units}
	if e.person.Refused, err = f.refusals(units); err != nil {
		return err
	}
	if slices.Contains(units, heaviest.Units[0]) {
		e.person.Conversions, e.person.Labels = heaviest.Conversions, heaviest.Labels
		e.person.Revision, e.person.Parts = heaviest.Revision, heaviest.Parts
	}
	return f.later(e)
}

// grouping is a union-find over ids.
type grouping struct {
	state  *reader
	leader map[canonical.Unit]canonical.Unit
	old    map[*entry]struct{} // the persons that the ids belonged to
}

func (g *grouping) find(u canonical.Unit) canonical.Unit {
	for g.leader[u] != u {
		u = g.leader[u]
	}
	return u
}

func (g *grouping) join(a, b canonical.Unit) {
	if x, y := g.find(a), g.find(b); x != y {
		g.leader[x] = y
	}
}

// gather walks from the seeds over old persons and over links and merges until nothing new turns up.
func (g *grouping) gather(work []canonical.Unit) error {
	type pair struct{ a, b canonical.Unit }
	var joins []pair
	for len(work) > 0 {
		u := work[len(work)-1]
		work = work[:len(work)-1]
		if _, done := g.leader[u]; done {
			continue
		}
		g.leader[u] = u
		e, err := g.state.personOf(u)
		if err != nil {
			return err
		}
		if e.person != nil {
			if _, seen := g.old[e]; !seen {
				g.old[e] = struct{}{}
				work = append(work, e.person.Units...)
			}
		}
		others, err := g.state.neighbours(u)
		if err != nil {
			return err
		}
		for _, o := range others {
			joins = append(joins, pair{u, o})
		}
		work = append(work, others...)
	}
	for _, j := range joins {
		g.join(j.a, j.b)
	}
	return nil
}

// neighbours are the ids that are the same person as u by one step: a user's other names, an anonymous id's owner. From
// a user to its anonymous ids no step is needed: they are among its person's ids, or they are seeds.
func (r *reader) neighbours(u canonical.Unit) ([]canonical.Unit, error) {
	if u.Kind == canonical.Anonymous {
		o, err := r.owner(u.ID)
		if err != nil {
			return nil, err
		}
		user := o.owner(u.ID)
		if user == "" {
			return nil, nil
		}
		return []canonical.Unit{{Kind: canonical.User, ID: user}}, nil
	}
	if tooLarge, err := r.overgrown(u.ID); err != nil || tooLarge {
		return nil, err
	}
	var others []canonical.Unit
	for other, err := range r.merges(u.ID) {
		if err != nil {
			return nil, err
		}
		others = append(others, canonical.Unit{Kind: canonical.User, ID: other})
	}
	return others, nil
}
