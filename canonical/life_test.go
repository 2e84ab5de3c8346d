package canonical_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
)

func TestLife(t *testing.T) {
	good := canonical.Life{
		ID: "evt-1", Source: "growthbook", ReceivedAt: canonical.MinTime + 5, Kind: canonical.Stopped, At: canonical.MinTime + 4,
		ExperimentID: "checkout", SourceExperiment: "exp_1", Text: "The experiment was stopped: variant b won.", By: "ann",
	}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	var back struct{ Life canonical.Life }
	if err := json.Unmarshal(good.AppendJSON(nil), &back); err != nil || back.Life != good {
		t.Errorf("read back %+v, %v", back.Life, err)
	}
	for field, change := range map[string]func(*canonical.Life){
		"kind":              func(l *canonical.Life) { l.Kind = "won" },
		"id":                func(l *canonical.Life) { l.ID = "" },
		"experiment_id":     func(l *canonical.Life) { l.ExperimentID = "" },
		"source_experiment": func(l *canonical.Life) { l.SourceExperiment = strings.Repeat("x", 201) },
		"variant":           func(l *canonical.Life) { l.Variant = "a\nb" },
		"by":                func(l *canonical.Life) { l.By = "\xff" },
		"text":              func(l *canonical.Life) { l.Text = strings.Repeat("x", 1001) },
		"at":                func(l *canonical.Life) { l.At = l.ReceivedAt.Add(25 * 60 * 60 * 1e9) },
	} {
		l := good
		change(&l)
		fe := (*canonical.FieldError)(nil)
		if err := l.Validate(); !errors.As(err, &fe) || fe.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}
