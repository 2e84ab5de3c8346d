package core_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/ledger"
	"github.com/tracklayer/tracklayer/store"
)

// rejectedRequests draws requests with more reasons than a line of the ledger keeps, some recorded without reasons.
func rejectedRequests(t *rapid.T) []*canonical.Rejected {
	reason := rapid.IntRange(0, 3*canonical.MaxReasons)
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) *canonical.Rejected {
		r := &canonical.Rejected{Source: "api", ReceivedAt: t0 + canonical.Time(rapid.IntRange(0, 3).Draw(t, "at"))}
		if rapid.IntRange(0, 9).Draw(t, "old") == 0 {
			r.Items = 3
			return r
		}
		for _, n := range rapid.SliceOfNDistinct(reason, 0, 2*canonical.MaxReasons, rapid.ID[int]).Draw(t, "reasons") {
			u := canonical.Uncounted{Outcome: canonical.OutcomeIgnored, Reason: fmt.Sprint("other_reason: ", n), Items: int64(1 + n%3)}
			if n%2 == 0 {
				u = canonical.Uncounted{Outcome: canonical.OutcomeRejected, Field: "value", Reason: fmt.Sprint("is ", n), Items: int64(1 + n%3)}
				u.Example = &canonical.Example{Index: rapid.IntRange(0, 2).Draw(t, "index"), Detail: fmt.Sprint("is ", n)}
				r.Items += u.Items
			} else {
				r.Ignored += u.Items
			}
			r.Reasons = append(r.Reasons, u)
		}
		return r
	}), 1, 20).Draw(t, "requests")
}

// ledgerOf folds the requests, with a restart in the middle, and returns the ledger as text.
func ledgerOf(t fataler, requests []*canonical.Rejected) (text string, entries []ledger.Entry) {
	disk := store.NewDisk()
	for i, r := range requests {
		db := openStore(t, disk)
		f := openFold(t, db)
		if err := f.Apply([]canonical.Record{{Seq: uint64(i + 1), Rejected: r}}); err != nil {
			t.Fatal(err)
		}
		if i == len(requests)-1 {
			if err := f.Ledger(func(_ ledger.Key, e ledger.Entry) error {
				entries = append(entries, e)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw), entries
}

// TestReasonsDoNotDependOnTheOrder: requests in any order, with a restart after each, give the same reasons and examples,
// each with all of its items, however many reasons there are.
func TestReasonsDoNotDependOnTheOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		requests := rejectedRequests(rt)
		want, entries := ledgerOf(rt, requests)
		if got, _ := ledgerOf(rt, rapid.Permutation(requests).Draw(rt, "order")); got != want {
			rt.Fatalf("%s\nin another order %s", want, got)
		}
		items, totals := map[string]int64{}, map[string]int64{}
		for _, r := range requests {
			totals[canonical.OutcomeRejected] += r.Items
			totals[canonical.OutcomeIgnored] += r.Ignored
			for _, u := range r.Reasons {
				items[u.Reason] += u.Items
			}
		}
		for _, e := range entries {
			if e.Rejected != totals[canonical.OutcomeRejected] || e.Ignored != totals[canonical.OutcomeIgnored] || e.Received() != e.Rejected+e.Ignored {
				rt.Fatalf("%+v, want %v", e, totals)
			}
			left := map[string]int64{canonical.OutcomeRejected: e.Rejected - e.OtherRejected, canonical.OutcomeIgnored: e.Ignored - e.OtherIgnored}
			for _, r := range e.Reasons {
				left[r.Outcome] -= r.Items
				if r.Items != items[r.Reason] {
					rt.Fatalf("%d items of %q, want %d", r.Items, r.Reason, items[r.Reason])
				}
			}
			if left[canonical.OutcomeRejected] != 0 || left[canonical.OutcomeIgnored] != 0 || len(e.Reasons) > 2*canonical.MaxReasons {
				rt.Fatalf("%d reasons do not add up: %v", len(e.Reasons), left)
			}
		}
	})
}

// TestReasonsWithWordsDisplaceNoOthers: however many words a sender has, the reasons without one keep their entries.
func TestReasonsWithWordsDisplaceNoOthers(t *testing.T) {
	r := &canonical.Rejected{Source: "api", ReceivedAt: t0}
	for i := range 200 {
		r.Reasons = append(r.Reasons, canonical.Uncounted{Outcome: canonical.OutcomeIgnored, Reason: fmt.Sprintf("a: %03d", i), Items: 1})
	}
	r.Reasons = append(r.Reasons, canonical.Uncounted{Outcome: canonical.OutcomeIgnored, Reason: "summary", Items: 1})
	r.Ignored = 201
	_, entries := ledgerOf(t, []*canonical.Rejected{r})
	if e := entries[0]; len(e.Reasons) != canonical.MaxReasons || e.OtherIgnored != 201-canonical.MaxReasons ||
		!slices.ContainsFunc(e.Reasons, func(r ledger.Reason) bool { return r.Reason == "summary" }) {
		t.Errorf("%+v", e)
	}
}
