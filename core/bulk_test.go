package core_test

import (
	"fmt"
	"iter"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/store"
)

// counter counts the calls of a store.
type counter struct {
	core.Store
	calls *int64
}

func (c counter) Begin() core.Tx { return countedTx{c.Store.Begin(), c.calls} }

type countedTx struct {
	core.Tx
	calls *int64
}

func (c countedTx) Get(key []byte) ([]byte, bool, error) { *c.calls++; return c.Tx.Get(key) }
func (c countedTx) Set(key, value []byte) error          { *c.calls++; return c.Tx.Set(key, value) }
func (c countedTx) Delete(key []byte) error              { *c.calls++; return c.Tx.Delete(key) }
func (c countedTx) Scan(prefix []byte) iter.Seq2[core.Record, error] {
	return eachCounted(c.Tx.Scan(prefix), func() { *c.calls++ })
}

func (c countedTx) ScanAfter(prefix, after []byte) iter.Seq2[core.Record, error] {
	*c.calls++
	return eachCounted(c.Tx.ScanAfter(prefix, after), func() { *c.calls++ })
}

// raced says that the race detector is on.
var raced bool

// hostile histories are what one stranger may send about one person, as long as wanted.
var hostile = map[string]func(b *builder, n int){
	"a chain of merges": func(b *builder, n int) {
		for i := range n {
			b.link(fmt.Sprint("u", i+1), "", fmt.Sprint("u", i), 1)
		}
	},
	"a star of merges": func(b *builder, n int) {
		for i := range n {
			b.link(fmt.Sprint("u", i), "", "center", 1)
		}
	},
	"a star of visitors with a history": func(b *builder, n int) {
		for i := range n / 2 {
			b.expose("", fmt.Sprint("n", i), "a", 0)
		}
		for i := range n / 2 {
			b.link("u", fmt.Sprint("n", i), "", 5)
		}
	},
	"visitors that change hands": func(b *builder, n int) {
		for i := range n / 3 {
			b.expose("", fmt.Sprint("n", i), "a", 0)
		}
		for i := range n / 3 {
			b.link("u", fmt.Sprint("n", i), "", 5)
		}
		for i := range n / 3 {
			b.link("w", fmt.Sprint("n", i), "", 4)
		}
	},
	"links and withdrawals of one visitor": func(b *builder, n int) {
		for i := range n / 2 {
			b.link(fmt.Sprint("u", i), "n", "", canonical.Time(i))
		}
		for i := range n / 2 {
			b.add(canonical.Event{Kind: canonical.Unlinked, UserID: fmt.Sprint("u", i), AnonymousID: "n", At: t0 + canonical.Time(n)})
		}
	},
	"conversion names": func(b *builder, n int) {
		b.expose("u", "", "a", 0)
		for i := range n {
			b.convert("u", "", 1, func(e *canonical.Event) { e.ConversionEvent = fmt.Sprint("name", i) })
		}
	},
	"experiments by conversions": func(b *builder, n int) {
		for i := range n / 20 {
			b.add(canonical.Event{Kind: canonical.Exposed, ExperimentID: fmt.Sprint("x", i), Variant: "a", UserID: "u", At: t0})
		}
		for i := range n {
			b.convert("u", "", 1, func(e *canonical.Event) { e.ConversionEvent = fmt.Sprint("name", i%900) })
		}
	},
	"variants": func(b *builder, n int) {
		for i := range n {
			b.expose("u", "", fmt.Sprint("v", i%1000), 0)
		}
	},
	"days": func(b *builder, n int) {
		b.expose("u", "", "a", -9000*aDay)
		for i := range n {
			b.convert("u", "", canonical.Time(i%9000)*aDay-9000*aDay, func(e *canonical.Event) { e.ConversionEvent = fmt.Sprint("name", i%10) })
		}
	},
	"refunds": func(b *builder, n int) {
		b.expose("u", "", "a", 0)
		for i := range n {
			b.convert("u", "", 1, func(e *canonical.Event) { e.Adjusts, e.Value = fmt.Sprint("o", i%7), canonical.Micro(-1) })
		}
	},
	"equal values": func(b *builder, n int) {
		b.expose("u", "", "a", 0)
		for i := range n {
			b.convert("u", "", canonical.Time(i%1000), func(e *canonical.Event) {
				e.Value = canonical.Micro(int64(i % 3))
				e.Source = []string{"api", "ld"}[i%2]
			})
		}
	},
}

// TestWorkPerRecordIsBounded: what the fold asks of the store for one more record does not grow with the records that
// one person has already. Four times the records may cost a little more than four times the calls, as the logarithm of
// sorting does, and not sixteen times.
func TestWorkPerRecordIsBounded(t *testing.T) {
	if raced {
		t.Skip("it counts calls, and the race detector finds nothing in one goroutine")
	}
	for name, history := range hostile {
		t.Run(name, func(t *testing.T) {
			cost := func(n int) int64 {
				b := &builder{}
				history(b, n)
				db := openStore(t, store.NewDisk())
				defer db.Close()
				calls := int64(0)
				f := openFold(t, counter{db, &calls})
				fold(t, f, b.events, func() int { return 500 })
				return calls
			}
			small, large := cost(3000), cost(12_000)
			t.Logf("%d calls for 3,000 records, %d for 12,000", small, large)
			if large > 6*small {
				t.Errorf("%d calls for 3,000 records, %d for 12,000: the work for a record grows with their number", small, large)
			}
		})
	}
}

// TestLargeSetsOfMergesAreNoPerson: merges hold up to MaxUserIDs ids, whatever the order, and not beyond.
func TestLargeSetsOfMergesAreNoPerson(t *testing.T) {
	chain := func(ids int, more func(*builder)) *core.Fold {
		b := &builder{}
		b.expose("u0", "", "a", 0)
		for i := 1; i < ids; i++ {
			b.link(fmt.Sprint("u", i), "", fmt.Sprint("u", i-1), 1)
		}
		b.convert(fmt.Sprint("u", ids-1), "", 5)
		if more != nil {
			more(b)
		}
		return run(t, b)
	}
	users := func(f *core.Fold) int64 { return variantOf(t, f, "a").Metrics["purchase"].Merged(sums.Include{}).Users }
	if n := users(chain(core.MaxUserIDs, nil)); n != 1 {
		t.Errorf("%d converted users of %d merged ids, want 1", n, core.MaxUserIDs)
	}
	f := chain(core.MaxUserIDs+1, nil)
	if n := users(f); n != 0 {
		t.Errorf("%d converted users of %d merged ids, want none: they are no person", n, core.MaxUserIDs+1)
	}
	s, _ := f.View().Experiment("x")
	if n := s.Aggregate.Runs[1].Crowded; n != 1 {
		t.Errorf("%d persons are doubtful, want the one that was exposed", n)
	}
	if diff, err := f.Audit(); err != nil || len(diff) > 0 {
		t.Errorf("audit: %v %v", diff, err)
	}
}

// TestPairsOfCrossoversAreBounded: a person that was exposed to very many variants is a crossover in each, and in no pair.
func TestPairsOfCrossoversAreBounded(t *testing.T) {
	for variants, want := range map[int]int{sums.MaxPaired: sums.MaxPaired * (sums.MaxPaired - 1) / 2, sums.MaxPaired + 1: 0} {
		b := &builder{}
		for i := range variants {
			b.expose("u", "", fmt.Sprint("v", i), 0)
		}
		f := run(t, b)
		s, _ := f.View().Experiment("x")
		r := s.Aggregate.Runs[1]
		if n := r.Crossovers[0].Len(); n != want {
			t.Errorf("%d pairs of %d variants, want %d", n, variants, want)
		}
		crossed := int64(0)
		for _, v := range r.Variants.All() {
			crossed += v.Crossed[0]
		}
		if crossed != int64(variants) {
			t.Errorf("the person is a crossover in %d of %d variants", crossed, variants)
		}
		if diff, err := f.Audit(); err != nil || len(diff) > 0 {
			t.Errorf("audit: %v %v", diff, err)
		}
	}
}
