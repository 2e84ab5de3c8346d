package core

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
)

// link notes that an anonymous id was seen with a user. The id belongs to the user with the earliest link that still
// holds, the smaller user id if two are equally early; a later one is counted as a conflict and merges nobody.
func (f *Fold) link(e *canonical.Event) error {
	key := edgeKey(keyOwnerEdge, e.AnonymousID, e.UserID)
	owner, err := f.owner(e.AnonymousID)
	if err != nil {
		return err
	}
	until := canonical.Time(0)
	if owner.unlinked {
		if until, err = f.unlinkedUntil(e.AnonymousID, e.UserID); err != nil {
			return err
		}
	}
	seen, err := f.anyAfter(key, until)
	if err != nil {
		return err
	}
	if err := f.tx.Set(momentKey(key, momentOf(e)), nil); err != nil {
		return err
	}
	after := owner
	switch {
	case e.AnonymousID == e.UserID: // one id in both spaces: an ambiguous one that is identified
		after.ambiguous, after.identified = true, true
	case e.At <= until:
		return nil
	default:
		if !seen {
			after.users++
		}
		if after.user == "" || cmp.Or(cmp.Compare(e.At, after.at), strings.Compare(e.UserID, after.user)) < 0 {
			after.user, after.at = e.UserID, e.At
		}
	}
	return f.reassign(e.AnonymousID, owner, after)
}

// reassign stores who an anonymous id belongs to from now on, and brings it there.
func (f *Fold) reassign(anonymous string, before, after ownerRecord) error {
	if before == after {
		return nil
	}
	if err := f.setOwner(anonymous, before, after); err != nil {
		return err
	}
	was, is := before.owner(anonymous), after.owner(anonymous)
	switch {
	case was == is && after.refused() == before.refused():
		return nil
	case was == is:
		return f.refuse(is, after.refused()-before.refused())
	case is == "":
		return f.regroup([]canonical.Unit{{Kind: canonical.Anonymous, ID: anonymous}})
	}
	return f.adopt(anonymous, is)
}

// adopt brings an anonymous id to its new owner. An id without a history of its own is just added; everybody else is
// grouped and computed anew.
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
	add := func() { p.person.units = insertUnit(p.person.units, a) }
	if len(p.person.units) == Crowd {
		f.contribute(-1, p.person, "")
		add()
		f.contribute(1, p.person, "")
	} else {
		add()
	}
	e.redirect = p.person.units[0]
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

func (f *Fold) owner(anonymous string) (ownerRecord, error) {
	raw, found, err := f.tx.Get(edgeKey(keyOwner, anonymous, ""))
	if err != nil || !found {
		return ownerRecord{}, err
	}
	return decodeOwner(raw)
}

func (f *Fold) setOwner(anonymous string, before, after ownerRecord) error {
	f.meta.LinkConflicts += after.refused() - before.refused()
	f.meta.Ambiguous += int64(boolByte(after.ambiguous)) - int64(boolByte(before.ambiguous))
	key := edgeKey(keyOwner, anonymous, "")
	if after == (ownerRecord{}) {
		return f.tx.Delete(key)
	}
	return f.tx.Set(key, after.encode())
}

var errStop = errors.New("enough")

// any reports whether a key with the prefix exists.
func (f *Fold) any(prefix []byte) (bool, error) {
	err := f.tx.Scan(prefix, func(_, _ []byte) error { return errStop })
	if errors.Is(err, errStop) {
		return true, nil
	}
	return false, err
}

func timeOfEdge(key []byte, at int) canonical.Time {
	return canonical.Time(binary.BigEndian.Uint64(key[at:]))
}

// anyAfter reports whether an edge with the prefix has a time after at.
func (f *Fold) anyAfter(prefix []byte, at canonical.Time) (bool, error) {
	from := binary.BigEndian.AppendUint64(slices.Clone(prefix), uint64(at)+1)
	err := f.tx.ScanAfter(prefix, from, func(_, _ []byte) error { return errStop })
	if errors.Is(err, errStop) {
		return true, nil
	}
	return false, err
}

// unlinkedUntil is the time up to which links of the pair are withdrawn, 0 if none is.
func (f *Fold) unlinkedUntil(anonymous, user string) (until canonical.Time, err error) {
	prefix := edgeKey(keyUnlink, anonymous, user)
	err = f.tx.Scan(prefix, func(key, _ []byte) error {
		until = timeOfEdge(key, len(prefix)) // the last one is the latest
		return nil
	})
	return until, err
}

// manyLinks is how many users an id may be linked to until its links are looked through in the background only.
var manyLinks int64 = 100

// unlink withdraws the links of a pair that were made up to the event's time.
func (f *Fold) unlink(e *canonical.Event) error {
	if err := f.tx.Set(momentKey(edgeKey(keyUnlink, e.AnonymousID, e.UserID), momentOf(e)), nil); err != nil {
		return err
	}
	before, err := f.owner(e.AnonymousID)
	if err != nil {
		return err
	}
	if before.users > manyLinks {
		after := before
		if after.unlinked = true; after != before {
			err = f.setOwner(e.AnonymousID, before, after)
		}
		return errors.Join(err, f.postpone(canonical.Unit{Kind: canonical.Anonymous, ID: e.AnonymousID}, dueLinks|dueGroups))
	}
	after, err := f.linked(e.AnonymousID, before)
	if err != nil || after == before {
		return err
	}
	if err := f.setOwner(e.AnonymousID, before, after); err != nil || before.users == 0 {
		return err
	}
	return f.regroup([]canonical.Unit{{Kind: canonical.Anonymous, ID: e.AnonymousID}})
}

// linked finds the links of an anonymous id again from all reports of them.
func (f *Fold) linked(anonymous string, before ownerRecord) (after ownerRecord, err error) {
	after = ownerRecord{ambiguous: before.ambiguous, identified: before.identified}
	all := edgeKey(keyOwnerEdge, anonymous, "")
	last, active := "", false
	var until canonical.Time
	if after.unlinked, err = f.any(edgeKey(keyUnlink, anonymous, "")); err != nil {
		return after, err
	}
	err = f.tx.Scan(all, func(key, _ []byte) error {
		user := edgeOther(key, len(all))
		at := timeOfEdge(key, len(all)+len(user)+1)
		if user != last {
			last, active = user, false
			if after.unlinked {
				if until, err = f.unlinkedUntil(anonymous, user); err != nil {
					return err
				}
			}
		}
		if active || user == anonymous || at <= until {
			return nil // an edge's key orders a pair's reports by time: the first that holds is the earliest
		}
		active = true
		after.users++
		if after.user == "" || cmp.Or(cmp.Compare(at, after.at), strings.Compare(user, after.user)) < 0 {
			after.user, after.at = user, at
		}
		return nil
	})
	return after, err
}

// reown finds everything about an id again from the facts, after one was withdrawn.
func (f *Fold) reown(id string) error {
	before, err := f.owner(id)
	if err != nil {
		return err
	}
	after, err := f.linked(id, ownerRecord{})
	if err != nil {
		return err
	}
	if before.ambiguous {
		if after.ambiguous, err = f.isAmbiguous(id); err != nil {
			return err
		}
	}
	if after.ambiguous {
		if after.identified, err = f.isIdentified(id); err != nil {
			return err
		}
	}
	return f.setOwner(id, before, after)
}

// isAmbiguous reports whether any fact calls the id ambiguous, or both a user's and a visitor's.
func (f *Fold) isAmbiguous(id string) (bool, error) {
	if both, err := f.any(edgeKey(keyOwnerEdge, id, id)); err != nil || both {
		return both, err
	}
	err := f.eachFact([]canonical.Unit{{Kind: canonical.Anonymous, ID: id}}, func(e *canonical.Event) error {
		if e.AmbiguousID {
			return errStop
		}
		return nil
	})
	if errors.Is(err, errStop) {
		return true, nil
	}
	return false, err
}

// isIdentified reports whether a fact or a merge names the id as a user's for certain.
func (f *Fold) isIdentified(id string) (bool, error) {
	if named, err := f.any(unitKey(keyFact, canonical.Unit{Kind: canonical.User, ID: id})); err != nil || named {
		return named, err
	}
	return f.any(edgeKey(keyMerge, id, ""))
}

// suspect notes that an event does not say whether its id is a user's or a visitor's. If the id is known as a user's, both
// names are one person from now on.
func (f *Fold) suspect(id string) error {
	before, err := f.owner(id)
	if err != nil || before.ambiguous {
		return err
	}
	after := before
	after.ambiguous = true
	if after.identified, err = f.isIdentified(id); err != nil {
		return err
	}
	f.take(before, after, id)
	return f.reassign(id, before, after)
}

// identify notes that an id is a user's. If other events do not say whose it is, they are this user's from now on, and a
// link that gave the id to another user no longer holds.
func (f *Fold) identify(id string) error {
	if f.meta.Ambiguous == 0 {
		return nil // nearly free for those who have no such source
	}
	before, err := f.owner(id)
	if err != nil || !before.ambiguous || before.identified {
		return err
	}
	after := before
	after.identified = true
	f.take(before, after, id)
	return f.reassign(id, before, after)
}

// take notes that an id is taken from the user it was linked to, whose rows change although no event mentions the user.
func (f *Fold) take(before, after ownerRecord, id string) {
	if was := before.owner(id); was != "" && was != after.owner(id) {
		f.meta.Retracted = f.seq
	}
}

// merge notes that two user ids are one person, as long as no more than MaxUserIDs are.
func (f *Fold) merge(e *canonical.Event) error {
	known, err := f.any(edgeKey(keyMerge, e.UserID, e.PreviousUserID))
	if err != nil {
		return err
	}
	for _, pair := range [...][2]string{{e.UserID, e.PreviousUserID}, {e.PreviousUserID, e.UserID}} {
		if err := f.tx.Set(momentKey(edgeKey(keyMerge, pair[0], pair[1]), momentOf(e)), nil); err != nil {
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
		if err := f.tx.Delete(momentKey(edgeKey(keyMerge, pair[0], pair[1]), momentOf(e))); err != nil {
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
		if e.person != nil && (len(e.person.units) > tooManyIDs || f.waits(e.unit) || e.isBulky()) {
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
	g := &grouping{fold: f, leader: map[canonical.Unit]canonical.Unit{}, old: map[*entry]struct{}{}}
	if err := g.gather(seeds); err != nil {
		return err
	}
	size := int64(0)
	var heaviest *person
	for e := range g.old {
		if f.beside != nil && f.beside.unit == e.unit { // what is computed of it now is of an older state
			if err := f.postpone(e.unit, dueFacts); err != nil {
				return err
			}
		}
		size += e.person.size()
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
func compareHeavy(a, b *person) int {
	return cmp.Or(cmp.Compare(a.size(), b.size()), compareUnits(a.units[0], b.units[0]))
}

// regroupHeavy makes a person of units that may have more facts than can be read now: the heaviest of those before,
// where it is among them, else nobody in particular.
func (f *Fold) regroupHeavy(e *entry, units []canonical.Unit, heaviest *person) error {
	few, err := f.fewFacts(units)
	if err != nil {
		return err
	}
	if few {
		e.person, err = f.evaluated(units, 0)
		return err
	}
	e.person = &person{units: units}
	if e.person.refused, err = f.refusals(units); err != nil {
		return err
	}
	if slices.Contains(units, heaviest.units[0]) {
		e.person.conversions, e.person.labels = heaviest.conversions, heaviest.labels
		e.person.revision, e.person.parts = heaviest.revision, heaviest.parts
	}
	return f.later(e)
}

// fewFacts reports whether the units have so few facts that they can be read at once.
func (f *Fold) fewFacts(units []canonical.Unit) (bool, error) {
	n := int64(0)
	for _, u := range units {
		err := f.tx.Scan(unitKey(keyFact, u), func(_, _ []byte) error {
			if n++; n > heavy {
				return errStop
			}
			return nil
		})
		if errors.Is(err, errStop) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// grouping is a union-find over ids.
type grouping struct {
	fold   *Fold
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
		e, err := g.fold.personOf(u)
		if err != nil {
			return err
		}
		if e.person != nil {
			if _, seen := g.old[e]; !seen {
				g.old[e] = struct{}{}
				work = append(work, e.person.units...)
			}
		}
		others, err := g.fold.neighbours(u)
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
func (f *Fold) neighbours(u canonical.Unit) ([]canonical.Unit, error) {
	if u.Kind == canonical.Anonymous {
		o, err := f.owner(u.ID)
		if err != nil {
			return nil, err
		}
		user := o.owner(u.ID)
		if user == "" {
			return nil, nil
		}
		return []canonical.Unit{{Kind: canonical.User, ID: user}}, nil
	}
	if tooLarge, err := f.overgrown(u.ID); err != nil || tooLarge {
		return nil, err
	}
	var others []canonical.Unit
	err := f.eachMerge(u.ID, func(other string) error {
		others = append(others, canonical.Unit{Kind: canonical.User, ID: other})
		return nil
	})
	return others, err
}

// named finds the person that somebody who has only an id asks for. A user id that no event names for certain may be an
// ambiguous one, which is known as a visitor's.
func (f *Fold) named(u canonical.Unit) (*entry, error) {
	e, err := f.personOf(u)
	if err != nil || e.person != nil || u.Kind != canonical.User {
		return e, err
	}
	o, err := f.owner(u.ID)
	if err != nil || !o.ambiguous {
		return e, err
	}
	return f.personOf(canonical.Unit{Kind: canonical.Anonymous, ID: u.ID})
}

// personOf finds the person that a unit belongs to, nil where it is not known yet.
func (f *Fold) personOf(u canonical.Unit) (*entry, error) {
	for range 3 { // a redirect leads straight to the person; the bound is for a broken state
		e, err := f.load(u)
		if err != nil || e.redirect == (canonical.Unit{}) {
			return e, err
		}
		u = e.redirect
	}
	return nil, fmt.Errorf("redirects without end: %w", errRecord)
}
