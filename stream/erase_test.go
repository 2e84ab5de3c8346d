package stream_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/stream"
)

// TestErasing: what is searched is found, a receipt is taken only at the end that was searched, and what was deleted is
// gone for every reader, while the rest stays where it is.
func TestErasing(t *testing.T) {
	l := open(t, stream.Options{})
	events := exposures(0, 300)
	uncounted := canonical.Rejected{Source: "a b", ReceivedAt: 7, Items: 3, Ignored: 2, Reasons: []canonical.Uncounted{
		{Outcome: canonical.OutcomeIgnored, Reason: "other_reason: fallthrough", Items: 2},
		{Outcome: canonical.OutcomeRejected, Field: "value", Reason: "is wrong", Items: 3, Example: &canonical.Example{Index: 1, Detail: "is wrong"}},
	}}
	last, err := l.Publish(t.Context(), events, uncounted)
	if err != nil {
		t.Fatal(err)
	}
	unit := events[17].Unit()
	var seqs []uint64
	scan := func(buckets []byte, from, through uint64) (shown int) {
		seqs = nil
		err := l.Scan(t.Context(), buckets, from, through, func(r *canonical.Record) {
			if shown++; r.Event.Unit() == unit {
				seqs = append(seqs, r.Seq)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return shown
	}
	if n := scan(nil, 1, last); n != 301 || !slices.Equal(seqs, []uint64{18}) {
		t.Errorf("all of the log: %d messages, %v", n, seqs)
	}
	if n := scan([]byte{unit.Bucket()}, 1, last); n == 0 || n > 50 || !slices.Equal(seqs, []uint64{18}) {
		t.Errorf("one bucket: %d messages, %v", n, seqs)
	}
	for _, none := range [][2]uint64{{19, 19}, {last + 1, last + 5}} {
		if scan([]byte{unit.Bucket()}, none[0], none[1]); len(seqs) > 0 {
			t.Errorf("from %d through %d: %v", none[0], none[1], seqs)
		}
	}
	if _, err := l.PublishErasure(t.Context(), last-1, []byte("{}")); !errors.Is(err, stream.ErrMoved) {
		t.Errorf("a receipt for an older log: %v", err)
	}
	if seq, err := l.PublishErasure(t.Context(), last, []byte(`{"receipt":"r"}`)); err != nil || seq != last+1 {
		t.Errorf("a receipt: %d %v", seq, err)
	}
	for range 2 { // the second time there is nothing left to do
		if err := l.Erase(t.Context(), []uint64{30, 18}); err != nil {
			t.Fatal(err)
		}
	}
	if there, err := l.Has(t.Context(), 18); there || err != nil {
		t.Errorf("18 is there: %v %v", there, err)
	}
	var erasure, rejected int
	err = l.Scan(t.Context(), nil, 1, last+1, func(r *canonical.Record) {
		switch {
		case r.Seq == 18 || r.Seq == 30:
			t.Errorf("%d was read", r.Seq)
		case r.Erasure != nil:
			erasure++
		case r.Rejected != nil && reflect.DeepEqual(*r.Rejected, uncounted):
			rejected++
		case r.Err != nil:
			t.Error(r.Err)
		}
	})
	if err != nil || erasure != 1 || rejected != 1 {
		t.Errorf("%d receipts, %d tallies, %v", erasure, rejected, err)
	}
}

// TestDeadLettersOfAPerson: whole values are certain, short ones are not, and parts of others are nobody.
func TestDeadLettersOfAPerson(t *testing.T) {
	l := open(t, stream.Options{})
	for _, request := range []string{`{"user_id":"person-1"}`, `{"user_id":"person-12"}`, "GET /?user=person-1", `{"user_id":"p"}`} {
		if err := l.StoreDeadLetter(t.Context(), canonical.DeadLetter{Source: "api", Reason: "r", Request: []byte(request)}); err != nil {
			t.Fatal(err)
		}
	}
	erased, doubts, err := l.EraseDeadLetters(t.Context(), [][]byte{[]byte(`"person-1"`), []byte("=person-1\r")}, [][]byte{[]byte(`"p"`)})
	if err != nil || erased != 2 || doubts != 1 {
		t.Errorf("%d erased, %d to review, %v", erased, doubts, err)
	}
	if letters, err := l.DeadLetters(t.Context(), "", 0, 10); err != nil || len(letters) != 2 {
		t.Errorf("%d left, %v", len(letters), err)
	}
}
