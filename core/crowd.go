package core

import (
	"errors"
	"iter"
	"slices"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/person"
)

// Anybody who may send events may link ids, so the work for one link must not grow with the ids that hang together
// already. Two rules bound it.
//
// User ids that merges join, directly or by way of others, are one person as long as they are at most MaxUserIDs. A larger
// set is no person: a program sends a constant as an id, or a stranger joins what does not belong together. None of its
// merges holds, and each of its user ids is a person of its own, shown as doubtful. That is a property of the set of
// merges, so the order of arrival leaves no trace; and because nothing but "too large" is remembered of such a set, another
// merge of one of its ids costs no more than the ids that it adds.
//
// A person whose record is large, for whatever reason, is not changed in place: it is computed again in the background,
// once for all events that arrived meanwhile.

// MaxUserIDs is how many user ids merges may join into one person.
const MaxUserIDs = 50

// maxUserIDs is MaxUserIDs, but for tests.
var maxUserIDs = MaxUserIDs

// bulky is the weight from which on a person is not changed in place any more.
var bulky int64 = 2_000

// tooManyIDs is the number of ids from which on who is who is found out in the background.
const tooManyIDs = 200

// isBulky reports whether the person is too large to be changed in place. The weight is found once and then grows
// with every change, by at least as much as the change adds.
func (e *entry) isBulky() bool {
	if e.person == nil {
		return false
	}
	if e.weighed != e.person {
		e.weighed, e.weight = e.person, e.person.Weight()
	}
	e.weight++
	return e.weight > bulky
}

// overgrown reports whether merges join the user id with more ids than a person may have.
func (r *reader) overgrown(user string) (bool, error) {
	if r.overgrownIDs != nil && *r.overgrownIDs == 0 {
		return false, nil // nearly always
	}
	_, found, err := r.db.Get(overgrownKey(user))
	return found, err
}

func overgrownKey(user string) []byte { return append([]byte{keyOvergrown}, user...) }

// merged are the user ids that merges join with the given one, itself included, at most limit of them, in no order.
func (r *reader) merged(user string, limit int) ([]string, error) {
	found, known := []string{user}, map[string]struct{}{user: {}}
	for at := 0; at < len(found) && len(found) < limit; at++ {
		for other, err := range r.merges(found[at]) {
			if err != nil {
				return nil, err
			}
			if _, again := known[other]; !again {
				known[other] = struct{}{}
				if found = append(found, other); len(found) >= limit {
					break
				}
			}
		}
	}
	return found, nil
}

// merges iterates over every user id that a merge names together with the given one, once, however many reports there are
// of it. An error comes last.
func (r *reader) merges(user string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		prefix := edgeKey(keyMerge, user, "")
		for from := prefix; ; {
			other := ""
			for record, err := range r.db.ScanAfter(prefix, from) {
				if err != nil {
					yield("", err)
					return
				}
				other = edgeOther(record.Key, len(prefix))
				break
			}
			if other == "" || !yield(other, nil) {
				return
			}
			from = append(edgeKey(keyMerge, user, other), 0xff) // behind all reports of the pair: times begin with a smaller byte
		}
	}
}

// grow finds out, after a merge of two user ids, whether they and all that they are merged with are still a person, and
// returns the ids whose persons must be computed again.
func (f *Fold) grow(a, b string) ([]canonical.Unit, error) {
	tooLarge := [2]bool{}
	for i, id := range [...]string{a, b} {
		var err error
		if tooLarge[i], err = f.overgrown(id); err != nil {
			return nil, err
		}
	}
	switch {
	case tooLarge[0] && tooLarge[1]:
		return nil, nil
	case tooLarge[0]:
		return f.outgrow(b)
	case tooLarge[1]:
		return f.outgrow(a)
	}
	all, err := f.merged(a, 2*maxUserIDs+1)
	if err != nil {
		return nil, err
	}
	if len(all) <= maxUserIDs {
		return []canonical.Unit{{Kind: canonical.User, ID: a}, {Kind: canonical.User, ID: b}}, nil
	}
	return f.mark(all)
}

// outgrow marks the ids that one is merged with and that are not marked yet.
func (f *Fold) outgrow(user string) ([]canonical.Unit, error) {
	found, known := []string{user}, map[string]struct{}{user: {}}
	for at := 0; at < len(found); at++ {
		for other, err := range f.merges(found[at]) {
			if err != nil {
				return nil, err
			}
			if _, again := known[other]; again {
				continue
			}
			known[other] = struct{}{}
			marked, err := f.overgrown(other)
			if err != nil {
				return nil, err
			}
			if !marked {
				found = append(found, other)
			}
		}
	}
	return f.mark(found)
}

func (f *Fold) mark(users []string) ([]canonical.Unit, error) {
	units := make([]canonical.Unit, 0, len(users))
	for _, id := range users {
		if err := f.tx.Set(overgrownKey(id), nil); err != nil {
			return nil, err
		}
		f.meta.Overgrown++
		units = append(units, canonical.Unit{Kind: canonical.User, ID: id})
	}
	return units, nil
}

// shrink finds out, after a merge was withdrawn, whether one of its ids is a person again, and returns the ids whose
// persons must be computed again.
func (f *Fold) shrink(ids ...string) ([]canonical.Unit, error) {
	var units []canonical.Unit
	for _, id := range ids {
		tooLarge, err := f.overgrown(id)
		if err != nil || !tooLarge {
			if err != nil {
				return nil, err
			}
			continue
		}
		all, err := f.merged(id, maxUserIDs+1)
		if err != nil {
			return nil, err
		}
		if len(all) > maxUserIDs {
			continue
		}
		for _, one := range all {
			if err := f.tx.Delete(overgrownKey(one)); err != nil {
				return nil, err
			}
			f.meta.Overgrown--
			units = append(units, canonical.Unit{Kind: canonical.User, ID: one})
		}
	}
	return units, nil
}

// isCrowd reports whether one of the ids is merged with more ids than a person may have.
func (r *reader) isCrowd(units []canonical.Unit) (bool, error) {
	for _, u := range units {
		if u.Kind != canonical.User {
			break // they come after the users
		}
		if tooLarge, err := r.overgrown(u.ID); err != nil || tooLarge {
			return tooLarge, err
		}
	}
	return false, nil
}

// What is due for an id that waits for the background.
const (
	dueFacts  = 1 << iota // its person is to be computed from the facts
	dueGroups             // the ids that it hangs together with are to be found again
	dueLinks              // and before that, of an anonymous id, the links of it that hold
)

// postpone notes what is to be done for an id in the background.
func (f *Fold) postpone(u canonical.Unit, what byte) error {
	was := f.due[u]
	if was&what == what {
		return nil
	}
	if f.due[u] = was | what; was&(dueGroups|dueLinks) == 0 && what&(dueGroups|dueLinks) != 0 {
		f.groups++
	}
	return f.tx.Set(unitKey(keyDue, u), []byte{was | what})
}

// atATime is how many ids that wait are looked at together: what hangs together is found once for all of them.
const atATime = 20_000

// settleGroups does what is due about who is who, for as many ids that wait as can be looked at together.
func (f *Fold) settleGroups() error {
	var seeds []canonical.Unit
	for u, what := range f.due {
		if what&(dueGroups|dueLinks) == 0 {
			continue
		}
		if what&dueLinks != 0 {
			if err := f.reown(u.ID); err != nil {
				return err
			}
		}
		seeds = append(seeds, u)
		if len(seeds) == atATime {
			break
		}
	}
	for _, u := range seeds {
		what := f.due[u] &^ (dueGroups | dueLinks)
		delete(f.due, u)
		f.groups--
		err := error(nil)
		if what == 0 {
			err = f.tx.Delete(unitKey(keyDue, u))
		} else {
			f.due[u] = what
			err = f.tx.Set(unitKey(keyDue, u), []byte{what})
		}
		if err != nil {
			return err
		}
	}
	slices.SortFunc(seeds, compareUnits)
	return f.regroupNow(seeds)
}

// aside is a person who is computed beside the writer.
type aside struct {
	unit  canonical.Unit
	units []canonical.Unit
	about int64
	rules person.Rules
}

func (f *Fold) dueAgain() bool {
	_, again := f.due[f.beside.unit]
	return again
}

// waits reports whether a person waits for the background. Until then nothing of it is changed in place, or what is
// computed beside the writer would undo that.
func (f *Fold) waits(u canonical.Unit) bool {
	_, due := f.due[u]
	return due || f.beside != nil && f.beside.unit == u
}

// settleAside computes one of the persons who wait from the facts, however many there are, without keeping the writer:
// it reads a frozen state, and the person is replaced at the end. What arrives about the person meanwhile makes it wait
// again, so that a person about whom a stranger never stops sending is always a little late, and no other one is.
func (f *Fold) settleAside() error {
	err := f.write(func() error {
		for u, what := range f.due {
			if what&(dueGroups|dueLinks) != 0 {
				continue // it arrived since; that comes first
			}
			e, err := f.personOf(u) // whom it has been joined to, perhaps
			if err != nil {
				return err
			}
			delete(f.due, u)
			if e.person == nil {
				return f.tx.Delete(unitKey(keyDue, u))
			}
			if e.unit != u {
				return errors.Join(f.tx.Delete(unitKey(keyDue, u)), f.postpone(e.unit, dueFacts))
			}
			f.beside = &aside{u, slices.Clone(e.person.Units), e.person.Size(), f.rules}
			return nil
		}
		return nil
	})
	if err != nil || f.beside == nil {
		return err
	}
	r := f.store.Freeze()
	computed, err := (&reader{db: r, rules: f.beside.rules}).evaluated(f.beside.units, f.beside.about)
	r.Discard()
	if err != nil {
		return err
	}
	return f.write(func() error { return f.settled(computed) })
}

// settled puts a person who was computed beside the writer in its place, unless it is another one by now.
func (f *Fold) settled(computed *person.Person) error {
	b := f.beside
	f.beside = nil
	e, err := f.personOf(b.unit)
	if err != nil {
		return err
	}
	switch {
	case e.person == nil:
		return f.tx.Delete(unitKey(keyDue, b.unit))
	case e.unit != b.unit || f.rules.Revision != b.rules.Revision || !slices.Equal(e.person.Units, b.units):
		return f.postpone(e.unit, dueFacts)
	}
	f.contribute(-1, e.person, "")
	e.person = computed
	f.contribute(1, e.person, "")
	f.touch(e)
	if _, again := f.due[b.unit]; again {
		return nil
	}
	return f.tx.Delete(unitKey(keyDue, b.unit))
}
