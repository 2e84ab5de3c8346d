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

	statsig "github.com/statsig-io/go-sdk"

	"github.com/tracklayer/tracklayer/adapters/statsig/tap"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
	"github.com/tracklayer/tracklayer/sdk/go/sdktest"
)

// recorded is what the callbacks saw while the SDK produced events, and which of these were exposures.
type recorded struct {
	Wire []struct {
		Experiment string `json:"experiment_id"`
		Variant    string
		User       string `json:"user_id"`
		Anonymous  string `json:"anonymous_id"`
	}
	Observations []struct {
		Callback, Name, Param string
		Exposure              *statsig.ExposureEvent
		Result                json.RawMessage
	}
}

// unheard are exposures on the wire that no callback tells of, by file: an experiment that was read as a config, which
// looks like any other config, and exposures that were logged by hand.
var unheard = map[string][]string{
	"hooks-go-kinds.json":  {"checkout_button_color Control user-2003 st-user-2003"},
	"hooks-go-manual.json": {"checkout_button_color Green Button user-5001 st-user-5001", "checkout_layout_experiment Two Step user-5001 st-user-5001"},
}

// TestRecordedCallbacks replays what the callbacks saw beside the SDK's own events: the tap's exposures are those of the
// wire.
func TestRecordedCallbacks(t *testing.T) {
	files, err := filepath.Glob("testdata/hooks-*.json")
	if err != nil || len(files) != 4 {
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
			want := map[string]bool{}
			for _, w := range r.Wire {
				want[fmt.Sprint(w.Experiment, " ", w.Variant, " ", w.User, " ", w.Anonymous)] = true
			}
			for _, one := range unheard[filepath.Base(file)] {
				if !want[one] {
					t.Errorf("%q is not on the wire", one)
				}
				delete(want, one)
			}
			if got := replayed(t, &r); !maps.Equal(got, want) {
				t.Errorf("sent\n%s\n, the wire says\n%s", lines(got), lines(want))
			}
		})
	}
}

// replayed is what the tap sends of what its callbacks are told.
func replayed(t *testing.T, r *recorded) map[string]bool {
	gw := sdktest.New()
	defer gw.Close()
	tapped, err := tap.New(tracklayer.Options{URL: gw.URL, FlushInterval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	callbacks := tapped.Options(nil).EvaluationCallbacks
	for _, o := range r.Observations {
		var result struct {
			GroupName string                 `json:"groupName"`
			RuleID    string                 `json:"ruleID"`
			Value     map[string]interface{} `json:"value"`
		}
		if o.Callback != "experiment" && o.Callback != "layer" { // the tap listens to no others
			continue
		}
		if err := json.Unmarshal(o.Result, &result); err != nil {
			t.Fatal(err)
		}
		config := statsig.NewConfig(o.Name, result.Value, result.RuleID, result.GroupName, nil)
		if o.Callback == "layer" {
			callbacks.LayerEvaluationCallback(o.Name, o.Param, *config, o.Exposure)
		} else {
			callbacks.ExperimentEvaluationCallback(o.Name, *config, o.Exposure)
		}
	}
	if err := tapped.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	sent := map[string]bool{}
	for _, e := range gw.Events() {
		sent[fmt.Sprint(e["experiment_id"], " ", e["variant"], " ", e["user_id"], " ", e["anonymous_id"])] = true
	}
	for _, private := range []string{"never-sent", "@example.com", "203.0.113.7"} {
		if strings.Contains(gw.Text(), private) {
			t.Errorf("%q was sent", private)
		}
	}
	return sent
}

func lines(set map[string]bool) string { return strings.Join(slices.Sorted(maps.Keys(set)), "\n") }
