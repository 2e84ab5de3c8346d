package core

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/wire"
)

// link notes that an anonymous id was seen with a user. The id belongs to the user with the earliest link that still
// holds, the smaller user id if two are equally early; a later one is counted as a conflict and merges no one.
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
	if err := f.tx.Set(momentKey(key, person.MomentOf(e)), nil); err != nil {
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

func (r *reader) owner(anonymous string) (ownerRecord, error) {
	raw, found, err := r.db.Get(edgeKey(keyOwner, anonymous, ""))
	if err != nil || !found {
		return ownerRecord{}, err
	}
	return decodeOwner(raw)
}

func (f *Fold) setOwner(anonymous string, before, after ownerRecord) error {
	f.meta.LinkConflicts += after.refused() - before.refused()
	f.meta.Ambiguous += int64(wire.BoolByte(after.ambiguous)) - int64(wire.BoolByte(before.ambiguous))
	key := edgeKey(keyOwner, anonymous, "")
	if after == (ownerRecord{}) {
		return f.tx.Delete(key)
	}
	return f.tx.Set(key, after.encode())
}

func timeOfEdge(key []byte, at int) canonical.Time {
	return canonical.Time(binary.BigEndian.Uint64(key[at:]))
}

// anyAfter reports whether an edge with the prefix has a time after at.
func (r *reader) anyAfter(prefix []byte, at canonical.Time) (bool, error) {
	from := binary.BigEndian.AppendUint64(slices.Clone(prefix), uint64(at)+1)
	for _, err := range r.db.ScanAfter(prefix, from) {
		return err == nil, err
	}
	return false, nil
}

// unlinkedUntil is the time up to which links of the pair are withdrawn, 0 if none is.
func (r *reader) unlinkedUntil(anonymous, user string) (until canonical.Time, err error) {
	prefix := edgeKey(keyUnlink, anonymous, user)
	err = eachRecord(r.db.Scan(prefix), func(key, _ []byte) error {
		until = timeOfEdge(key, len(prefix)) // the last one is the latest
		return nil
	})
	return until, err
}

// manyLinks is how many users an id may be linked to until its links are looked through in the background only.
var manyLinks int64 = 100

// unlink withdraws the links of a pair that were made up to the event's time.
func (f *Fold) unlink(e *canonical.Event) error {
	if err := f.tx.Set(momentKey(edgeKey(keyUnlink, e.AnonymousID, e.UserID), person.MomentOf(e)), nil); err != nil {
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
func (r *reader) linked(anonymous string, before ownerRecord) (after ownerRecord, err error) {
	after = ownerRecord{ambiguous: before.ambiguous, identified: before.identified}
	all := edgeKey(keyOwnerEdge, anonymous, "")
	last, active := "", false
	var until canonical.Time
	if after.unlinked, err = r.any(edgeKey(keyUnlink, anonymous, "")); err != nil {
		return after, err
	}
	err = eachRecord(r.db.Scan(all), func(key, _ []byte) error {
		user := edgeOther(key, len(all))
		at := timeOfEdge(key, len(all)+len(user)+1)
		if user != last {
			last, active = user, false
			if after.unlinked {
				if until, err = r.unlinkedUntil(anonymous, user); err != nil {
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
func (r *reader) isAmbiguous(id string) (bool, error) {
	if both, err := r.any(edgeKey(keyOwnerEdge, id, id)); err != nil || both {
		return both, err
	}
	for record, err := range r.db.Scan(unitKey(keyFact, canonical.Unit{Kind: canonical.Anonymous, ID: id})) {
		if err != nil {
			return false, err
		}
		e, err := canonical.ParseWire(record.Value)
		if err != nil {
			return false, fmt.Errorf("fact: %w: %w", wire.ErrRecord, err)
		}
		if e.AmbiguousID {
			return true, nil
		}
	}
	return false, nil
}

// isIdentified reports whether a fact or a merge names the id as a user's for certain.
func (r *reader) isIdentified(id string) (bool, error) {
	if named, err := r.any(unitKey(keyFact, canonical.Unit{Kind: canonical.User, ID: id})); err != nil || named {
		return named, err
	}
	return r.any(edgeKey(keyMerge, id, ""))
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
