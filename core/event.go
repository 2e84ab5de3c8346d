package core

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/wire"
)

// event folds one event. Its id, within its source, makes it itself: the same body again is a redelivery, another body
// is a conflict, in which the body that sorts first wins whatever came first.
func (f *Fold) event(e *canonical.Event, seq uint64) error {
	body := e.AppendBody(nil)
	sum := sha256.Sum256(body)
	hash := [16]byte(sum[:16])
	key := eventKey(e)
	entry, err := f.ledgerOf(e)
	if err != nil {
		return err
	}
	raw, found, err := f.tx.Get(key)
	if err != nil {
		return err
	}
	if !found {
		entry.Accepted++
		r := eventRecord{e.Unit(), e.At, seq, seq, [][16]byte{hash}}
		if err := f.tx.Set(key, r.encode()); err != nil {
			return err
		}
		return f.insert(e)
	}
	r, err := decodeEventRecord(raw)
	if err != nil {
		return err
	}
	at, known := slices.BinarySearchFunc(r.hashes, hash, func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
	if known {
		entry.Redelivered++
	} else {
		entry.Conflicts++
		r.hashes = slices.Insert(r.hashes, at, hash)
	}
	r.last = seq
	return f.contest(e, body, key, r)
}

// contest keeps, of two deliveries under one id, the one that comes first in an order that does not know which arrived
// first: by body, then, the bodies being equal, by the time of receipt.
func (f *Fold) contest(e *canonical.Event, body, key []byte, r eventRecord) error {
	held := canonical.Event{ID: e.ID, Source: e.Source, At: r.at}
	setUnit(&held, r.unit)
	raw, found, err := f.tx.Get(factKey(&held))
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("event %q of %q has no fact: %w", e.ID, e.Source, wire.ErrRecord)
	}
	if held, err = canonical.ParseWire(append([]byte(nil), raw...)); err != nil {
		return fmt.Errorf("fact: %w: %w", wire.ErrRecord, err)
	}
	order := bytes.Compare(body, held.AppendBody(nil))
	if order == 0 {
		order = int(min(max(e.ReceivedAt-held.ReceivedAt, -1), 1))
	}
	if order == 0 {
		order = int(min(max(e.ClockOffset-held.ClockOffset, -1), 1))
	}
	if order < 0 {
		r.unit, r.at = e.Unit(), e.At
	}
	if err := f.tx.Set(key, r.encode()); err != nil || order >= 0 {
		return err
	}
	f.meta.Retracted = r.last
	if err := f.retract(&held); err != nil {
		return err
	}
	return f.insert(e)
}

func setUnit(e *canonical.Event, u canonical.Unit) {
	if u.Kind == canonical.User {
		e.UserID = u.ID
	} else {
		e.AnonymousID = u.ID
	}
}

// insert stores a new fact and lets it take effect. Identity comes first: it may compute persons from their facts, of
// which this is not one yet.
func (f *Fold) insert(e *canonical.Event) error {
	if err := f.identities(e); err != nil {
		return err
	}
	f.buf = e.AppendJSON(f.buf[:0])
	if err := f.tx.Set(factKey(e), f.buf); err != nil {
		return err
	}
	f.noteName(e, 1)
	f.noteSeen(e, 1)
	p, err := f.ensurePerson(e.Unit())
	if err != nil {
		return err
	}
	if f.waits(p.unit) || p.isBulky() {
		return f.bulk(p, e)
	}
	if err := f.label(p, e); err != nil {
		return err
	}
	switch e.Kind {
	case canonical.Exposed:
		return f.exposed(p, e)
	case canonical.Converted:
		return f.converted(p, e)
	case canonical.EndedEarly:
		return f.change(p, f.rules.Experiment(e), func() { f.rules.End(p.person, e) })
	}
	return nil
}

// identities lets take effect what an event says of who is who.
func (f *Fold) identities(e *canonical.Event) error {
	if e.AmbiguousID {
		return f.suspect(e.Unit().ID)
	}
	if e.UserID != "" {
		if err := f.identifyFirst(e.UserID); err != nil {
			return err
		}
	}
	if e.Links() {
		if err := f.link(e); err != nil {
			return err
		}
	}
	if e.Kind == canonical.Unlinked {
		if err := f.unlink(e); err != nil {
			return err
		}
	}
	if e.PreviousUserID != "" {
		return f.merge(e)
	}
	return nil
}

// identifyFirst lets the first event that names a user for certain take effect on events that do not say whose the id is.
func (f *Fold) identifyFirst(user string) error {
	if f.meta.Ambiguous == 0 {
		return nil
	}
	u, err := f.load(canonical.Unit{Kind: canonical.User, ID: user})
	if err != nil {
		return err
	}
	known := u.person != nil || u.redirect != (canonical.Unit{})
	if known && f.groups == 0 { // with ids that wait it may be a person of the past
		return nil
	}
	return f.identify(user)
}

// bulk leaves the effect of a fact of a person with a large record to the background.
func (f *Fold) bulk(p *entry, e *canonical.Event) error {
	if e.Kind == canonical.Converted && person.DedupOf(e).Key != "" { // who looks for other reports of it later must find this one
		if err := f.tx.Set(dedupKey(e.Unit(), e), nil); err != nil {
			return err
		}
	}
	if (e.Kind == canonical.Linked || e.Kind == canonical.Unlinked) && f.rules.Filters().Labels(e)&^p.person.Labels == 0 {
		return nil // a fact about ids alone
	}
	return f.later(p)
}

// ensurePerson finds the person of a unit, or makes one of that unit alone.
func (f *Fold) ensurePerson(u canonical.Unit) (*entry, error) {
	p, err := f.personOf(u)
	if err != nil {
		return nil, err
	}
	if p.person == nil {
		p.person = &person.Person{Units: []canonical.Unit{u}, Revision: f.rules.Revision}
		if p.person.Crowd, err = f.isCrowd(p.person.Units); err != nil {
			return nil, err
		}
		f.meta.Persons++
		f.touch(p)
	}
	return p, nil
}

// exposed adds an exposure in place where no conversion can change its verdict: where there is none, or where the first
// exposure stays what it was. Else the person is computed again.
func (f *Fold) exposed(p *entry, e *canonical.Event) error {
	experiment, run, variant, known := f.rules.Place(e)
	if p.person.Conversions == 0 || run == 0 || p.person.Repeats(experiment, run, variant, known, person.MomentOf(e)) {
		if e.ExperimentKind == canonical.Holdout {
			experiment = "" // it may concern two
		}
		return f.change(p, experiment, func() { f.rules.Expose(p.person, e) })
	}
	return f.recompute(p)
}

// converted adds a conversion in place unless another report of it is known, or an adjustment, or one that looks like it:
// which of them is kept, and what it comes to, may change.
func (f *Fold) converted(p *entry, e *canonical.Event) error {
	again := e.Adjusts != ""
	if person.DedupOf(e).Key != "" {
		known, err := f.reported(p.person, e)
		if err != nil {
			return err
		}
		again = again || known
	}
	if !again {
		twin, err := f.twinned(p.person, e)
		if err != nil {
			return err
		}
		again = twin
	}
	if again {
		return f.recompute(p)
	}
	experiment := ""
	if e.ExperimentID != "" {
		experiment = f.rules.Experiment(e)
	}
	return f.change(p, experiment, func() {
		p.person.Conversions++
		f.rules.Convert(p.person, person.Conversion{Event: e, Kept: e})
	})
}

// reported notes the conversion's dedup key and says whether one of the person's ids had it before. After a fact was
// retracted the answer may be a needless yes; that costs time, not truth.
func (f *Fold) reported(p *person.Person, e *canonical.Event) (bool, error) {
	again := false
	for _, u := range p.Units {
		_, found, err := f.tx.Get(dedupKey(u, e))
		if err != nil {
			return false, err
		}
		if again = again || found; again {
			break
		}
	}
	return again, f.tx.Set(dedupKey(e.Unit(), e), nil)
}

// retract takes a fact back, as if it had never come.
func (f *Fold) retract(e *canonical.Event) error {
	seeds, err := f.withdraw(e)
	if err != nil {
		return err
	}
	if err := f.dropDedup([]canonical.Event{*e}); err != nil {
		return err
	}
	return f.regroup(seeds)
}

// withdraw takes a fact and its reports off the store and returns the ids whose persons must be computed again.
func (f *Fold) withdraw(e *canonical.Event) ([]canonical.Unit, error) {
	if err := f.tx.Delete(factKey(e)); err != nil {
		return nil, err
	}
	f.noteName(e, -1)
	f.noteSeen(e, -1)
	if e.Links() {
		if err := f.tx.Delete(momentKey(edgeKey(keyOwnerEdge, e.AnonymousID, e.UserID), person.MomentOf(e))); err != nil {
			return nil, err
		}
	}
	if e.Kind == canonical.Unlinked {
		if err := f.tx.Delete(momentKey(edgeKey(keyUnlink, e.AnonymousID, e.UserID), person.MomentOf(e))); err != nil {
			return nil, err
		}
	}
	if e.PreviousUserID != "" {
		if err := f.unmerge(e); err != nil {
			return nil, err
		}
	}
	seeds, err := f.shrink(e.UserID, e.PreviousUserID)
	if err != nil {
		return nil, err
	}
	for _, id := range [...]string{e.UserID, e.AnonymousID, e.PreviousUserID} {
		if id == "" {
			continue
		}
		seeds = append(seeds, canonical.Unit{Kind: canonical.User, ID: id}, canonical.Unit{Kind: canonical.Anonymous, ID: id})
		owner, err := f.owner(id)
		if err != nil {
			return nil, err
		}
		if owner.users > manyLinks && !f.erasing {
			err = f.postpone(canonical.Unit{Kind: canonical.Anonymous, ID: id}, dueLinks|dueGroups)
		} else {
			err = f.reown(id)
		}
		if err != nil {
			return nil, err
		}
	}
	return seeds, nil
}

// dropDedup removes the dedup keys of facts that are gone, except those that another fact of the same id has.
func (f *Fold) dropDedup(gone []canonical.Event) error {
	by := map[canonical.Unit]map[string]struct{}{}
	for i := range gone {
		if e := &gone[i]; person.DedupOf(e).Key != "" {
			if by[e.Unit()] == nil {
				by[e.Unit()] = map[string]struct{}{}
			}
			by[e.Unit()][string(dedupKey(e.Unit(), e))] = struct{}{}
		}
	}
	for u, keys := range by {
		facts, err := f.facts([]canonical.Unit{u}, 0)
		if err != nil {
			return err
		}
		for i := range facts {
			if person.DedupOf(&facts[i]).Key != "" {
				delete(keys, string(dedupKey(u, &facts[i])))
			}
		}
		for key := range keys {
			if err := f.tx.Delete([]byte(key)); err != nil {
				return err
			}
		}
	}
	return nil
}
