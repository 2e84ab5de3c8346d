package core_test

import (
	"fmt"
	"math"
	"runtime"
	"strconv"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/store"
)

// exposureTo is a person's exposure.
func exposureTo(seq uint64, experiment, variant, user string) canonical.Record {
	return canonical.Record{Seq: seq, Event: canonical.Event{
		Kind: canonical.Exposed, ID: "e-" + strconv.FormatUint(seq, 10), Source: "api", SchemaVersion: 1, ExperimentID: experiment, Variant: variant,
		UserID: user, At: t0, ReceivedAt: t0,
	}}
}

// crowded is a fold of exposures of n persons, each with a name of its own.
func crowded(tb testing.TB, n int, name func(i int) (experiment, variant string)) *core.Fold {
	tb.Helper()
	db := openStore(tb, store.NewDisk())
	tb.Cleanup(func() { db.Close() })
	f := openFold(tb, db)
	for from := 0; from < n; from += 1000 {
		var batch []canonical.Record
		for i := from; i < min(n, from+1000); i++ {
			experiment, variant := name(i)
			batch = append(batch, exposureTo(uint64(i+1), experiment, variant, "u-"+strconv.Itoa(i)))
		}
		if err := f.Apply(batch); err != nil {
			tb.Fatal(err)
		}
	}
	return f
}

// work is how many bytes a commit of one person's exposure allocates: the least of several rounds, because the store
// allocates for itself now and then.
func work(tb testing.TB, f *core.Fold, experiment, variant string) float64 {
	tb.Helper()
	seq := f.Seq()
	commit := func() {
		seq++
		if err := f.Apply([]canonical.Record{exposureTo(seq, experiment, variant, "v-"+strconv.FormatUint(seq, 10))}); err != nil {
			tb.Fatal(err)
		}
	}
	const rounds, commits = 10, 50
	least := math.Inf(1)
	for range rounds {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range commits {
			commit()
		}
		runtime.ReadMemStats(&after)
		least = min(least, float64(after.TotalAlloc-before.TotalAlloc)/commits)
	}
	return least
}

// TestACommitCostsWhatChanged: a commit that changes one experiment, or one variant, does not cost more if there are many.
func TestACommitCostsWhatChanged(t *testing.T) {
	if raced {
		t.Skip("it measures what is allocated, and the race detector allocates as well")
	}
	for _, c := range []struct {
		what string
		name func(i int) (experiment, variant string)
	}{
		{"experiments", func(i int) (string, string) { return fmt.Sprintf("junk-%06d", i), "a" }},
		{"variants", func(i int) (string, string) { return "junk", fmt.Sprintf("v-%06d", i) }},
	} {
		few, many := 1_000, 20_000
		experiment, variant := c.name(few / 2)
		small, large := work(t, crowded(t, few, c.name), experiment, variant), work(t, crowded(t, many, c.name), experiment, variant)
		t.Logf("%s: %.0f bytes a commit with %d, %.0f with %d", c.what, small, few, large, many)
		if large > 3*small {
			t.Errorf("%s: a commit allocates %.0f bytes with %d, %.0f with %d", c.what, small, few, large, many)
		}
	}
}

// BenchmarkCommit is a commit of one event to one of many experiments, or to one of many variants.
func BenchmarkCommit(b *testing.B) {
	for _, n := range []int{1_000, 20_000} {
		for what, name := range map[string]func(i int) (string, string){
			"experiments": func(i int) (string, string) { return fmt.Sprintf("junk-%06d", i), "a" },
			"variants":    func(i int) (string, string) { return "junk", fmt.Sprintf("v-%06d", i) },
		} {
			b.Run(fmt.Sprintf("%s=%d", what, n), func(b *testing.B) {
				f := crowded(b, n, name)
				experiment, variant := name(n / 2)
				seq := f.Seq()
				b.ReportAllocs()
				b.ResetTimer()
				for range b.N {
					seq++
					if err := f.Apply([]canonical.Record{exposureTo(seq, experiment, variant, "v-"+strconv.FormatUint(seq, 10))}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
