package core_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/core/ledger"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/store"
)

// line is a line of the ledger over all days.
type line struct {
	source string
	kind   canonical.Kind
}

// TestNothingIsLost is the law of conservation, after every batch: each event received is in one column of the ledger,
// each exposure is a person's first, a repeat, of an unknown label or outside every run, each conversion that concerns a
// run has one status in it, and each person is in one place of a run.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		records := declaredHistory(rt)
		seed := rapid.Uint64().Draw(rt, "seed")
		random := rand.New(rand.NewPCG(seed, seed))
		for range rapid.IntRange(0, 5).Draw(rt, "rejections") {
			at := rapid.IntRange(0, len(records)).Draw(rt, "rejection at")
			records = slices.Insert(records, at, canonical.Record{Rejected: &canonical.Rejected{Source: "api", ReceivedAt: t0, Items: 3, Ignored: 2}})
		}
		db := openStore(rt, store.NewDisk())
		defer db.Close()
		f := openFold(rt, db)
		for applied := 0; applied < len(records); {
			n := min(1+random.IntN(20), len(records)-applied)
			fold(rt, f, records[applied:applied+n], all)
			applied += n
			if fault := conserved(rt, f, records[:applied]); fault != "" {
				rt.Fatalf("%s\nafter\n%s", fault, tell(records[:applied]))
			}
		}
	})
}

// conserved says what is missing or too much, "" if nothing is.
func conserved(t fataler, f *core.Fold, records []canonical.Record) string {
	tallies := slices.Clone(records)
	records = slices.DeleteFunc(slices.Clone(records), func(r canonical.Record) bool { return r.Rejected != nil })
	r := refer(records)
	if fault := ledgerConserved(t, f, tallies, len(r.facts)); fault != "" {
		return fault
	}
	view := f.View()
	for _, id := range view.Experiments() {
		s, _ := view.Experiment(id)
		want := expected(r, id)
		exposures := s.Aggregate.OutsideRun
		for number, run := range s.Aggregate.Runs {
			got := tallyOf(run)
			exposures += got.exposures
			if got.exposures = 0; got != want.runs[number] {
				return fmt.Sprintf("run %d of %q: %+v, want %+v", number, id, got, want.runs[number])
			}
			delete(want.runs, number)
		}
		for number, missing := range want.runs {
			if missing != (tally{}) {
				return fmt.Sprintf("run %d of %q is missing: %+v", number, id, missing)
			}
		}
		if exposures != want.exposures || s.Aggregate.NoExposure != want.noExposure {
			return fmt.Sprintf("%q: %d exposures, %d without exposure; want %d, %d", id, exposures, s.Aggregate.NoExposure, want.exposures, want.noExposure)
		}
	}
	return ""
}

func ledgerConserved(t fataler, f *core.Fold, records []canonical.Record, facts int) string {
	received := map[line]int64{}
	for _, r := range records {
		if r.Rejected != nil {
			received[line{r.Rejected.Source, 0}] += r.Rejected.Items + r.Rejected.Ignored
		} else if r.Definition == nil {
			received[line{r.Event.Source, r.Event.Kind}]++
		}
	}
	accepted := int64(0)
	err := f.Ledger(func(k ledger.Key, l ledger.Entry) error {
		received[line{k.Source, k.Kind}] -= l.Received()
		accepted += l.Accepted
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for l, n := range received {
		if n != 0 {
			return fmt.Sprintf("%d received and not in the ledger: %v", n, l)
		}
	}
	if accepted != int64(facts) {
		return fmt.Sprintf("%d accepted, want %d", accepted, facts)
	}
	return ""
}

// tally is what a run must hold, however it is split.
type tally struct {
	persons     int64 // in an arm
	conversions int64 // over all statuses
	exposures   int64 // first, repeated, of unknown labels
}

func tallyOf(run *sums.RunAggregate) (n tally) {
	for _, c := range run.Loose {
		n.conversions += c
	}
	for _, u := range run.Unknown.All() {
		n.exposures += u.Exposures
	}
	for _, v := range run.Variants.All() {
		n.exposures += v.Repeats
		for pop, persons := range v.Persons {
			n.persons += persons
			n.exposures += persons
			for _, c := range v.Statuses[pop] {
				n.conversions += c
			}
		}
	}
	return n
}

// expectation is what the facts hold for an experiment.
type expectation struct {
	exposures, noExposure int64
	runs                  map[int]tally
}

func expected(r *reference, id string) expectation {
	want := expectation{runs: map[int]tally{}}
	for _, facts := range r.people {
		p := &someone{}
		in := map[int]bool{} // runs with an exposure; true: to a known variant
		for _, e := range facts {
			switch {
			case e.Kind == canonical.Converted:
				p.conversions = append(p.conversions, e)
			case e.Kind == canonical.Exposed && r.resolve(e) == id:
				want.exposures++
				if run := r.runOf(id, e); run != 0 {
					_, known := r.label(id, e)
					in[run] = in[run] || known
				}
			}
		}
		for run, known := range in {
			n := want.runs[run]
			if known {
				n.persons++
			}
			for _, c := range p.conversions {
				if r.concerns(p, id, c) {
					n.conversions++
				}
			}
			want.runs[run] = n
		}
		for _, c := range p.conversions {
			if len(in) == 0 && c.ExperimentID != "" && r.resolve(c) == id {
				want.noExposure++
			}
		}
	}
	return want
}
