package core

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/tracklayer/tracklayer/canonical"
)

// LedgerKey is one line of the conservation ledger.
type LedgerKey struct {
	Day    int64 // of receipt, days since 1970
	Source string
	Kind   canonical.Kind // 0: of items that were rejected or ignored, whose kind is unknown
	// Experiment is what the events call it; aliases are not looked up, so that no change of the registry moves a line.
	Experiment string // "": they name none
}

// LedgerEntry is what became of the events of one line: received is the sum of its columns.
type LedgerEntry struct {
	Accepted    int64 // facts
	Redelivered int64 // the same event again
	Conflicts   int64 // another body under a known id; the one that sorts first is the fact
	Rejected    int64 // items that could not be counted
	Erased      int64 // what was one of the first three, until its person was erased
	Ignored     int64 // items that are not meant to count

	// Reasons say why items were ignored or rejected, in the order of canonical.Uncounted.Compare. The first
	// canonical.MaxReasons of each outcome have an entry; OtherRejected and OtherIgnored count the items of all others,
	// and those recorded without a reason.
	Reasons                     []Reason
	OtherRejected, OtherIgnored int64
}

// Reason is why items of one line were not counted as events.
type Reason struct {
	canonical.Uncounted // its Example is of the newest request
	LastReceivedAt      canonical.Time
}

// Received is how many events and items were received.
func (e LedgerEntry) Received() int64 {
	return e.Accepted + e.Redelivered + e.Conflicts + e.Rejected + e.Erased + e.Ignored
}

func (k LedgerKey) encode() []byte {
	b := binary.BigEndian.AppendUint64([]byte{keyLedger}, uint64(k.Day))
	return append(append(append(append(b, k.Source...), 0), byte(k.Kind)), k.Experiment...)
}

// encode writes the members that all lines have first: a line without ignored items and reasons ends after them, as lines
// did before there were any.
func (e *LedgerEntry) encode() []byte {
	var b []byte
	for _, n := range [...]int64{e.Accepted, e.Redelivered, e.Conflicts, e.Rejected, e.Erased} {
		b = binary.AppendVarint(b, n)
	}
	if e.Ignored == 0 && len(e.Reasons) == 0 {
		return b
	}
	for _, n := range [...]int64{e.Ignored, e.OtherRejected, e.OtherIgnored} {
		b = binary.AppendVarint(b, n)
	}
	b = binary.AppendUvarint(b, uint64(len(e.Reasons)))
	for i := range e.Reasons {
		b = e.Reasons[i].append(b)
	}
	return b
}

func (r *Reason) append(b []byte) []byte {
	for _, text := range [...]string{r.Outcome, r.Field, r.Reason} {
		b = appendText(b, text)
	}
	b = binary.AppendVarint(binary.AppendVarint(b, r.Items), int64(r.LastReceivedAt))
	if r.Example == nil {
		return append(b, 0)
	}
	return appendText(binary.AppendVarint(append(b, 1), int64(r.Example.Index)), r.Example.Detail)
}

func decodeLedger(b []byte) (e LedgerEntry, err error) {
	d := decoder{b: b}
	e = LedgerEntry{Accepted: d.int(), Redelivered: d.int(), Conflicts: d.int(), Rejected: d.int(), Erased: d.int()}
	if len(d.b) > 0 {
		e.Ignored, e.OtherRejected, e.OtherIgnored = d.int(), d.int(), d.int()
		for range d.count() {
			e.Reasons = append(e.Reasons, d.reason())
		}
	} else {
		e.OtherRejected = e.Rejected
	}
	if d.bad || len(d.b) > 0 {
		return e, fmt.Errorf("ledger: %w", errRecord)
	}
	return e, nil
}

func (d *decoder) reason() (r Reason) {
	r.Outcome, r.Field, r.Reason = d.text(), d.text(), d.text()
	r.Items, r.LastReceivedAt = d.int(), canonical.Time(d.int())
	if d.byte() != 0 {
		r.Example = &canonical.Example{Index: int(d.int()), Detail: d.text()}
	}
	return r
}

// reject counts the items of a request that are not counted as events.
func (f *Fold) reject(r *canonical.Rejected) error {
	l, err := f.ledgerLine(LedgerKey{Day: day(r.ReceivedAt), Source: r.Source})
	if err != nil {
		return err
	}
	l.reject(r)
	return nil
}

// reject adds a request's items. The result is the same in whatever order requests are added: a reason that is among the
// first of all is among the first of those seen so far at any time, so what an entry counts is never incomplete.
func (e *LedgerEntry) reject(r *canonical.Rejected) {
	e.Rejected += r.Items
	e.Ignored += r.Ignored
	e.OtherRejected += r.Items // until an entry takes them
	e.OtherIgnored += r.Ignored
	for i := range r.Reasons {
		u := &r.Reasons[i]
		if u.Reason == canonical.OtherReasons || u.Items <= 0 {
			continue
		}
		*e.others(u.Outcome) -= u.Items
		at, found := slices.BinarySearchFunc(e.Reasons, u, func(a Reason, u *canonical.Uncounted) int { return a.Compare(u) })
		if found {
			e.Reasons[at].add(u, r.ReceivedAt)
		} else {
			e.Reasons = slices.Insert(e.Reasons, at, Reason{*u, r.ReceivedAt})
		}
	}
	e.limit(canonical.OutcomeIgnored)
	e.limit(canonical.OutcomeRejected)
}

// limit drops the entries of an outcome past canonical.MaxReasons, the last in order.
func (e *LedgerEntry) limit(outcome string) {
	n := 0
	e.Reasons = slices.DeleteFunc(e.Reasons, func(r Reason) bool {
		if r.Outcome != outcome {
			return false
		}
		if n++; n <= canonical.MaxReasons {
			return false
		}
		*e.others(outcome) += r.Items
		return true
	})
}

// others counts the items of an outcome that are in no entry of Reasons.
func (e *LedgerEntry) others(outcome string) *int64 {
	if outcome == canonical.OutcomeIgnored {
		return &e.OtherIgnored
	}
	return &e.OtherRejected
}

// add counts a request's items of the reason. The example is that of the newest request; of two received at the same
// time, the one with the smaller index, then the smaller text.
func (r *Reason) add(u *canonical.Uncounted, at canonical.Time) {
	r.Items += u.Items
	if at > r.LastReceivedAt || at == r.LastReceivedAt && before(u.Example, r.Example) {
		r.LastReceivedAt, r.Example = at, u.Example
	}
}

func before(a, b *canonical.Example) bool {
	if a == nil || b == nil {
		return a != nil
	}
	return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(a.Detail, b.Detail)) < 0
}

// ledgerOf is the line that counts the event, read from the store where need be.
func (f *Fold) ledgerOf(e *canonical.Event) (*LedgerEntry, error) {
	return f.ledgerLine(LedgerKey{day(e.ReceivedAt), e.Source, e.Kind, e.ExperimentID})
}

func (f *Fold) ledgerLine(key LedgerKey) (*LedgerEntry, error) {
	if l := f.ledger[key]; l != nil {
		return &l.LedgerEntry, nil
	}
	raw, found, err := f.tx.Get(key.encode())
	if err != nil {
		return nil, err
	}
	l := &ledgerLine{}
	if found {
		if l.LedgerEntry, err = decodeLedger(raw); err != nil {
			return nil, err
		}
	}
	l.was = l.sums()
	f.ledger[key] = l
	return &l.LedgerEntry, nil
}

func (f *Fold) flushLedger() error {
	days := map[LedgerDay]LedgerEntry{}
	for key, l := range f.ledger {
		if err := f.tx.Set(key.encode(), l.encode()); err != nil {
			return err
		}
		more := days[key.day()]
		more.add(1, &l.LedgerEntry)
		more.add(-1, &l.was)
		days[key.day()] = more
	}
	f.ledger = emptied(f.ledger)
	for of, more := range days {
		sum, _ := f.next.ledgerDays.Get(of.Key())
		sum.add(1, &more)
		f.next.ledgerDays.set(of.Key(), sum)
		if err := f.tx.Set(append([]byte{keyLedgerDay}, of.Key()...), sum.encode()); err != nil {
			return err
		}
	}
	return nil
}

// Ledger reads every line of the ledger in order.
func (f *Fold) Ledger(fn func(LedgerKey, LedgerEntry) error) error {
	return f.reading(func(_ *View, r *reader) error { return r.ledger(fn) })
}

// ledger reads every line of the ledger in order.
func (r *reader) ledger(fn func(LedgerKey, LedgerEntry) error) error {
	return r.db.Scan([]byte{keyLedger}, func(k, v []byte) error {
		key, err := decodeLedgerKey(k)
		if err != nil {
			return err
		}
		l, err := decodeLedger(v)
		if err != nil {
			return err
		}
		return fn(key, l)
	})
}

func decodeLedgerKey(k []byte) (LedgerKey, error) {
	source, rest, ok := bytes.Cut(k[9:], []byte{0})
	if !ok || len(rest) == 0 {
		return LedgerKey{}, fmt.Errorf("ledger: %w", errRecord)
	}
	return LedgerKey{int64(binary.BigEndian.Uint64(k[1:9])), string(source), canonical.Kind(rest[0]), string(rest[1:])}, nil
}

// kindWord is what a line is about.
func kindWord(k canonical.Kind) string {
	if k == 0 {
		return "items that are no events"
	}
	return k.String()
}
