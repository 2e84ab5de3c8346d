package registry_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

const day = canonical.Time(86_400_000)

// told applies a report, which must be readable.
func told(t *testing.T, r registry.Registry, l canonical.Life) registry.Registry {
	t.Helper()
	if l.Source == "" {
		l.Source = "growthbook"
	}
	if l.Text == "" {
		l.Text = "said so"
	}
	l.ReceivedAt = l.At + 1
	next, _, err := r.Apply(l.AppendJSON(nil), 99)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func applied(t *testing.T, r registry.Registry, text string, seq uint64) registry.Registry {
	t.Helper()
	next, _, err := r.Apply([]byte(text), seq)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func TestReportsAreFollowedWhereTheyAreCertain(t *testing.T) {
	at := canonical.MinTime + 100*day
	running := strings.TrimSuffix(good, "}") + `,"revision":1,"runs":[{"run":1,"status":"running","started_at":null,"ended_at":null}]}`
	r := applied(t, registry.Registry{}, running, 7)
	const id, alias = "checkout_headline_test", "checkout-headline"

	r = told(t, r, canonical.Life{ID: "1", Source: "launchdarkly", Kind: canonical.Stopped, At: at, ExperimentID: alias, Text: "Ann stopped it.", By: "ann"})
	x, _ := r.Get(id)
	if x.Runs[0].Status != registry.Stopped || x.Runs[0].EndedAt != at || x.Revision != 2 || x.Seq != 7 || x.By != "source launchdarkly: ann" {
		t.Errorf("not stopped: %+v", x.Change)
	}
	revision := r.Revision
	r = told(t, r, canonical.Life{ID: "1", Source: "launchdarkly", Kind: canonical.Stopped, At: at, ExperimentID: alias})
	if notes := r.Notes(id); len(notes) != 1 || r.Revision != revision || !notes[0].Acted || notes[0].Text != "Ann stopped it." {
		t.Errorf("told again: %+v", notes)
	}
	r = told(t, r, canonical.Life{ID: "2", Source: "launchdarkly", Kind: canonical.Stopped, At: at + day, ExperimentID: alias})
	r = told(t, r, canonical.Life{ID: "3", Kind: canonical.Remarked, At: at + day, ExperimentID: id})
	r = told(t, r, canonical.Life{ID: "4", Kind: canonical.Started, At: at + 2*day, ExperimentID: id})
	r = told(t, r, canonical.Life{ID: "5", Kind: canonical.Broken, At: at + 3*day, ExperimentID: id, Variant: "nobody knows it"})
	r = told(t, r, canonical.Life{ID: "6", Source: "launchdarkly", Kind: canonical.Broken, At: at + 3*day, ExperimentID: alias, Variant: "1"})
	x, _ = r.Get(id)
	if len(x.Runs) != 2 || x.Runs[1].Status != registry.EndedEarly || fmt.Sprint(x.Runs[1].EndedVariants) != "[variant_b]" {
		t.Errorf("runs %+v", x.Runs)
	}
	var acted []bool
	for _, n := range r.Notes(id) {
		acted = append(acted, n.Acted)
		if !n.Acted && n.Kind != canonical.Remarked && n.Why == "" {
			t.Errorf("no reason: %+v", n)
		}
	}
	if fmt.Sprint(acted) != "[true false false true false true]" {
		t.Errorf("acted %v", acted)
	}
	r = told(t, r, canonical.Life{ID: "7", Kind: canonical.Started, At: at, ExperimentID: "nobody declared it"})
	if n := r.Notes("nobody declared it"); len(n) != 1 || n[0].Acted || n[0].Why == "" {
		t.Errorf("undeclared: %+v", n)
	}
}

// TestAnEditDoesNotUndoAReport: somebody edits the name while a webhook stops the run. The edit was made on the state
// before, and must not bring the run back to life.
func TestAnEditDoesNotUndoAReport(t *testing.T) {
	at := canonical.MinTime + 100*day
	runs := `,"revision":%d,"runs":[{"run":1,"status":"running","started_at":null,"ended_at":null}]}`
	first := strings.TrimSuffix(good, "}") + fmt.Sprintf(runs, 1)
	r := applied(t, registry.Registry{}, first, 7)
	r = told(t, r, canonical.Life{ID: "1", Kind: canonical.Stopped, At: at, ExperimentID: "checkout_headline_test"})
	r = applied(t, r, strings.Replace(strings.TrimSuffix(good, "}")+fmt.Sprintf(runs, 2), "Checkout headline", "Another name", 1), 9)
	x, _ := r.Get("checkout_headline_test")
	if x.Name != "Another name" || x.Runs[0].Status != registry.Stopped || x.Revision != 3 || x.Seq != 9 {
		t.Errorf("%+v", x.Change)
	}
	raw, err := json.Marshal(x.Change)
	if err != nil || !strings.Contains(string(raw), `"revision":3`) {
		t.Errorf("%s %v", raw, err)
	}
}

func TestReportsThatCannotBeRead(t *testing.T) {
	for _, text := range []string{`{"life":{}}`, `{"life":{"id":"x","kind":"won"}}`, `{"life":7}`} {
		if _, _, err := (registry.Registry{}).Apply([]byte(text), 1); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}
