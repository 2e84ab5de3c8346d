package vwo_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/vwo"
	"github.com/tracklayer/tracklayer/canonical"
)

// expectation is what was written down about a request when it was recorded, without this decoder.
type expectation struct {
	Exposures     []expected
	Conversions   []expected
	NotExperiment []json.RawMessage `json:"not_experiment"`
}

type expected struct {
	Event         string       `json:"event"`
	Experiment    string       `json:"experiment_id"`
	ExperimentKey string       `json:"experiment_key"`
	Variant       string       `json:"variant"`
	Variation     string       `json:"variation_id"`
	Subject       string       `json:"subject"`
	Value         *json.Number `json:"value"`
}

// TestRecordedExpectations compares every recorded request with what was expected of it when it was recorded, which
// is independent of the want sections.
func TestRecordedExpectations(t *testing.T) {
	adaptertest.Expectations(t, vwo.Adapter, "testdata", 39, func(t *testing.T, _ string, want expectation, b adapters.Batch, err error) {
		if err != nil && len(want.Exposures)+len(want.Conversions) > 0 {
			t.Fatal(err)
		}
		if len(b.Rejected) > 0 {
			t.Errorf("rejected: %+v", b.Rejected)
		}
		compareExposures(t, want.Exposures, adaptertest.OfKind(b, canonical.Exposed))
		compareConversions(t, want.Conversions, adaptertest.OfKind(b, canonical.Converted))
		if got := b.Ignored["rollout"] + b.Ignored["personalization"] + b.Ignored["impact_campaign"]; got != len(want.NotExperiment) {
			t.Errorf("%d decisions are no exposures, want %d", got, len(want.NotExperiment))
		}
	})
}

func compareExposures(t *testing.T, want []expected, got []canonical.Event) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d exposures, want %d", len(got), len(want))
	}
	for _, w := range want { // batches are listed in another order than they were sent in
		if !slices.ContainsFunc(got, func(g canonical.Event) bool {
			return g.ExperimentID == w.Experiment && g.SourceExperiment == w.ExperimentKey && g.Variant == w.Variant && g.SourceVariant == w.Variation &&
				g.UserID+g.AnonymousID == w.Subject && g.ID != ""
		}) {
			t.Errorf("no exposure is %+v", w)
		}
	}
}

// compareConversions allows for the one thing that is counted in another way here: an event of Data360 that names two
// campaigns and no variation is one conversion, and both experiments count it for whom they have exposed.
func compareConversions(t *testing.T, want []expected, got []canonical.Event) {
	t.Helper()
	if len(want) == 2 && len(got) == 1 && got[0].ExperimentID == "" && want[0].Event == want[1].Event {
		want = want[:1]
	}
	if len(got) != len(want) {
		t.Fatalf("%d conversions, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		var value canonical.Number
		if w.Value != nil {
			var err error
			if value, err = canonical.ParseNumber(w.Value.String()); err != nil {
				t.Fatal(err)
			}
		}
		if g.ExperimentID == "" {
			w.Experiment, w.ExperimentKey, w.Variant, w.Variation = "", "", "", ""
		}
		if g.ConversionEvent != w.Event || g.ExperimentID != w.Experiment || g.SourceExperiment != w.ExperimentKey || g.Variant != w.Variant ||
			g.SourceVariant != w.Variation || g.UserID+g.AnonymousID != w.Subject || g.Value != value || g.MetricValue.Set || g.ID == "" {
			t.Errorf("conversion %d is %s\nwant %+v", i, g.AppendJSON(nil), w)
		}
	}
}
