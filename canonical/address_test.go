package canonical_test

import (
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
)

func TestIDsThatNoAddressCanName(t *testing.T) {
	for id, fine := range map[string]bool{".": false, "..": false, "...": true, ".a": true, "a.": true} {
		e := canonical.Event{Kind: canonical.Exposed, ID: "e", Source: "api", SchemaVersion: canonical.SchemaVersion, ExperimentID: id, Variant: ".", UserID: "u-1", At: canonical.MinTime, ReceivedAt: canonical.MinTime}
		if err := e.Validate(canonical.DefaultRules()); (err == nil) != fine || err != nil && !strings.Contains(err.Error(), "experiment_id: must not be . or ..") {
			t.Errorf("event of %q: %v", id, err)
		}
		l := canonical.Life{ID: "1", Kind: canonical.Stopped, At: canonical.MinTime, ReceivedAt: canonical.MinTime, ExperimentID: id, Text: "x"}
		if err := l.Validate(); (err == nil) != fine {
			t.Errorf("report of %q: %v", id, err)
		}
	}
}
