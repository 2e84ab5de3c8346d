package ledger

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/wire"
)

// Key is one line of the conservation ledger.
type Key struct {
	Day    int64 // of receipt, days since 1970
	Source string
	Kind   canonical.Kind // 0: of items that were rejected or ignored, whose kind is unknown
	// Experiment is what the events call it; aliases are not looked up, so that no change of the registry moves a line.
	Experiment string // "": they name none
}

// Entry is what became of the events of one line: received is the sum of its columns.
type Entry struct {
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
func (e Entry) Received() int64 {
	return e.Accepted + e.Redelivered + e.Conflicts + e.Rejected + e.Erased + e.Ignored
}

// Encode writes the members that all lines have first: a line without ignored items and reasons ends after them, as lines
// did before there were any.
func (e *Entry) Encode() []byte {
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
		b = wire.AppendText(b, text)
	}
	b = binary.AppendVarint(binary.AppendVarint(b, r.Items), int64(r.LastReceivedAt))
	if r.Example == nil {
		return append(b, 0)
	}
	return wire.AppendText(binary.AppendVarint(append(b, 1), int64(r.Example.Index)), r.Example.Detail)
}

// Decode reads a stored entry.
func Decode(b []byte) (e Entry, err error) {
	d := wire.Decoder{Rest: b}
	e = Entry{Accepted: d.Int(), Redelivered: d.Int(), Conflicts: d.Int(), Rejected: d.Int(), Erased: d.Int()}
	if len(d.Rest) > 0 {
		e.Ignored, e.OtherRejected, e.OtherIgnored = d.Int(), d.Int(), d.Int()
		for range d.Count() {
			e.Reasons = append(e.Reasons, readReason(&d))
		}
	} else {
		e.OtherRejected = e.Rejected
	}
	if d.Bad || len(d.Rest) > 0 {
		return e, fmt.Errorf("ledger: %w", wire.ErrRecord)
	}
	return e, nil
}

func readReason(d *wire.Decoder) (r Reason) {
	r.Outcome, r.Field, r.Reason = d.Text(), d.Text(), d.Text()
	r.Items, r.LastReceivedAt = d.Int(), canonical.Time(d.Int())
	if d.Byte() != 0 {
		r.Example = &canonical.Example{Index: int(d.Int()), Detail: d.Text()}
	}
	return r
}

// Reject adds a request's items. The result is the same in whatever order requests are added: a reason that is among the
// first of all is among the first of those seen so far at any time, so what an entry counts is never incomplete.
func (e *Entry) Reject(r *canonical.Rejected) {
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
func (e *Entry) limit(outcome string) {
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
func (e *Entry) others(outcome string) *int64 {
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
