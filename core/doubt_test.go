package core_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
)

const week = 7 * 24 * 60 * 60 * 1000

func TestDoubts(t *testing.T) {
	b := &builder{}
	b.expose("kiosk", "", "a", 0)
	for i := range person.Crowd {
		b.link("kiosk", fmt.Sprint("visitor-", i), "", canonical.Time(i))
	}
	b.link("owner", "tablet", "", 1)
	b.link("guest", "tablet", "", 2)
	b.link("guest", "tablet", "", 3) // the same once more
	b.link("another", "tablet", "", 4)
	b.expose("owner", "", "a", 0)
	b.expose("guest", "", "a", 0)
	b.add(canonical.Event{Kind: canonical.Exposed, ExperimentID: "x", Variant: "a", UserID: "late", At: t0, ReceivedAt: t0 + week + 1})
	b.add(canonical.Event{Kind: canonical.Exposed, ExperimentID: "x", Variant: "a", UserID: "just", At: t0, ReceivedAt: t0 + week})
	b.add(canonical.Event{Kind: canonical.Exposed, ExperimentID: "x", Variant: "a", UserID: "ahead", At: t0 + 300_001, ReceivedAt: t0})
	want := sums.Doubts{Shared: 1, Crowded: 1, Late: 1, Ahead: 1}
	backwards := &builder{events: slices.Clone(b.events)}
	slices.Reverse(backwards.events)
	for name, history := range map[string]*builder{"as told": b, "backwards": backwards} {
		f := run(t, history)
		s, _ := f.View().Experiment("x")
		if got := s.Aggregate.Runs[1].Doubts; got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		if diff, err := f.Audit(); err != nil || len(diff) > 0 {
			t.Errorf("%s: audit %v %v", name, diff, err)
		}
	}
}

// TestNamesAreThoseOfTheFacts: of two bodies under one id, the name in the one that lost is nobody's, whichever came first.
func TestNamesAreThoseOfTheFacts(t *testing.T) {
	e := func(own string) canonical.Event {
		return canonical.Event{ID: "e", Kind: canonical.Exposed, ExperimentID: "x", Variant: "a", UserID: "u", At: t0, SourceExperiment: own}
	}
	for _, order := range [][]string{{"1", "2"}, {"2", "1"}, {"2", "1", "2"}} {
		b := &builder{}
		for _, own := range order {
			b.add(e(own))
		}
		f := run(t, b)
		s, _ := f.View().Experiment("x")
		if want := []sums.Name{{Source: "api", Experiment: "x", Own: "1"}}; !slices.Equal(s.Called(), want) {
			t.Errorf("%v: called %+v, want %+v", order, s.Called(), want)
		}
	}
}
