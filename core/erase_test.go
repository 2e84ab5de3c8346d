package core_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/core/ledger"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/store"
)

// erasure searches for a person as the program does, in the log that the fold has applied, and gives the record that is
// published.
func erasure(t fataler, f *core.Fold, log []canonical.Record, u canonical.Unit, hint bool) (canonical.Record, core.Receipt) {
	s, err := f.Search(u)
	if err != nil {
		t.Fatal(err)
	}
	for i := range log {
		if slices.Contains(s.Buckets(), log[i].Event.Unit().Bucket()) {
			s.Message(&log[i])
		}
	}
	missing, err := f.Missing(s)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; missing && i < len(log); i++ {
		s.Message(&log[i])
	}
	receipt, err := f.Receipt(s, "receipt", t0+50)
	if err != nil {
		t.Fatal(err)
	}
	if hint {
		f.Expect(receipt.ID, s)
	}
	raw, err := json.Marshal(receipt)
	if err != nil {
		t.Fatal(err)
	}
	return canonical.Record{Seq: uint64(len(log) + 1), Erasure: raw}, receipt
}

// without is the log as a reader finds it when these sequences are gone.
func without(log []canonical.Record, gone []uint64) []canonical.Record {
	return slices.DeleteFunc(slices.Clone(log), func(r canonical.Record) bool { return slices.Contains(gone, r.Seq) })
}

func mustFeed(t fataler, f *core.Fold, log []canonical.Record, random *rand.Rand) {
	for len(log) > 0 {
		n := min(1+random.IntN(9), len(log))
		if err := f.Apply(log[:n]); err != nil {
			t.Fatal(err)
		}
		log = log[n:]
	}
}

// TestAnErasedPersonWasNeverThere erases somebody in the middle of a history that goes on. The state is that of the
// history without the messages, whoever folds it: who counted them and takes them back, with or without a hint, who
// reads the log when all or the newest of them are gone, and who starts again in between.
func TestAnErasedPersonWasNeverThere(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		if rapid.Bool().Draw(rt, "in the background") {
			defer core.InBackground(rapid.Int64Range(0, 3).Draw(rt, "persons"), rapid.Int64Range(0, 12).Draw(rt, "facts"))()
		}
		records := declaredHistory(rt)
		for range rapid.IntRange(0, 10).Draw(rt, "repetitions") {
			records = append(records, records[rapid.IntRange(0, len(records)-1).Draw(rt, "repeated")])
		}
		log := number(records)
		at := rapid.IntRange(1, len(log)).Draw(rt, "at")
		hint := rapid.Bool().Draw(rt, "hint")
		u := rapid.SampledFrom([]canonical.Unit{{Kind: canonical.User, ID: "u"}, {Kind: canonical.User, ID: "v"}, {Kind: canonical.Anonymous, ID: "m"}}).Draw(rt, "who")
		seed := rapid.Uint64().Draw(rt, "seed")
		random := rand.New(rand.NewPCG(seed, seed))

		db := openStore(rt, store.NewDisk())
		defer db.Close()
		live := openFold(rt, db)
		mustFeed(rt, live, log[:at], random)
		before := received(rt, live)
		record, receipt := erasure(rt, live, log[:at], u, hint)
		rest := []canonical.Record{record}
		for _, r := range log[at:] {
			r.Seq++
			rest = append(rest, r)
		}
		mustFeed(rt, live, rest[:1], random)
		if after := received(rt, live); after != before {
			rt.Fatalf("%d received before, %d after", before, after)
		}
		mustFeed(rt, live, rest[1:], random)
		settle(rt, live)
		if diff, err := live.Audit(); err != nil || len(diff) > 0 {
			rt.Fatalf("audit: %v %v", diff, err)
		}

		whole := append(slices.Clone(log[:at]), rest...)
		gone := receipt.Sequences()
		for _, n := range []int{0, random.IntN(len(gone) + 1), len(gone)} {
			again := openStore(rt, store.NewDisk())
			anew := openFold(rt, again)
			mustFeed(rt, anew, without(whole, gone[:n]), random)
			settle(rt, anew)
			diff, err := live.Compare(anew)
			if err != nil || len(diff) > 0 {
				rt.Fatalf("with %d of %d messages gone: %v %v\nafter\n%s", n, len(gone), diff, err, tell(whole))
			}
			again.Close()
		}
		if got, want := bare(rt, live), bareOf(rt, without(log, gone)); got != want {
			rt.Fatalf("never received: %s\nafter\n%s", differ(got, want), tell(whole))
		}
		eraseAnother(rt, live, without(whole, gone), uint64(len(whole)+1), random)
	})
}

// eraseAnother erases somebody else from a log that a person has been erased from before.
func eraseAnother(t *rapid.T, live *core.Fold, log []canonical.Record, seq uint64, random *rand.Rand) {
	record, receipt := erasure(t, live, log, canonical.Unit{Kind: canonical.User, ID: "w"}, false)
	record.Seq = seq
	mustFeed(t, live, []canonical.Record{record}, random)
	settle(t, live)
	gone := receipt.Sequences()
	for _, n := range []int{random.IntN(len(gone) + 1), len(gone)} {
		again := openStore(t, store.NewDisk())
		anew := openFold(t, again)
		mustFeed(t, anew, append(without(log, gone[:n]), record), random)
		settle(t, anew)
		if diff, err := live.Compare(anew); err != nil || len(diff) > 0 {
			t.Fatalf("the second erasure, with %d of %d messages gone: %v %v", n, len(gone), diff, err)
		}
		again.Close()
	}
}

// TestCrashesInAnErasureAreForgotten kills the store at every single call of a history in which a person is erased.
func TestCrashesInAnErasureAreForgotten(t *testing.T) {
	b := &builder{}
	b.expose("u", "n", "a", 0)
	b.convert("", "n", 7, func(e *canonical.Event) { e.DedupKey = "o" })
	b.link("w", "n", "", 5)
	b.link("u", "", "v", 9)
	b.expose("w", "", "b", 3)
	b.define(define(1))
	log := number(b.events)
	f := run(t, b)
	record, _ := erasure(t, f, log, canonical.Unit{Kind: canonical.User, ID: "v"}, false)
	log = append(log, record)
	want, _ := crash(t, log, len(log), 1<<30, false, false)
	for n, unharmed := 1, false; !unharmed; n++ {
		var got string
		if got, unharmed = crash(t, log, 1+n%3, n, n%2 == 0, n%5 == 0); got != want {
			t.Fatalf("a crash at call %d: %s", n, differ(got, want))
		}
	}
}

// TestVersionsGrow: a row that differs from what it was has a higher version, and none ever has a lower one.
func TestVersionsGrow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		db := openStore(rt, store.NewDisk())
		defer db.Close()
		f := openFold(rt, db)
		before := map[string]core.Association{}
		for _, r := range number(declaredHistory(rt)) {
			mustFeed(rt, f, []canonical.Record{r}, rand.New(rand.NewPCG(0, 0)))
			now := map[string]core.Association{}
			for _, id := range f.View().Experiments() {
				err := f.Associations(context.Background(), id, 0, func(*sums.View) error { return nil }, func(a *core.Association) error {
					now[a.ID] = *a
					return nil
				})
				if err != nil {
					rt.Fatal(err)
				}
			}
			for id, a := range now {
				old, known := before[id]
				same := a
				same.Version = old.Version
				if known && (a.Version < old.Version || a.Version == old.Version && same != old) || a.Version > r.Seq || a.FirstSeq == 0 || a.LastSeq < a.FirstSeq {
					rt.Fatalf("at %d: %+v was %+v", r.Seq, a, old)
				}
			}
			before = now
		}
	})
}

func settle(t fataler, f *core.Fold) {
	if err := f.Settle(); err != nil {
		t.Fatal(err)
	}
}

// received is how many events the ledger has.
func received(t fataler, f *core.Fold) (n int64) {
	err := f.Ledger(func(_ ledger.Key, l ledger.Entry) error {
		n += l.Received()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// bare is the state without the ledger's lines of sources that only the erased person had.
func bare(t fataler, f *core.Fold) string {
	all := map[string]any{}
	if err := json.Unmarshal([]byte(state(t, f)), &all); err != nil {
		t.Fatal(err)
	}
	columns := all["accepted, conflicts"].(map[string]any)
	for source, n := range columns {
		if pair := n.([]any); pair[0] == 0.0 && pair[1] == 0.0 {
			delete(columns, source)
		}
	}
	raw, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func bareOf(t fataler, log []canonical.Record) string {
	db := openStore(t, store.NewDisk())
	defer db.Close()
	f := openFold(t, db)
	if len(log) > 0 {
		if err := f.Apply(log); err != nil {
			t.Fatal(err)
		}
	}
	settle(t, f)
	return bare(t, f)
}

// TestTheStateForgets: no record of the store holds an erased id any more.
func TestTheStateForgets(t *testing.T) {
	b := &builder{}
	b.expose("gone-user", "gone-anon", "a", 0)
	b.convert("gone-user", "", 5, func(e *canonical.Event) { e.DedupKey = "gone-order" })
	b.link("gone-user", "", "gone-older", 9)
	b.add(canonical.Event{Kind: canonical.Exposed, ID: "shared", ExperimentID: "x", Variant: "b", UserID: "gone-user", At: t0})
	b.add(canonical.Event{Kind: canonical.Exposed, ID: "shared", ExperimentID: "x", Variant: "a", UserID: "else", At: t0}) // wins
	b.expose("else", "", "b", 3)
	log := number(b.events)
	for _, hint := range []bool{false, true} {
		db := openStore(t, store.NewDisk())
		defer db.Close()
		f := openFold(t, db)
		if err := f.Apply(log); err != nil {
			t.Fatal(err)
		}
		record, receipt := erasure(t, f, log, canonical.Unit{Kind: canonical.Anonymous, ID: "gone-anon"}, hint)
		if err := f.Apply([]canonical.Record{record}); err != nil {
			t.Fatal(err)
		}
		if receipt.IDs != 3 || receipt.Events != 4 || receipt.Messages != 5 || receipt.Contested != 1 {
			t.Errorf("the receipt says %+v", receipt)
		}
		if where := f.Holding("gone-"); where != "" {
			t.Errorf("hint %v: records of the kinds %q hold an erased id", hint, where)
		}
		if v := variantOf(t, f, "b"); v.Persons[person.Clean] != 1 {
			t.Errorf("the other person is counted %d times", v.Persons[person.Clean])
		}
		if _, err := f.Trace(canonical.Unit{Kind: canonical.User, ID: "gone-user"}); err == nil {
			t.Error("the person is still known")
		}
	}
}
