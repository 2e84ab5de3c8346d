package core

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/wire"
)

// hints are the event keys of the receipts that this process has published, by receipt, and the keys that were removed,
// by sequence. Both only save work: without the first a receipt is followed by reading all event records, without the
// second the whole store is compacted.
type hints struct {
	mu     sync.Mutex
	events map[string][][]byte
	wiped  map[uint64][][]byte
}

// Expect tells the fold where to find what a receipt that is about to be published erases.
func (f *Fold) Expect(receipt string, s *Search) {
	keys := make([][]byte, 0, len(s.events))
	for key := range s.events {
		keys = append(keys, []byte(key))
	}
	f.hints.mu.Lock()
	defer f.hints.mu.Unlock()
	f.hints.events = map[string][][]byte{receipt: keys} // one erasure is under way at a time
}

// Wiped hands out, once, the prefixes of keys that a receipt's erasure removed. Not known: the process has started since.
func (f *Fold) Wiped(seq uint64) (prefixes [][]byte, known bool) {
	f.hints.mu.Lock()
	defer f.hints.mu.Unlock()
	prefixes, known = f.hints.wiped[seq]
	delete(f.hints.wiped, seq)
	return prefixes, known
}

func gapKey(seq uint64) []byte { return binary.BigEndian.AppendUint64([]byte{keyGap}, seq) }

// noteGap remembers the messages before seq that were gone from the log when it was read: a receipt that follows has
// counted them, and this state has not.
func (f *Fold) noteGap(seq uint64) error {
	if seq == f.meta.Seq+1 {
		return nil
	}
	return f.tx.Set(gapKey(f.meta.Seq+1), binary.AppendUvarint(nil, seq-1))
}

// erase follows a receipt: whatever this state has counted of the erased messages is taken back, as if they had never
// come, and their place in the ledger is with the erased ones. A receipt that cannot be read is counted, as a definition
// is.
func (f *Fold) erase(r *canonical.Record) error {
	receipt, err := ParseReceipt(r.Erasure, r.Seq)
	if err != nil {
		f.meta.Unreadable++
		return nil //nolint:nilerr // counted, see above
	}
	f.meta.Erasures++
	f.meta.Retracted = r.Seq
	f.meta.Watermark = max(f.meta.Watermark, receipt.At) // not by what is gone: a state made again never sees that
	if err := f.tx.Set(binary.BigEndian.AppendUint64([]byte{keyErasure}, r.Seq), r.Erasure); err != nil {
		return err
	}
	events, err := f.writeOff(&receipt)
	if err != nil {
		return err
	}
	keys, err := f.erasedEvents(&receipt, events)
	if err != nil {
		return err
	}
	return f.wipe(r.Seq, keys)
}

// writeOff moves the erased messages to their column of the ledger and returns how many events this state has of them.
func (f *Fold) writeOff(receipt *Receipt) (events int, err error) {
	gaps, err := f.gaps()
	if err != nil {
		return 0, err
	}
	for i := range receipt.Erased {
		key, column, err := receipt.Erased[i].key()
		if err != nil {
			return 0, err
		}
		line, err := f.ledgerLine(key)
		if err != nil {
			return 0, err
		}
		for _, seq := range receipt.Erased[i].sequences() {
			line.Erased++
			if inSpans(gaps, seq) {
				continue
			}
			*column(line)--
			if receipt.Erased[i].Outcome == outcomeAccepted {
				events++
			}
		}
	}
	return events, nil
}

// erasedEvents finds the keys of the events whose first delivery was erased.
func (f *Fold) erasedEvents(receipt *Receipt, want int) (keys [][]byte, err error) {
	erased := map[uint64]struct{}{}
	for _, seq := range receipt.Sequences() {
		erased[seq] = struct{}{}
	}
	f.hints.mu.Lock()
	hinted := f.hints.events[receipt.ID]
	delete(f.hints.events, receipt.ID)
	f.hints.mu.Unlock()
	for _, key := range hinted {
		r, found, err := f.eventRecord(key)
		if err != nil {
			return nil, err
		}
		if _, ours := erased[r.first]; found && ours {
			keys = append(keys, key)
		}
	}
	if len(keys) == want {
		return keys, nil
	}
	keys = nil
	err = eachRecord(f.tx.Scan([]byte{keyEvent}), func(key, value []byte) error {
		r, err := decodeEventRecord(value)
		if _, ours := erased[r.first]; ours {
			keys = append(keys, slices.Clone(key))
		}
		return err
	})
	return keys, err
}

// wipe removes events and all that depends on them, and computes whom they concerned fresh.
func (f *Fold) wipe(seq uint64, keys [][]byte) error {
	f.erasing = true
	defer func() { f.erasing = false }()
	gone := make([]canonical.Event, 0, len(keys))
	var seeds []canonical.Unit
	for _, key := range keys {
		e, err := f.factOf(key)
		if err != nil {
			return err
		}
		more, err := f.withdraw(&e)
		if err != nil {
			return err
		}
		seeds, gone = append(seeds, more...), append(gone, e)
		if err := f.tx.Delete(key); err != nil {
			return err
		}
	}
	if err := f.dropDedup(gone); err != nil {
		return err
	}
	f.noteWiped(seq, keys, gone)
	return f.regroupNow(seeds)
}

// noteWiped remembers where the store should be compacted.
func (f *Fold) noteWiped(seq uint64, keys [][]byte, gone []canonical.Event) {
	prefixes := slices.Clone(keys)
	for i := range gone {
		e := &gone[i]
		u := e.Unit()
		prefixes = append(prefixes, unitKey(keyFact, u), unitKey(keyDedup, u), unitKey(keyPerson, u))
		if e.AmbiguousID {
			prefixes = append(prefixes, edgeKey(keyOwner, u.ID, ""))
		}
		if e.AnonymousID != "" {
			prefixes = append(prefixes, edgeKey(keyUnlink, e.AnonymousID, ""))
			a := canonical.Unit{Kind: canonical.Anonymous, ID: e.AnonymousID}
			prefixes = append(prefixes, edgeKey(keyOwnerEdge, e.AnonymousID, ""), edgeKey(keyOwner, e.AnonymousID, ""), unitKey(keyPerson, a))
		}
		if e.PreviousUserID != "" {
			p := canonical.Unit{Kind: canonical.User, ID: e.PreviousUserID}
			prefixes = append(prefixes, edgeKey(keyMerge, e.UserID, ""), edgeKey(keyMerge, e.PreviousUserID, ""), unitKey(keyPerson, p), overgrownKey(e.UserID), overgrownKey(e.PreviousUserID))
		}
	}
	slices.SortFunc(prefixes, bytes.Compare)
	f.hints.mu.Lock()
	defer f.hints.mu.Unlock()
	if f.hints.wiped == nil {
		f.hints.wiped = map[uint64][][]byte{}
	}
	f.hints.wiped[seq] = slices.CompactFunc(prefixes, bytes.Equal)
}

// flushPerson writes what a unit is, or removes it where nothing names it any more.
func (f *Fold) flushPerson(e *entry) error {
	key := unitKey(keyPerson, e.unit)
	switch {
	case e.person != nil:
		f.buf = e.person.AppendTo(f.buf[:0])
	case e.redirect != canonical.Unit{}:
		f.buf = wire.AppendUnit(append(f.buf[:0], person.TagRedirect), e.redirect)
	default:
		return f.tx.Delete(key)
	}
	return f.tx.Set(key, f.buf)
}

// vanished removes a person of one id that no fact and no report names any more.
func (f *Fold) vanished(units []canonical.Unit) (bool, error) {
	if len(units) > 1 {
		return false, nil
	}
	u := units[0]
	if named, err := f.any(unitKey(keyFact, u)); err != nil || named {
		return false, err
	}
	f.people[u].redirect = canonical.Unit{}
	f.meta.Persons--
	if f.due[u]&(dueGroups|dueLinks) != 0 {
		f.groups--
	}
	delete(f.due, u)
	return true, f.tx.Delete(unitKey(keyDue, u))
}
