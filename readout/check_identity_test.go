package readout_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/readout"
)

func check(t *testing.T, r *readout.Readout, name string) readout.Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Check == name {
			return c
		}
	}
	t.Fatalf("no check %q", name)
	return readout.Check{}
}

func TestDoubtsAreTold(t *testing.T) {
	w := &world{}
	for i := range 40 {
		u := fmt.Sprint("u", i)
		at := canonical.Time(0)
		received := start
		if i < 20 {
			w.add(canonical.Event{Kind: canonical.Linked, UserID: u, AnonymousID: "tablet-" + u, At: start + 1})
			w.add(canonical.Event{Kind: canonical.Linked, UserID: "second-" + u, AnonymousID: "tablet-" + u, At: start + 2})
			received += 8 * day
		}
		own := []string{"1001", "1002"}[i%2]
		w.add(canonical.Event{Kind: canonical.Exposed, ExperimentID: "x", Variant: "control", UserID: u, At: start + at, ReceivedAt: received, SourceExperiment: own})
	}
	r := w.readout(t)
	for name, words := range map[string]string{
		"shared_ids":          "20 of 40 users",
		"event_times":         "Of 40 exposures, 20 were received more than 7 days after",
		"experiment_identity": "api has 2 experiments of its own under this name (1001, 1002)",
	} {
		if c := check(t, r, name); c.Status != readout.Warning || !strings.Contains(c.Detail, words) {
			t.Errorf("%s: %s %q", name, c.Status, c.Detail)
		}
	}
	w.define(`{"id":"x","variants":[{"key":"control"},{"key":"b"}],"control":"control","revision":1,"aliases":{"api":["1001","1002"]},
 "metrics":[],"runs":[{"run":1,"status":"running","started_at":null,"ended_at":null}]}`)
	if c := check(t, w.readout(t), "experiment_identity"); c.Status != readout.OK {
		t.Errorf("both ids are declared: %s %q", c.Status, c.Detail)
	}
}
