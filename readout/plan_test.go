package readout_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/registry"
)

// The size is the first one of stats/testdata/power.json.
func TestPlan(t *testing.T) {
	effect, baseline, daily := 0.1, 0.05, 1000.0
	a, err := readout.Plan(readout.PlanQuestion{Baseline: &baseline, Effect: &effect, DailyUsers: &daily})
	if err != nil {
		t.Fatal(err)
	}
	if *a.UnitsPerVariant != 31231 || *a.Days != 63 || *a.DaysWholeWeeks != 63 || len(a.ByWeek) != 8 {
		t.Errorf("%+v", a)
	}
	if *a.AlwaysValid.UnitsPerVariant <= *a.UnitsPerVariant || *a.AtThreshold.UnitsPerVariant >= *a.UnitsPerVariant {
		t.Errorf("always valid %d, at the threshold %d, one look %d", *a.AlwaysValid.UnitsPerVariant, *a.AtThreshold.UnitsPerVariant, *a.UnitsPerVariant)
	}
}

// question draws one that can be answered.
func question(t *rapid.T) readout.PlanQuestion {
	var q readout.PlanQuestion
	baseline := rapid.Float64Range(0.001, 0.9).Draw(t, "baseline")
	effect := rapid.Float64Range(0.01, 0.1).Draw(t, "effect")
	daily := rapid.Float64Range(1, 1e6).Draw(t, "daily users")
	variants := rapid.IntRange(2, 8).Draw(t, "variants")
	q.Baseline, q.Effect, q.DailyUsers, q.Variants = &baseline, &effect, &daily, &variants
	if rapid.Bool().Draw(t, "mean") {
		sd := rapid.Float64Range(0.01, 100).Draw(t, "sd")
		q.Type, q.StandardDeviation = registry.Sum, &sd
	}
	return q
}

func TestPlanIsItsOwnInverse(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		q := question(rt)
		a, err := readout.Plan(q)
		if err != nil {
			rt.Fatal(err)
		}
		if a.UnitsPerVariant == nil {
			rt.Skip("it would take more users than there are")
		}
		if *a.PowerReached < a.Power || *a.Days > *a.DaysWholeWeeks || *a.DaysWholeWeeks%7 != 0 || *a.Units != *a.UnitsPerVariant*int64(a.Variants) {
			rt.Fatalf("%+v", a)
		}
		back := q
		back.Effect, back.UnitsPerVariant = nil, a.UnitsPerVariant
		b, err := readout.Plan(back)
		if err != nil {
			rt.Fatal(err)
		}
		if *b.Effect > *q.Effect*(1+1e-9) {
			rt.Fatalf("%d users find %v, though they were to find %v", *a.UnitsPerVariant, *b.Effect, *q.Effect)
		}
		if fewer := *a.UnitsPerVariant - 1; fewer >= 2 {
			back.UnitsPerVariant = &fewer
			if c, err := readout.Plan(back); err != nil || *c.Effect < *q.Effect*(1-1e-9) {
				rt.Fatalf("one user less finds %v as well (%v)", *c.Effect, err)
			}
		}
		last := math.Inf(1)
		for _, w := range a.ByWeek {
			if w.Effect != nil && *w.Effect > last {
				rt.Fatalf("more weeks find less: %+v", a.ByWeek)
			} else if w.Effect != nil {
				last = *w.Effect
			}
		}
		if _, err := json.Marshal(a); err != nil {
			rt.Fatal(err)
		}
	})
}

// Whatever is asked is answered or refused by name, without a number that JSON does not have.
func TestPlanOfAnything(t *testing.T) {
	number := func(rt *rapid.T, name string) *float64 {
		if rapid.Bool().Draw(rt, name+" given") {
			x := rapid.SampledFrom([]float64{-1, 0, 1e-9, 0.05, 0.5, 0.9, 0.999999, 1, 2, 1e6, 1e12, 1e300, math.Inf(1), math.NaN()}).Draw(rt, name)
			return &x
		}
		return nil
	}
	whole := func(rt *rapid.T, name string) *int64 {
		if rapid.Bool().Draw(rt, name+" given") {
			x := rapid.SampledFrom([]int64{-1, 0, 1, 2, 7, 1000, 1e12, math.MaxInt64}).Draw(rt, name)
			return &x
		}
		return nil
	}
	rapid.Check(t, func(rt *rapid.T) {
		q := readout.PlanQuestion{
			Type:     rapid.SampledFrom([]registry.MetricType{"", registry.Proportion, registry.Sum, registry.Ratio, "x"}).Draw(rt, "type"),
			Baseline: number(rt, "baseline"), StandardDeviation: number(rt, "sd"), Effect: number(rt, "effect"), UnitsPerVariant: whole(rt, "units"),
			Days: whole(rt, "days"), DailyUsers: number(rt, "daily users"), Alpha: number(rt, "alpha"), Power: number(rt, "power"), Threshold: number(rt, "threshold"),
		}
		a, err := readout.Plan(q)
		faults := registry.Faults(nil)
		switch {
		case err != nil && (!errors.As(err, &faults) || len(faults) == 0):
			rt.Fatal(err)
		case err == nil:
			if _, err := json.Marshal(a); err != nil {
				rt.Fatalf("%+v: %v", a, err)
			}
			if a.Sentence == "" || a.UnitsPerVariant == nil && len(a.Reasons) == 0 {
				rt.Fatalf("no answer and no reason: %+v", a)
			}
		}
	})
}

func TestPlanNamesWhatIsMissing(t *testing.T) {
	_, err := readout.Plan(readout.PlanQuestion{})
	faults := registry.Faults(nil)
	if !errors.As(err, &faults) {
		t.Fatal(err)
	}
	var named []string
	for _, f := range faults {
		named = append(named, f.Pointer)
	}
	if !slices.Equal(named, []string{"/baseline", "/effect"}) {
		t.Errorf("named are %v", named)
	}
}
