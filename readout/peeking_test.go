package readout_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/store"
)

// TestPeekingIsHarmless plays experiments without any effect, looked at every day up to their planned end and for ten
// days more. The probability passes its threshold on some day in far more of them than the threshold says; the decision opens in no
// more than that.
func TestPeekingIsHarmless(t *testing.T) {
	const experiments, days, users = 200, 24, 30
	dice := rand.New(rand.NewPCG(7, 11))
	var peeked, opened, early int
	for range experiments {
		w := &world{}
		w.define(declared(`"window":"24h","decision":{"min_units_per_variant":350,"min_days":14,"max_expected_loss":0.05},`))
		db, err := store.Open("state", store.Options{Cache: 1 << 20, MemTable: 1 << 20, Disk: store.NewDisk()})
		if err != nil {
			t.Fatal(err)
		}
		fold, err := core.Open(db)
		if err != nil {
			t.Fatal(err)
		}
		var passed, open bool
		sent := 0
		for d := range days {
			for i := range 2 * users {
				user, at := fmt.Sprintf("u%d-%d", d, i), canonical.Time(d)*day+canonical.Time(i)
				w.expose(user, []string{"control", "b"}[i%2], at)
				if dice.Float64() < 0.3 {
					w.convert(user, "purchase", at+1000)
				}
			}
			w.at(canonical.Time(d+1) * day)
			for i := sent; i < len(w.records); i++ {
				w.records[i].Seq = uint64(i + 1)
			}
			if err := fold.Apply(w.records[sent:]); err != nil {
				t.Fatal(err)
			}
			sent = len(w.records)
			r, err := readout.Make(fold.View(), readout.Question{Experiment: "x"}, "test")
			if err != nil {
				t.Fatal(err)
			}
			if p := r.Metrics[0].Variants[1].ProbabilityToBeatControl; p != nil && *p >= 0.9 {
				passed = true
			}
			if r.Decision.Status == readout.EligibleForReview {
				open = true
				if !r.Decision.HorizonReached {
					early++
				}
			}
		}
		closed(t, db)
		if passed {
			peeked++
		}
		if open {
			opened++
		}
	}
	t.Logf("of %d experiments without an effect %d passed 0.9 on some day, %d opened, %d of the looks before the end", experiments, peeked, opened, early)
	if peeked < experiments/5 || opened > experiments/8 {
		t.Errorf("of %d experiments without an effect %d passed 0.9 on some day, and %d opened", experiments, peeked, opened)
	}
}
