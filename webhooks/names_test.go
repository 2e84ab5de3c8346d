package webhooks_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/tracklayer/tracklayer/webhooks"
)

// reasonOf posts one event and returns why it was ignored, "" if it was taken.
func (r *rig) reasonOf(t *testing.T, path, event string) string {
	t.Helper()
	w := r.send("POST", path, event, "Content-Type", "application/json")
	var a struct {
		Accepted int
		Results  []struct{ Status, Reason string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != http.StatusAccepted || len(a.Results) != 1 {
		t.Fatalf("%s: %d %s", event, w.Code, w.Body)
	}
	if (a.Results[0].Status == "accepted") != (a.Accepted == 1) {
		t.Errorf("%s", w.Body)
	}
	return a.Results[0].Reason
}

func exposureTo(experiment, variant string) string {
	return fmt.Sprintf(`{"event_name":"experiment_exposed","experiment_id":%q,"variant":%q,"user_id":"u-1","exposed_at":"2026-11-20T10:00:00Z"}`, experiment, variant)
}

func conversionOf(name string) string {
	return fmt.Sprintf(`{"event_name":"experiment_converted","conversion_event":%q,"user_id":"u-1","converted_at":"2026-11-20T10:00:00Z"}`, name)
}

// TestNewNamesAreLimited: what a source makes up beyond the limits is ignored with the reason, each time it is sent; what
// is declared and what the source has named before is taken.
func TestNewNamesAreLimited(t *testing.T) {
	known := &registrar{}
	var logged bytes.Buffer
	r := newRig(t, func(o *webhooks.Options) {
		o.Experiments, o.Names = known, webhooks.Names{Experiments: 3, Variants: 2, ConversionNames: 2}
		o.Sources["toy"] = toy
		o.Log = slog.New(slog.NewTextHandler(&logged, nil))
	})
	for _, c := range []struct{ path, event, reason string }{
		{"/v1/events", exposureTo("new-1", "a"), ""},
		{"/v1/events", exposureTo("new-2", "a"), ""},
		{"/v1/events", exposureTo("new-3", "a"), "too_many_experiments"}, // "old" is the first of three
		{"/v1/events", exposureTo("new-3", "a"), "too_many_experiments"},
		{"/v1/events", exposureTo("old", "a"), ""},
		{"/v1/events", exposureTo("new-1", "a"), ""},
		{"/v1/events", exposureTo("checkout", "control"), ""},
		{"/v1/events?source=toy", exposureTo("new-3", "a"), ""}, // another source has a limit of its own

		{"/v1/events", exposureTo("new-1", "b"), ""},
		{"/v1/events", exposureTo("new-1", "c"), "too_many_variants"},
		{"/v1/events", exposureTo("new-2", "c"), ""},
		{"/v1/events", exposureTo("checkout", "x"), ""},
		{"/v1/events", exposureTo("checkout", "y"), ""},
		{"/v1/events", exposureTo("checkout", "z"), "too_many_variants"},
		{"/v1/events", exposureTo("checkout", "control"), ""},
		{"/v1/events", exposureTo("checkout", "x"), ""},

		{"/v1/events", conversionOf("name-1"), ""},
		{"/v1/events", conversionOf("name-2"), ""},
		{"/v1/events", conversionOf("name-3"), "too_many_conversion_names"},
		{"/v1/events", conversionOf("purchase"), ""},
		{"/v1/events", conversionOf("name-1"), ""},
	} {
		if got := r.reasonOf(t, c.path, c.event); got != c.reason {
			t.Errorf("%s %s: %q, want %q", c.path, c.event, got, c.reason)
		}
	}
	if n := strings.Count(logged.String(), "level=WARN"); n != 1 || !strings.Contains(logged.String(), "setting=limits.experiments limit=3") {
		t.Errorf("logged within a minute:\n%s", logged.String())
	}
	if got := fmt.Sprint(r.door.Crowded()); got != "[api]" {
		t.Errorf("sources with too many names: %s", got)
	}
	known.declared = "new-3"
	if got := r.reasonOf(t, "/v1/events", exposureTo("new-3", "a")); got != "" {
		t.Errorf("after it was declared: %q", got)
	}
	if got := r.reasonOf(t, "/v1/events", strings.Replace(exposureTo("new-1", "a"), `"user_id"`, `"experiment_kind":"holdout","held_out_of":"new-4","user_id"`, 1)); got != "too_many_experiments" {
		t.Errorf("held out of one too many: %q", got)
	}
}

// TestNewNamesBesideEachOther: however many requests bring new names at once, exactly as many are taken as fit.
func TestNewNamesBesideEachOther(t *testing.T) {
	const limit, senders, each = 500, 8, 200
	r := newRig(t, func(o *webhooks.Options) { o.Names = webhooks.Names{Experiments: limit} })
	var all sync.WaitGroup
	for s := range senders {
		all.Go(func() {
			for i := range each {
				r.post(exposureTo(fmt.Sprintf("x-%d", (i*7+s*50)%(senders*each)), "a"))
			}
		})
	}
	all.Wait()
	taken := map[string]bool{}
	for i := range r.events {
		taken[r.events[i].ExperimentID] = true
	}
	if len(taken) != limit {
		t.Errorf("%d experiments were taken, want %d", len(taken), limit)
	}
}
