package launchdarkly_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
)

// TestAudit: of what webhooks say of experiments only what is certain is more than a remark.
func TestAudit(t *testing.T) {
	const date = 1795339273031
	entry := func(action, resource, more string) string {
		return fmt.Sprintf(`{"_id":"a1","_accountId":"b","date":%d,"accesses":[{"action":"viewProject","resource":"proj/shop"},{"action":%q,"resource":%q}],"kind":"x","name":"N","titleVerb":"turned off the flag","title":"Ada Berg did it"%s}`,
			date, action, resource, more)
	}
	const flag, experiment = "proj/shop:env/production:flag/f;tag", "proj/shop:env/production:experiment/k"
	iteration := func(status, field string, at int64) string {
		return fmt.Sprintf(`,"currentVersion":{"currentIteration":{"status":%q,%q:%d,"flags":{"f":{}}}}`, status, field, at)
	}
	ends := map[string]any{"off_ends_early": true}
	for _, c := range []struct {
		name    string
		options map[string]any
		body    string
		kind    canonical.LifeKind
		about   string
	}{
		{"a flag is turned off", nil, entry("updateOn", flag, ""), canonical.Remarked, "f"},
		{"and that ends its experiment", ends, entry("updateOn", flag, ""), canonical.Broken, "f"},
		{"a flag is turned on", ends, strings.Replace(entry("updateOn", flag, ""), "turned off", "turned on", 1), canonical.Remarked, "f"},
		{"a flag's rules", ends, entry("updateRules", flag, ""), canonical.Remarked, "f"},
		{"a flag's name", nil, entry("updateName", flag, ""), "", ""},
		{"something else", nil, entry("updateMember", "member/m", ""), "", ""},
		{"an experiment without a state", nil, entry("updateExperiment", experiment, ""), canonical.Remarked, "k"},
		{"an experiment in the archive", nil, entry("updateExperimentArchived", experiment, `,"currentVersion":{}`), canonical.Remarked, "k"},
		{"started", nil, entry("updateExperiment", experiment, iteration("running", "startedAt", date-500)), canonical.Started, "f"},
		{"stopped", nil, entry("updateExperiment", experiment, iteration("stopped", "endedAt", date)), canonical.Stopped, "f"},
		{"edited long after its stop", nil, entry("updateExperiment", experiment, iteration("stopped", "endedAt", date-3600_000)), canonical.Remarked, "f"},
		{"edited while it runs", nil, entry("updateExperiment", experiment, iteration("running", "startedAt", date-3600_000)), canonical.Remarked, "f"},
		{"not started", nil, entry("updateExperiment", experiment, iteration("not_started", "startedAt", date)), canonical.Remarked, "f"},
		{"another environment", map[string]any{"environments": []any{"test"}}, entry("updateOn", flag, ""), "", ""},
		{"this environment", map[string]any{"environments": []any{"production"}}, entry("updateOn", flag, ""), canonical.Remarked, "f"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := decode(t, c.options, post("", c.body))
			switch {
			case len(b.Events) > 0 || len(b.Rejected) > 0:
				t.Errorf("%+v", b)
			case c.kind == "" && (len(b.Lives) > 0 || len(b.Ignored) != 1):
				t.Errorf("%+v", b)
			case c.kind != "" && (len(b.Lives) != 1 || b.Lives[0].Kind != c.kind || b.Lives[0].ExperimentID != c.about || b.Lives[0].ID != "a1"):
				t.Errorf("%+v", b)
			}
		})
	}
	for name, body := range map[string]string{
		"a date as text": strings.Replace(entry("updateOn", flag, ""), "1795339273031", `"soon"`, 1),
		"no id":          strings.Replace(entry("updateOn", flag, ""), `"a1"`, `""`, 1),
		"accesses":       `{"_accountId":"b","accesses":7}`,
	} {
		if b := decode(t, nil, post("", body)); len(b.Rejected) != 1 || len(b.Lives) != 0 {
			t.Errorf("%s: %+v", name, b)
		}
	}
	long := decode(t, nil, post("", entry("updateOn", flag, `,"comment":"`+strings.Repeat("ä", 2000)+`"`)))
	if len(long.Lives) != 1 {
		t.Errorf("a long comment: %+v", long)
	}
}
