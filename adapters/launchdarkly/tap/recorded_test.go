package tap_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/launchdarkly/go-sdk-common/v3/ldcontext"
	"github.com/launchdarkly/go-sdk-common/v3/ldreason"
	"github.com/launchdarkly/go-sdk-common/v3/ldvalue"
	"github.com/launchdarkly/go-server-sdk/v7/ldhooks"

	"github.com/tracklayer/tracklayer/adapters/launchdarkly/tap"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
)

// recorded is what a hook saw while the SDK produced events, and which of these were exposures.
type recorded struct {
	Wire []struct {
		Experiment string            `json:"experiment_id"`
		Index      int               `json:"variation_index"`
		User       string            `json:"user_id"`
		Anonymous  string            `json:"anonymous_id"`
		Others     map[string]string `json:"other_context_keys"`
	}
	Observations []struct {
		Stage   string
		Context ldcontext.Context
		Flag    string `json:"flagKey"`
		Method  string
		Reason  ldreason.EvaluationReason
		Value   ldvalue.Value
		Index   *int `json:"variationIndex"`
		Key     string
		Metric  *float64 `json:"metricValue"`
		Data    ldvalue.Value
	}
}

// TestRecordedHooks replays what a hook saw beside the SDK's own events: the tap's exposures are those of the wire, each
// once, and every call of Track is a conversion.
func TestRecordedHooks(t *testing.T) {
	files, err := filepath.Glob("testdata/hooks-*.json")
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var r recorded
			if err := json.Unmarshal(text, &r); err != nil {
				t.Fatal(err)
			}
			compareWithWire(t, &r)
		})
	}
}

func compareWithWire(t *testing.T, r *recorded) {
	d := newReceiver(t)
	one, err := tap.New(tracklayer.Options{URL: d.URL, Source: "launchdarkly", FlushInterval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	tracked := 0
	for _, o := range r.Observations {
		if o.Stage == "AfterTrack" {
			tracked++
			err = one.AfterTrack(t.Context(), ldhooks.NewTrackSeriesContext(o.Context, o.Key, o.Metric, o.Data, ldvalue.OptionalString{}))
		} else {
			index := ldvalue.OptionalInt{}
			if o.Index != nil {
				index = ldvalue.NewOptionalInt(*o.Index)
			}
			_, err = one.AfterEvaluation(t.Context(), ldhooks.NewEvaluationSeriesContext(o.Flag, o.Context, ldvalue.Null(), o.Method, ldvalue.OptionalString{}),
				ldhooks.EmptyEvaluationSeriesData(), ldreason.EvaluationDetail{Value: o.Value, VariationIndex: index, Reason: o.Reason})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := one.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, w := range r.Wire {
		who := w.User + w.Anonymous
		if who == "" {
			for kind, key := range w.Others {
				who = kind + ":" + key
			}
		}
		want[fmt.Sprint(w.Experiment, " ", w.Index, " ", who)] = true
	}
	got, exposures, conversions := map[string]bool{}, 0, 0
	for _, e := range d.Events() {
		switch e["event_name"] {
		case "experiment_exposed":
			exposures++
			who, _ := e["user_id"].(string)
			anonymous, _ := e["anonymous_id"].(string)
			got[fmt.Sprint(e["experiment_id"], " ", e["source_variant"], " ", who, anonymous)] = true
		case "experiment_converted":
			conversions++
		}
	}
	if !maps.Equal(got, want) || exposures != len(want) || conversions != tracked {
		t.Errorf("%d exposures, %d conversions of %d\n%s\n, the wire says\n%s", exposures, conversions, tracked, lines(got), lines(want))
	}
	for _, private := range []string{"secret@example.com", "Oslo", "Sandy"} {
		if strings.Contains(d.Text(), private) {
			t.Errorf("%q was sent", private)
		}
	}
}

func lines(set map[string]bool) string { return strings.Join(slices.Sorted(maps.Keys(set)), "\n") }
