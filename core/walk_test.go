package core_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/store"
)

// TestTheBackgroundLeavesNoTrace holds recomputing in the background, in steps of any size between batches of any size
// and across restarts, to the same result as recomputing at once.
func TestTheBackgroundLeavesNoTrace(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		records := declaredHistory(rt)
		persons, facts := rapid.Int64Range(0, 3).Draw(rt, "persons"), rapid.Int64Range(0, 12).Draw(rt, "facts")
		seed := rapid.Uint64().Draw(rt, "seed")
		compare := func(records []canonical.Record) string {
			random := rand.New(rand.NewPCG(seed, seed))
			return leavesTrace(rt, records, random, func() (undo func()) { return core.InBackground(persons, facts) })
		}
		if compare(records) != "" {
			records = smallest(records, func(r []canonical.Record) bool { return compare(r) != "" })
			rt.Fatalf("%s\nafter\n%s", compare(records), tell(records))
		}
	})
}

// leavesTrace says in what the state that was recomputed in the background differs from the other, "" where it does not.
func leavesTrace(t *rapid.T, records []canonical.Record, random *rand.Rand, background func() (undo func())) string {
	db := openStore(t, store.NewDisk())
	f := openFold(t, db)
	fold(t, f, records, all)
	want := state(t, f)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	defer background()()
	disk := store.NewDisk()
	db = openStore(t, disk)
	defer func() { db.Close() }()
	f = openFold(t, db)
	for log := number(records); len(log) > 0; {
		n := min(1+random.IntN(8), len(log))
		if err := f.Apply(log[:n]); err != nil {
			t.Fatal(err)
		}
		log = log[n:]
		for range random.IntN(3) {
			if _, err := f.Recompute(1 + random.IntN(2)); err != nil {
				t.Fatal(err)
			}
		}
		if random.IntN(6) == 0 {
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			db = openStore(t, disk)
			f = openFold(t, db)
		}
	}
	if err := f.Settle(); err != nil {
		t.Fatal(err)
	}
	if got := state(t, f); got != want {
		return "in the background it is another state: " + differ(got, want)
	}
	if diff, err := f.Audit(); err != nil || len(diff) > 0 {
		return fmt.Sprintf("audit: %v %v", diff, err)
	}
	return ""
}

// TestReadersSeeTheOldUntilTheNewIsWhole: while an experiment is recomputed, its snapshot is the one before the change,
// to the last bit, whatever is counted beside it.
func TestReadersSeeTheOldUntilTheNewIsWhole(t *testing.T) {
	defer core.InBackground(0, 1<<40)()
	b := &builder{}
	for i := range 40 {
		b.expose(fmt.Sprint("u", i), "", "a", canonical.Time(i))
		b.convert(fmt.Sprint("u", i), "", canonical.Time(i)+5)
	}
	b.define(define(1))
	f := run(t, b)
	before, _ := f.View().Experiment("x")
	if before.Recomputing || before.Experiment.Revision != 1 {
		t.Fatalf("settled, but %+v", before)
	}
	seq := f.Seq()
	stopped := slices.Clone([]byte(define(2)))
	if err := f.Apply([]canonical.Record{{Seq: seq + 1, Definition: stopped}}); err != nil {
		t.Fatal(err)
	}
	late := canonical.Event{ID: "late", Source: "api", Kind: canonical.Exposed, ExperimentID: "x", Variant: "a", UserID: "somebody", At: t0 + 1, ReceivedAt: t0 + 99, SchemaVersion: 1}
	if err := f.Apply([]canonical.Record{{Seq: seq + 2, Event: late}}); err != nil {
		t.Fatal(err)
	}
	steps := 0
	for f.View().Unsettled() {
		s, _ := f.View().Experiment("x")
		if !s.Recomputing || s.Seq != seq || s.Revision != before.Revision || s.Experiment.Revision != 1 || persons(s) != persons(before) {
			t.Fatalf("in the middle: %+v", s)
		}
		if p := f.View().Recomputing; p.Of != 41 || p.Done > p.Of {
			t.Fatalf("progress %+v", p)
		}
		if _, err := f.Recompute(3); err != nil {
			t.Fatal(err)
		}
		steps++
	}
	after, _ := f.View().Experiment("x")
	if after.Recomputing || after.Seq != seq+2 || after.Experiment.Revision != 2 || persons(after) != persons(before)+1 {
		t.Errorf("afterwards: %+v with %d persons", after, persons(after))
	}
	if steps < 10 {
		t.Errorf("%d steps for 41 persons by threes", steps)
	}
}

func persons(s *sums.Snapshot) (n int64) {
	for _, r := range s.Aggregate.Runs {
		for _, v := range r.Variants.All() {
			for _, p := range v.Persons {
				n += p
			}
		}
	}
	return n
}

// counting is a store that counts the records that scans hand out.
type counting struct {
	core.Store
	scanned int
}

func (c *counting) Begin() core.Tx { return &countingTx{c.Store.Begin(), c} }

type countingTx struct {
	core.Tx
	c *counting
}

func (t *countingTx) Scan(prefix []byte) iter.Seq2[core.Record, error] {
	return eachCounted(t.Tx.Scan(prefix), func() { t.c.scanned++ })
}

// eachCounted calls count for every record.
func eachCounted(records iter.Seq2[core.Record, error], count func()) iter.Seq2[core.Record, error] {
	return func(yield func(core.Record, error) bool) {
		for record, err := range records {
			count()
			if !yield(record, err) {
				return
			}
		}
	}
}

// TestAPersonWithVeryManyEvents: whatever one stuck sender repeats under one id, and to however many other ids it is
// linked, an event does not cost a look at all the others. The truth is settled once it can be.
func TestAPersonWithVeryManyEvents(t *testing.T) {
	const events = 6_000
	defer core.InBackground(1<<40, 200)()
	b := &builder{}
	b.define(define(1))
	b.expose("u", "", "a", 0)
	for i := range events {
		if i%1000 == 999 {
			b.convert("", fmt.Sprint("n", i), canonical.Time(i%9)) // a history of its own
			b.link("u", fmt.Sprint("n", i), "", 5)
		}
		b.convert("u", "", canonical.Time(i%9), func(e *canonical.Event) { e.DedupKey = fmt.Sprint("o", i%100) })
	}
	db := openStore(t, store.NewDisk())
	t.Cleanup(func() { db.Close() })
	c := &counting{Store: db}
	f := openFold(t, c)
	if err := feed(f, number(b.events), 500); err != nil {
		t.Fatal(err)
	}
	if v := f.View(); v.Due != 1+events/1000 {
		t.Errorf("%d ids wait, want the person and the visitors that are to join it", v.Due)
	}
	if limit := 200*200*2 + events; c.scanned > limit {
		t.Errorf("%d records were read for %d events, want at most %d, however many events there are", c.scanned, events, limit)
	}
	if err := f.Settle(); err != nil {
		t.Fatal(err)
	}
	if got, want := counted(t, f), refer(b.events).text(t); got != want {
		t.Errorf("after settling: %s", differ(got, want))
	}
	if diff, err := f.Audit(); err != nil || len(diff) > 0 {
		t.Errorf("audit: %v %v", diff, err)
	}
}

// TestAChangeOfTheFiltersIsWorkedOffInTheBackground: readers see the old labels until everybody has the new ones, also
// who takes part in nothing yet.
func TestAChangeOfTheFiltersIsWorkedOffInTheBackground(t *testing.T) {
	defer core.InBackground(0, 1<<40)()
	b := &builder{}
	for i := range 40 {
		b.add(canonical.Event{Kind: canonical.Exposed, ExperimentID: "x", Variant: "a", UserID: fmt.Sprint("u", i), At: t0, Attributes: []byte(attributes[i%2])})
	}
	b.convert("w", "", 5)
	f := run(t, b)
	filteredIn := func() (n int64) {
		s, _ := f.View().Experiment("x")
		arm, _ := s.Aggregate.Runs[1].Variants.Get("a")
		for _, persons := range arm.Persons[person.Filtered:] {
			n += persons
		}
		return n
	}
	change := func(data string, want int64) {
		t.Helper()
		before := filteredIn()
		if err := f.Apply([]canonical.Record{{Seq: f.View().Seq + 1, Definition: []byte(data)}}); err != nil {
			t.Fatal(err)
		}
		for f.View().Unsettled() {
			if n := filteredIn(); n != before {
				t.Fatalf("%d filtered in the middle, %d before", n, before)
			}
			if _, err := f.Recompute(7); err != nil {
				t.Fatal(err)
			}
		}
		if n := filteredIn(); n != want {
			t.Errorf("%d filtered, want %d", n, want)
		}
	}
	if n := filteredIn(); n != 20 {
		t.Errorf("%d bots, want 20", n)
	}
	change(filter(2), 20) // bots are none, who has an address with us is internal; and so is w
	change(filter(1), 40)
	change(filter(2), 20)
	exposed := canonical.Event{ID: "late", Source: "api", Kind: canonical.Exposed, ExperimentID: "x", Variant: "a", UserID: "w", At: t0 + 1, ReceivedAt: t0 + 99, SchemaVersion: 1}
	if err := f.Apply([]canonical.Record{{Seq: f.View().Seq + 1, Event: exposed}}); err != nil {
		t.Fatal(err)
	}
	if n := filteredIn(); n != 21 {
		t.Errorf("%d filtered with w, want 21", n)
	}
	if diff, err := f.Audit(); err != nil || len(diff) > 0 {
		t.Error(diff, err)
	}
}
