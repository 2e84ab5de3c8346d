package readout_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/readout"
)

// weighted is a definition of x with the weights of control and b, from a day of the run on.
func weighted(revision, day int, control, b float64) string {
	return fmt.Sprintf(`{"id":"x","variants":[{"key":"control","weight":%v},{"key":"b","weight":%v}],"control":"control","changed_at":"2026-11-%02dT12:00:00Z",
		"metrics":[{"id":"purchase","role":"primary","type":"proportion","event":"purchase","window":"24h"}],"revision":%d,"change":"weights",
		"runs":[{"run":1,"status":"running","started_at":null,"ended_at":null}]}`, control, b, 20+day, revision)
}

// crowd exposes n users to a variant on a day, of whom a share converts.
func (w *world) crowd(variant string, on, n int, rate float64) {
	for i := range n {
		user := fmt.Sprintf("%s-%d-%d", variant, on, i)
		at := canonical.Time(on)*day + 3600_000
		w.expose(user, variant, at)
		if float64(i) < rate*float64(n) {
			w.convert(user, "purchase", at+1000)
		}
	}
}

func allocate(t *testing.T, w *world, q readout.AllocationQuestion) *readout.Allocation {
	t.Helper()
	q.Experiment = "x"
	a, err := readout.Allocate(w.fold(t), q, "test")
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, v := range a.Variants {
		sum += v.Weight
		if a.Ready && v.Weight < q.Floor {
			t.Errorf("%s gets %v, less than the floor", v.Variant, v.Weight)
		}
	}
	if math.Abs(sum-1) > 1e-12 {
		t.Errorf("the weights add up to %v", sum)
	}
	return a
}

func TestAllocationWaitsForData(t *testing.T) {
	w := &world{}
	w.define(weighted(1, 0, 3, 1))
	w.crowd("control", 0, 500, 0.1)
	w.crowd("b", 0, 200, 0.1)
	w.at(10 * day)
	a := allocate(t, w, readout.AllocationQuestion{Floor: 0.01})
	if a.Ready || a.Variants[0].Weight != 0.75 || !strings.Contains(a.Detail, "b has 200 users and 20 conversions") || *a.Through != "2026-11-20" || len(a.Epochs) != 1 {
		t.Errorf("%+v", a)
	}
	// Those whose window is open are not waited for in vain: they do not count yet.
	w = &world{}
	w.define(weighted(1, 0, 1, 1))
	w.crowd("control", 0, 5000, 0.1)
	w.crowd("b", 0, 5000, 0.2)
	w.at(day)
	if a := allocate(t, w, readout.AllocationQuestion{}); a.Ready || a.Through != nil {
		t.Errorf("%+v", a)
	}
}

func TestAllocationFollowsTheBetter(t *testing.T) {
	w := &world{}
	w.define(weighted(1, 0, 1, 1))
	w.crowd("control", 0, 2000, 0.10)
	w.crowd("b", 0, 2000, 0.11)
	w.at(5 * day)
	a := allocate(t, w, readout.AllocationQuestion{Floor: 0.05})
	if b := a.Variants[1]; !a.Ready || b.Weight <= 0.5 || b.Weight >= 0.95 || math.Abs(b.Weight-(0.05+0.9**b.ProbabilityToBeBest)) > 1e-12 {
		t.Errorf("%+v", a)
	}
	two := allocate(t, w, readout.AllocationQuestion{Floor: 0.05, Algorithm: readout.TopTwo})
	if two.Variants[1].Weight != 0.5 { // of two variants the top two are both
		t.Errorf("%+v", two.Variants)
	}
}

// The better variant gets more users just when everybody converts less: over all time it looks worse.
func TestAllocationIsNotFooledByChangingRates(t *testing.T) {
	w := &world{}
	w.define(weighted(1, 0, 9, 1))
	w.crowd("control", 0, 4500, 0.30)
	w.crowd("b", 0, 500, 0.34)
	w.define(weighted(2, 3, 1, 9))
	w.crowd("control", 4, 500, 0.10)
	w.crowd("b", 4, 4500, 0.14)
	w.at(9 * day)
	a := allocate(t, w, readout.AllocationQuestion{Floor: 0.01})
	b := a.Variants[1]
	if *b.Pooled >= 0 || *b.Difference < 0.03 || *b.Difference > 0.05 || b.Weight < 0.9 || len(a.Epochs) != 2 || *a.Epochs[0].Variants[1].Weight != 0.1 {
		t.Errorf("%+v\n%+v", b, a.Epochs)
	}
	if a.Epochs[0].Through != "2026-11-20" || a.Epochs[1].From != "2026-11-24" {
		t.Errorf("%+v", a.Epochs)
	}
}

// A variant that nobody met in an epoch cannot be compared there, and one without a weight takes no part.
func TestAllocationLeavesOutWhatCannotBeCompared(t *testing.T) {
	w := &world{}
	w.define(weighted(1, 0, 1, 0))
	w.crowd("control", 0, 3000, 0.5)
	w.define(weighted(2, 3, 1, 1))
	w.crowd("control", 3, 10, 0.5) // on the day of the change
	w.crowd("b", 3, 10, 0.5)
	w.crowd("control", 5, 1000, 0.10)
	w.crowd("b", 5, 1000, 0.13)
	w.at(9 * day)
	a := allocate(t, w, readout.AllocationQuestion{Floor: 0.01})
	if len(a.Epochs) != 3 || !a.Epochs[0].LeftOut || !a.Epochs[1].Changed || a.Variants[0].Users != 1010 || !a.Ready || a.Variants[1].Weight < 0.9 {
		t.Errorf("%+v", a)
	}
}

// Under equal rates no variant is favoured on average.
func TestAllocationOfEqualVariants(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var mean float64
	const tries = 40
	for range tries {
		w := &world{}
		w.define(weighted(1, 0, 1, 1))
		w.crowd("control", 0, 400, 0.2+0.03*random.NormFloat64()/1.5)
		w.crowd("b", 0, 400, 0.2+0.03*random.NormFloat64()/1.5)
		w.at(5 * day)
		mean += allocate(t, w, readout.AllocationQuestion{}).Variants[1].Weight / tries
	}
	if mean < 0.3 || mean > 0.7 {
		t.Errorf("b gets %v on average", mean)
	}
}
