package statsig_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/statsig"
	"github.com/tracklayer/tracklayer/canonical"
)

// expectation is what was written down about a request when it was recorded, without this decoder.
type expectation struct {
	Exposures         *int `json:"experiment_exposures"`
	Conversions       *int `json:"conversions"`
	ExpectedExposures []struct {
		UserID       string `json:"user_id"`
		AnonymousID  string `json:"anonymous_id"`
		ExperimentID string `json:"experiment_id"`
		OnTheWire    string `json:"experiment_id_on_the_wire"`
		Variant      string `json:"variant"`
		Rule         string `json:"rule_id"`
		At           int64  `json:"exposed_at_ms"`
		Manual       bool   `json:"manual"`
	} `json:"exposures"`
	ExpectedConversions []struct {
		UserID          string       `json:"user_id"`
		AnonymousID     string       `json:"anonymous_id"`
		ConversionEvent string       `json:"conversion_event"`
		At              int64        `json:"at_ms"`
		MetricValue     *json.Number `json:"metric_value"`
	} `json:"conversion_events"`
	Gates        int               `json:"gate_exposures_ignored"`
	Internal     map[string]int    `json:"internal_events_ignored"`
	NotExposures []json.RawMessage `json:"exposure_events_that_are_not_experiment_exposures"`
}

// TestRecordedExpectations compares every recorded request with what was expected of it when it was recorded, which
// is independent of the want sections.
func TestRecordedExpectations(t *testing.T) {
	adaptertest.Expectations(t, statsig.Adapter, "testdata", 19, func(t *testing.T, _ string, want expectation, b adapters.Batch, err error) {
		if err != nil {
			t.Fatal(err)
		}
		compareExposures(t, want, adaptertest.OfKind(b, canonical.Exposed))
		compareConversions(t, want, adaptertest.OfKind(b, canonical.Converted))
		compareIgnored(t, want, b)
	})
}

func compareExposures(t *testing.T, want expectation, got []canonical.Event) {
	t.Helper()
	if want.Exposures == nil || len(got) != *want.Exposures || len(got) != len(want.ExpectedExposures) {
		t.Fatalf("%d exposures, want %d", len(got), len(want.ExpectedExposures))
	}
	for i, w := range want.ExpectedExposures {
		g := got[i]
		if w.OnTheWire == "" {
			w.OnTheWire = w.ExperimentID
		}
		if g.ExperimentID != w.ExperimentID || g.SourceExperiment != w.OnTheWire || g.Variant != w.Variant || g.SourceVariant != w.Rule ||
			g.UserID != w.UserID || g.AnonymousID != w.AnonymousID || int64(g.At) != w.At || strings.Contains(string(g.Attributes), `"manual":true`) != w.Manual {
			t.Errorf("exposure %d is %s\nwant %+v", i, g.AppendJSON(nil), w)
		}
	}
}

func compareConversions(t *testing.T, want expectation, got []canonical.Event) {
	t.Helper()
	if want.Conversions == nil || len(got) != *want.Conversions || len(got) != len(want.ExpectedConversions) {
		t.Fatalf("%d conversions, want %d", len(got), len(want.ExpectedConversions))
	}
	for i, w := range want.ExpectedConversions {
		g := got[i]
		var metric canonical.Number
		if w.MetricValue != nil {
			var err error
			if metric, err = canonical.ParseNumber(w.MetricValue.String()); err != nil {
				t.Fatal(err)
			}
		}
		if g.ConversionEvent != w.ConversionEvent || g.UserID != w.UserID || g.AnonymousID != w.AnonymousID || w.At != 0 && int64(g.At) != w.At ||
			g.MetricValue != metric || g.Value.Set || g.ExperimentID != "" || g.Variant != "" {
			t.Errorf("conversion %d is %s\nwant %+v", i, g.AppendJSON(nil), w)
		}
	}
}

func compareIgnored(t *testing.T, want expectation, b adapters.Batch) {
	t.Helper()
	if len(b.Rejected) > 0 {
		t.Errorf("rejected: %+v", b.Rejected)
	}
	if b.Ignored["gate_exposure"] != want.Gates {
		t.Errorf("%d gates ignored, want %d", b.Ignored["gate_exposure"], want.Gates)
	}
	for name, n := range want.Internal {
		if got := b.Ignored[strings.TrimPrefix(name, "statsig::")]; got != n {
			t.Errorf("%d of %s ignored, want %d", got, name, n)
		}
	}
	others := 0
	for _, reason := range []string{"not_an_experiment", "layer_default", "not_evaluated", "not_in_a_group", "not_started", "override"} {
		others += b.Ignored[reason]
	}
	if want.NotExposures != nil && others != len(want.NotExposures) {
		t.Errorf("%d evaluations ignored, want %d: %v", others, len(want.NotExposures), b.Ignored)
	}
}

// TestRetryHasTheSameIDs takes a request and its second attempt after a 503: nothing new may come of the latter, though
// legacy Node sends it without compression and with other headers.
func TestRetryHasTheSameIDs(t *testing.T) {
	byName := map[string]adapters.Batch{}
	for _, g := range adaptertest.Goldens(t, "testdata") {
		if strings.Contains(g.Name, "-retry-") {
			b, err := g.Decode(statsig.Adapter)
			if err != nil || len(b.Events) == 0 {
				t.Fatalf("%s: %d events, %v", g.Name, len(b.Events), err)
			}
			byName[g.Name] = b
		}
	}
	for _, sdk := range []string{"go", "node"} {
		adaptertest.SameAgain(t, byName[sdk+"-retry-503-1"], byName[sdk+"-retry-503-2"])
	}
}
