package launchdarkly_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/launchdarkly"
	"github.com/tracklayer/tracklayer/canonical"
)

// expectation is what was written down about a request when it was recorded, without this decoder.
type expectation struct {
	Exposures         *int `json:"experiment_exposures"`
	Distinct          *int `json:"distinct_experiment_variant_subject"`
	Conversions       *int `json:"conversions"`
	ExpectedExposures []struct {
		expectedPerson
		ExperimentID  string `json:"experiment_id"`
		Variant       string `json:"variant"`
		Variation     int    `json:"variation_index"`
		At            int64  `json:"exposed_at_ms"`
		PrereqOf      string `json:"prerequisite_of"`
		SamplingRatio int    `json:"sampling_ratio"`
	} `json:"exposures"`
	ExpectedConversions []struct {
		expectedPerson
		ConversionEvent string       `json:"conversion_event"`
		At              int64        `json:"at_ms"`
		MetricValue     *json.Number `json:"metric_value"`
	} `json:"conversion_events"`
	NotExposures []json.RawMessage            `json:"feature_events_that_are_not_exposures"`
	GoalEvents   []struct{ Kind, Key string } `json:"other_metric_events"`
	Debug        int                          `json:"ignored_debug_events"`
	Summary      int                          `json:"ignored_summary_events"`
}

type expectedPerson struct {
	UserID      string            `json:"user_id"`
	AnonymousID string            `json:"anonymous_id"`
	Either      string            `json:"user_id_or_anonymous_id"`
	Others      map[string]string `json:"other_context_keys"`
}

// ids are the canonical ids of a person: a key of another kind only where there is no user.
func (p expectedPerson) ids() (user, anonymous string) {
	switch {
	case p.UserID != "" || p.AnonymousID != "":
		return p.UserID, p.AnonymousID
	case p.Either != "":
		return p.Either, ""
	}
	kind := slices.Min(slices.Collect(maps.Keys(p.Others)))
	return kind + ":" + p.Others[kind], ""
}

// TestRecordedExpectations compares every recorded request with what was expected of it when it was recorded, which
// is independent of the want sections.
func TestRecordedExpectations(t *testing.T) {
	adaptertest.Expectations(t, launchdarkly.Adapter, "testdata", 20, func(t *testing.T, _ string, want expectation, b adapters.Batch, err error) {
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
	distinct := map[[4]string]bool{}
	for i, w := range want.ExpectedExposures {
		g := got[i]
		distinct[[4]string{g.ExperimentID, g.Variant, g.UserID, g.AnonymousID}] = true
		user, anonymous := w.ids()
		if g.ExperimentID != w.ExperimentID || g.SourceExperiment != w.ExperimentID || g.Variant != w.Variant ||
			g.SourceVariant != strconv.Itoa(w.Variation) || g.UserID != user || g.AnonymousID != anonymous || int64(g.At) != w.At {
			t.Errorf("exposure %d is %s\nwant %+v", i, g.AppendJSON(nil), w)
		}
		var attributes struct {
			PrereqOf      string `json:"prereq_of"`
			SamplingRatio int    `json:"sampling_ratio"`
		}
		if g.Attributes != nil {
			if err := json.Unmarshal(g.Attributes, &attributes); err != nil {
				t.Fatal(err)
			}
		}
		if attributes.PrereqOf != w.PrereqOf || attributes.SamplingRatio != w.SamplingRatio {
			t.Errorf("exposure %d has attributes %s, want %+v", i, g.Attributes, w)
		}
	}
	if len(distinct) != *want.Distinct {
		t.Errorf("%d distinct exposures, want %d", len(distinct), *want.Distinct)
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
		user, anonymous := w.ids()
		if g.ConversionEvent != w.ConversionEvent || g.UserID != user || g.AnonymousID != anonymous || int64(g.At) != w.At ||
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
	counts := map[string]int{"debug": want.Debug, "summary": want.Summary, "not_in_experiment": len(want.NotExposures)}
	for _, goal := range want.GoalEvents {
		counts[goal.Kind]++
	}
	for reason, n := range counts {
		if b.Ignored[reason] != n {
			t.Errorf("ignored %d as %s, want %d", b.Ignored[reason], reason, n)
		}
	}
}

// TestRetryHasTheSameIDs takes a payload and its second attempt after a 503: nothing new may come of the latter.
func TestRetryHasTheSameIDs(t *testing.T) {
	byName := map[string]adapters.Batch{}
	for _, g := range adaptertest.Goldens(t, "testdata") {
		if strings.Contains(g.Name, "-retry-") {
			b, err := g.Decode(launchdarkly.Adapter)
			if err != nil || len(b.Events) == 0 {
				t.Fatalf("%s: %d events, %v", g.Name, len(b.Events), err)
			}
			byName[g.Name] = b
		}
	}
	for _, sdk := range []string{"go", "node"} {
		adaptertest.SameAgain(t, byName[sdk+"-retry-503-1"], byName[sdk+"-retry-503-2"])
	}
	next := byName["go-retry-503-3"].Events[0]
	for _, e := range byName["go-retry-503-1"].Events {
		if e.ID == next.ID {
			t.Errorf("the next payload reuses id %s", e.ID)
		}
	}
}
