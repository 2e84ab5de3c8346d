package core_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/store"
)

func user(id string) canonical.Unit { return canonical.Unit{Kind: canonical.User, ID: id} }

func anonymous(id string) canonical.Unit { return canonical.Unit{Kind: canonical.Anonymous, ID: id} }

// sumOf counts what traces and rows say, and what the aggregates say, under the same names.
type sumOf map[string]int64

// aggregated is the part of the aggregates that persons' verdicts add up to. What is excluded follows from readout.
func aggregated(t fataler, f *core.Fold) (persons, conversions sumOf) {
	persons, conversions = sumOf{}, sumOf{}
	v := f.View()
	for _, id := range v.Experiments() {
		s, _ := v.Experiment(id)
		persons.add(id+" outside", s.Aggregate.OutsideRun)
		persons.add(id+" no_exposure", s.Aggregate.NoExposure)
		for n, r := range s.Aggregate.Runs {
			at := id + " " + strconv.Itoa(n)
			persons.add(at+" mismatch", r.Mismatched)
			persons.add(at+" not_exposed", r.EndedUnexposed)
			for _, u := range r.Unknown.All() {
				persons.add(at+" unknown exposures", u.Exposures)
			}
			for key, a := range r.Variants.All() {
				for pop, n := range a.Persons {
					persons.add(fmt.Sprintf("%s %s %d", at, key, pop), n)
				}
				for metric, m := range a.Metrics {
					persons.add(at+" "+key+" users of "+metric, m.Merged(sums.Include{}).Users)
				}
			}
			out, err := readout.Make(v, readout.Question{Experiment: id, Run: n}, "test")
			if err != nil {
				continue // a run that is not declared any more
			}
			raw, err := json.Marshal(out)
			if err != nil {
				t.Fatal(err)
			}
			var by struct {
				N map[string]int64 `json:"conversions_by_status"`
			}
			if err := json.Unmarshal(raw, &by); err != nil {
				t.Fatal(err)
			}
			for word, n := range by.N {
				if word != person.NoExposure.String() { // that one is of the experiment, not of the run
					conversions.add(at+" "+word, n)
				}
			}
		}
	}
	persons.drop()
	conversions.drop()
	return persons, conversions
}

func (n sumOf) add(key string, by int64) { n[key] += by }

func (n sumOf) drop() {
	for k, v := range n {
		if v == 0 {
			delete(n, k)
		}
	}
}

// traced adds up all traces, and the rows in them.
func traced(t fataler, f *core.Fold, units []canonical.Unit) (persons, conversions, rows sumOf, ids []string) {
	persons, conversions, rows = sumOf{}, sumOf{}, sumOf{}
	seen := map[core.UnitRef]bool{}
	for _, u := range units {
		tr, err := f.Trace(u)
		if errors.Is(err, core.ErrNoUnit) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if seen[tr.Person] {
			continue
		}
		seen[tr.Person] = true
		for _, x := range tr.Experiments {
			persons.add(x.ID+" outside", x.OutsideRun)
			persons.add(x.ID+" no_exposure", int64(len(x.Waiting)))
			for i := range x.Runs {
				tracedRun(persons, conversions, x.ID+" "+strconv.Itoa(x.Runs[i].Run), &x.Runs[i])
			}
		}
		for i := range tr.Rows {
			a := &tr.Rows[i]
			ids = append(ids, a.ID)
			if a.Status != "" {
				rows.add(a.ExperimentID+" "+strconv.Itoa(a.Run)+" "+a.Status, 1)
			}
		}
	}
	persons.drop()
	return persons, conversions, rows, ids
}

func tracedRun(persons, conversions sumOf, at string, r *core.TracedRun) {
	pop := person.Clean
	known := 0
	for _, m := range r.Met {
		if m.Known {
			known++
		}
	}
	if known > 1 {
		pop = person.Crossed
	}
	if r.Population == "filtered" {
		pop += person.Filtered
	}
	if r.Ended != nil {
		pop += person.Ended
	}
	if r.Variant != nil {
		persons.add(fmt.Sprintf("%s %s %d", at, *r.Variant, pop), 1)
	}
	if r.Variant == nil && r.Ended != nil {
		persons.add(at+" not_exposed", 1)
	}
	for _, m := range r.Met {
		if !m.Known {
			persons.add(at+" unknown exposures", m.Exposures)
		}
	}
	users := map[string]bool{}
	for _, c := range r.Conversions {
		conversions.add(at+" "+c.Status, 1)
		if c.Mismatch {
			persons.add(at+" mismatch", 1)
		}
		for _, m := range c.Metrics {
			if c.Event == "refund" && m == "per refund" {
				continue // the lower side of a ratio makes nobody a user of it
			}
			if pop == person.Clean && !users[m] {
				users[m] = true
				persons.add(at+" "+*r.Variant+" users of "+m, 1)
			}
		}
	}
}

// TestTracesAddUpToTheAggregates: what is told of every person is what is counted of all.
func TestTracesAddUpToTheAggregates(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := history(rt)
		if rapid.Bool().Draw(rt, "declared") {
			b.define(define(1))
		}
		db := openStore(rt, store.NewDisk())
		defer db.Close()
		f := openFold(rt, db)
		fold(rt, f, b.events, all)

		var units []canonical.Unit
		for _, id := range []string{"u", "v", "w"} {
			units = append(units, user(id))
		}
		units = append(units, anonymous("m"), anonymous("n"), anonymous("u"), anonymous("v"))
		wantPersons, wantConversions := aggregated(rt, f)
		persons, conversions, rows, ids := traced(rt, f, units)
		same := func(what string, got, want any) {
			g, _ := json.MarshalIndent(got, "", " ")
			w, _ := json.MarshalIndent(want, "", " ")
			if string(g) != string(w) {
				rt.Fatalf("%s: %s\nwant %s", what, g, w)
			}
		}
		same("persons", persons, wantPersons)
		same("conversions", conversions, wantConversions)
		same("rows", rows, wantConversions)

		var streamed []string
		for _, x := range f.View().Experiments() {
			err := f.Associations(context.Background(), x, 0, anyView, func(a *core.Association) error {
				streamed = append(streamed, a.ID)
				return nil
			})
			if err != nil {
				rt.Fatal(err)
			}
		}
		slices.Sort(ids)
		slices.Sort(streamed)
		same("streamed rows", streamed, ids)
		if len(slices.Compact(slices.Clone(ids))) != len(ids) {
			rt.Fatalf("an association id twice: %v", ids)
		}
	})
}

// TestTraceTellsHowIdsHangTogether: a chain of renamed accounts, a visitor of one of them, and an event that came with
// three bodies.
func TestTraceTellsHowIdsHangTogether(t *testing.T) {
	b := &builder{}
	b.link("b", "", "c", 1)
	b.link("a", "", "b", 2)
	b.link("a", "", "b", 7) // again
	b.link("c", "n", "", 3)
	for _, variant := range []string{"z", "y", "x", "y"} {
		b.add(canonical.Event{Kind: canonical.Exposed, ID: "same", ExperimentID: "x", Variant: variant, AnonymousID: "n", At: t0})
	}
	f := run(t, b)
	for _, u := range []canonical.Unit{user("a"), user("b"), user("c"), anonymous("n")} {
		tr, err := f.Trace(u)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, one := range tr.Units {
			got += one.ID
			if one.Link != nil {
				got += fmt.Sprintf(" %s %s by %s;", one.Link.How, one.Link.With.ID, one.Link.EventID)
			}
		}
		if want := "ab merge a by id-2;c merge b by id-1;n link c by id-4;"; got != want {
			t.Errorf("of %v: %s, want %s", u, got, want)
		}
		if e := tr.Events[0]; tr.Person.ID != "a" || e.Event.ID != "same" || e.Event.Variant != "x" || e.Conflicts != 2 {
			t.Errorf("of %v: person %v, %+v", u, tr.Person, e)
		}
	}
	if _, err := f.Trace(user("n")); !errors.Is(err, core.ErrNoUnit) {
		t.Errorf("an anonymous id as a user: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := f.Associations(ctx, "x", 0, anyView, func(*core.Association) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits any more: %v", err)
	}
}

func anyView(*sums.View) error { return nil }

// TestTraceBesideApply: a trace and the rows always stand for one commit, whatever is written meanwhile. Every batch gives the person
// one exposure and one conversion and so many of each are in every trace.
func TestTraceBesideApply(t *testing.T) {
	db := openStore(t, store.NewDisk())
	defer db.Close()
	f := openFold(t, db)
	const batches = 150
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for last := false; !last; {
				select {
				case <-done:
					last = true
				default:
				}
				tr, err := f.Trace(anonymous("n"))
				if errors.Is(err, core.ErrNoUnit) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if n := len(tr.Events); uint64(n) != tr.AsOf.Seq {
					t.Errorf("%d events as of %d", n, tr.AsOf.Seq)
				}
				if n := int64(len(tr.Rows)); n != tr.Experiments[0].Runs[0].Met[0].Exposures {
					t.Errorf("%d rows of %v", n, tr.Experiments)
				}
				var rows, seq uint64
				begin := func(v *sums.View) error { seq = v.Seq; return nil }
				err = f.Associations(context.Background(), "x", 1, begin, func(*core.Association) error { rows++; return nil })
				if err != nil || rows != seq/2 {
					t.Errorf("%d rows as of %d: %v", rows, seq, err)
				}
			}
		})
	}
	b := &builder{}
	for i := range batches {
		b.expose("", "n", "a", canonical.Time(i))
		b.convert("u", "n", canonical.Time(i))
	}
	fold(t, f, b.events, func() int { return 2 })
	close(done)
	readers.Wait()
}

// BenchmarkTrace is a person with 10,000 events, half of them conversions.
func BenchmarkTrace(b *testing.B) {
	db, err := store.Open(b.TempDir(), store.Options{Lookups: core.Lookups})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	f := openFold(b, db)
	h := &builder{}
	for i := range 5000 {
		h.expose("u", "", "a", canonical.Time(i))
		h.convert("u", "", canonical.Time(i), func(e *canonical.Event) { e.DedupKey = "order-" + strconv.Itoa(i-i%500/499) })
	}
	slices.SortStableFunc(h.events, func(x, y canonical.Record) int { return int(y.Event.Kind) - int(x.Event.Kind) })
	fold(b, f, h.events[5000:], func() int { return 5000 })
	fold(b, f, h.events[:5000], func() int { return 5000 })
	b.ReportAllocs()
	for b.Loop() {
		tr, err := f.Trace(user("u"))
		if err != nil || len(tr.Events) != 10_000 || len(tr.Rows) != 5000 {
			b.Fatal(err)
		}
		raw, err := tr.AppendJSON(nil)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(raw)))
	}
}

// TestATraceOfVeryManyEvents tells what is known of the person as a whole, and what it leaves out.
func TestATraceOfVeryManyEvents(t *testing.T) {
	defer core.TraceAtMost(100)()
	b := &builder{}
	b.expose("u", "", "a", 0)
	for i := range 200 {
		b.convert("u", "", canonical.Time(i))
	}
	trace, err := run(t, b).Trace(canonical.Unit{Kind: canonical.User, ID: "u"})
	if err != nil {
		t.Fatal(err)
	}
	if trace.Left == "" || len(trace.Events)+len(trace.Rows) > 0 || len(trace.Experiments) != 1 || *trace.Experiments[0].Runs[0].Variant != "a" {
		t.Errorf("%+v", trace)
	}
}
