package optimizely_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/optimizely"
	"github.com/tracklayer/tracklayer/canonical"
)

// expectation is what was written down about a request when it was recorded, without this decoder.
type expectation struct {
	Exposures []struct {
		Experiment string `json:"experiment_id"`
		Variant    string `json:"variant"`
		Variation  string `json:"variation_id"`
		Subject    string `json:"subject"`
	} `json:"exposures"`
	Conversions []struct {
		Event      string       `json:"event"`
		Cents      *json.Number `json:"revenue_cents"`
		Value      *json.Number `json:"value"`
		Experiment string       `json:"experiment_id"`
		Variant    string       `json:"variant"`
		Subject    string       `json:"subject"`
	} `json:"conversions"`
	NotExperiment []json.RawMessage `json:"not_experiment"`
}

// TestRecordedExpectations compares every recorded request with what was expected of it when it was recorded, which
// is independent of the want sections.
func TestRecordedExpectations(t *testing.T) {
	adaptertest.Expectations(t, optimizely.Adapter, "testdata", 41, func(t *testing.T, _ string, want expectation, b adapters.Batch, err error) {
		if err != nil && (!errors.Is(err, adapters.ErrUnreadable) || len(want.Exposures)+len(want.Conversions) > 0) {
			t.Fatal(err)
		}
		exposures, holdouts := withoutHoldouts(adaptertest.OfKind(b, canonical.Exposed))
		compareExposures(t, want, exposures)
		compareConversions(t, want, adaptertest.OfKind(b, canonical.Converted))
		ignored := holdouts
		for _, n := range b.Ignored {
			ignored += n
		}
		if ignored != len(want.NotExperiment) || len(b.Rejected) > 0 {
			t.Errorf("%d ignored, want %d; rejected %+v", ignored, len(want.NotExperiment), b.Rejected)
		}
	})
}

// withoutHoldouts leaves out exposures to holdouts, which were noted down as no experiment's, and counts them.
func withoutHoldouts(all []canonical.Event) (exposures []canonical.Event, holdouts int) {
	for _, e := range all {
		if e.ExperimentKind == canonical.Holdout {
			holdouts++
		} else {
			exposures = append(exposures, e)
		}
	}
	return exposures, holdouts
}

func compareExposures(t *testing.T, want expectation, got []canonical.Event) {
	t.Helper()
	if len(got) != len(want.Exposures) {
		t.Fatalf("%d exposures, want %d", len(got), len(want.Exposures))
	}
	for i, w := range want.Exposures {
		g := got[i]
		if g.ExperimentID != w.Experiment || g.SourceExperiment != w.Experiment || g.Variant != w.Variant ||
			w.Variation != "" && g.SourceVariant != w.Variation || g.UserID != w.Subject || g.AnonymousID != "" {
			t.Errorf("exposure %d is %s\nwant %+v", i, g.AppendJSON(nil), w)
		}
	}
}

func compareConversions(t *testing.T, want expectation, got []canonical.Event) {
	t.Helper()
	if len(got) != len(want.Conversions) {
		t.Fatalf("%d conversions, want %d", len(got), len(want.Conversions))
	}
	for i, w := range want.Conversions {
		g := got[i]
		if g.ConversionEvent != w.Event || g.UserID != w.Subject || g.ExperimentID != w.Experiment || g.Variant != w.Variant ||
			g.Value != number(t, w.Cents, "e-2") || g.MetricValue != number(t, w.Value, "") {
			t.Errorf("conversion %d is %s\nwant %+v", i, g.AppendJSON(nil), w)
		}
	}
}

func number(t *testing.T, n *json.Number, power string) canonical.Number {
	t.Helper()
	if n == nil {
		return canonical.Number{}
	}
	want, err := canonical.ParseNumber(n.String() + power)
	if err != nil {
		t.Fatal(err)
	}
	return want
}

// TestRetryHasTheSameIDs takes requests that were sent again, by an SDK that repeats the body and by one that draws new
// uuids for it: nothing new may come of the later ones.
func TestRetryHasTheSameIDs(t *testing.T) {
	first := map[string]string{}
	tries := map[string]int{}
	for _, g := range adaptertest.Goldens(t, "testdata") {
		for _, step := range []string{"go-11-answered-200", "go-13-plain-dispatcher-503", "v6-18-retried"} {
			if !strings.HasPrefix(g.Name, step) {
				continue
			}
			b, err := g.Decode(optimizely.Adapter)
			if err != nil || len(b.Events) != 1 {
				t.Fatalf("%s: %d events, %v", g.Name, len(b.Events), err)
			}
			body := string(b.Events[0].AppendBody(nil))
			if tries[step]++; first[step] == "" {
				first[step] = body
			}
			if body != first[step] {
				t.Errorf("%s says\n%s\nafter\n%s", g.Name, body, first[step])
			}
		}
	}
	if tries["go-11-answered-200"] != 4 || tries["go-13-plain-dispatcher-503"] != 4 || tries["v6-18-retried"] != 3 {
		t.Errorf("%v", tries)
	}
}
