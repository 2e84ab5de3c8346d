package readout_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/readout"
)

// growing has so many users a day in each arm, of whom these shares of a hundred buy, looked at after some days.
func growing(definition string, days, users int, percent map[string]int) *world {
	w := &world{}
	w.define(definition)
	for d := range days {
		for _, key := range []string{"control", "b", "c"} {
			if p, there := percent[key]; there {
				w.daily(key, d, users, users*p/100, 0)
			}
		}
	}
	w.at(canonical.Time(days)*day + day/2)
	return w
}

func planned(units, days int, more string) string {
	return declared(daysWindow + fmt.Sprintf(`"decision":{"min_units_per_variant":%d,"min_days":%d,"max_expected_loss":0.01},`, units, days) + more)
}

func names(d readout.Decision) string {
	var all []string
	for _, b := range d.Blockers {
		all = append(all, b.Blocker)
	}
	return strings.Join(all, " ")
}

func TestHeadlines(t *testing.T) {
	alike, better, worse := map[string]int{"control": 20, "b": 20}, map[string]int{"control": 20, "b": 40}, map[string]int{"control": 40, "b": 20}
	slightly := map[string]int{"control": 20, "b": 25}
	down := func(definition string) string {
		return strings.Replace(definition, `"event":"purchase"`, `"event":"purchase","direction":"decrease"`, 1)
	}
	for _, c := range []struct {
		name   string
		build  *world
		status readout.DecisionStatus
		left   string
		words  string
	}{
		{"nobody matured", growing(planned(1000, 14, ""), 2, 50, alike), readout.Collecting, "min_units_per_variant min_days min_conversions threshold", "Still running: day 2 of 14, 0 of 1,000 matured users in the smallest variant. The first windows (48h) close by Nov 23."},
		{"before the end", growing(planned(1000, 14, ""), 6, 50, slightly), readout.Collecting, "min_units_per_variant min_days threshold max_expected_loss stability", "Still running: day 6 of 14, 200 of 1,000 matured users in the smallest variant. b is ahead, +20.0% (always-valid -38.6% to +148.8%). Earliest decision Dec 12."},
		{"an early win", growing(planned(1000, 14, ""), 8, 100, better), readout.EligibleForReview, "", "b increased purchase from 20.0% to 40.0%: +100.0% (95% interval "},
		{"an early harm", growing(planned(1000, 14, ""), 8, 100, worse), readout.Collecting, "threshold max_expected_loss stability", "b decreased purchase from 40.0% to 20.0%: -50.0% (95% interval "},
		{"a win where lower is better", growing(down(planned(1000, 14, "")), 8, 100, worse), readout.EligibleForReview, "", "b decreased purchase from 40.0% to 20.0%"},
		{"the planned end", growing(planned(400, 7, ""), 14, 100, slightly), readout.EligibleForReview, "", "b increased purchase from 20.0% to 25.0%"},
		{"the planned end without an effect", growing(planned(400, 7, ""), 14, 100, alike), readout.Collecting, "threshold max_expected_loss stability", "No clear effect: purchase is 20.0% in b and 20.0% in control: +0% ("},
	} {
		d := c.build.readout(t).Decision
		if d.Status != c.status || names(d) != c.left || !strings.Contains(d.Headline, c.words) {
			t.Errorf("%s: %s, %s\n%s\nwant %s, %s\n%s", c.name, d.Status, names(d), d.Headline, c.status, c.left, c.words)
		}
	}
}

// TestWhatIsExpected: a day is named where the pace tells it, and none where nobody comes or the run has ended.
func TestWhatIsExpected(t *testing.T) {
	half := map[string]int{"control": 20, "b": 20}
	w := growing(planned(1000, 14, ""), 6, 50, half)
	d := w.readout(t).Decision
	// Three hundred came in six days; seven hundred more take fourteen days, and the last of them mature in three.
	if got := d.Blockers[0].Expected; got == nil || *got != "2026-12-12" {
		t.Errorf("min_units_per_variant: %v", dayOr(got))
	}
	if got := d.Blockers[1].Expected; got == nil || *got != "2026-12-04" {
		t.Errorf("min_days: %v", dayOr(got))
	}
	if d.HorizonReached || d.ShowFirst != "sequential_interval" {
		t.Errorf("%v %s", d.HorizonReached, d.ShowFirst)
	}
	w.at(30 * day)
	d = w.readout(t).Decision
	if b := d.Blockers[0]; b.Blocker != "min_units_per_variant" || b.Expected != nil {
		t.Errorf("nobody has come for weeks: %+v", b)
	}
}

func dayOr(p *string) string {
	if p == nil {
		return "nobody can tell"
	}
	return *p
}

// TestGuardrailsAndOthersHarm: neither a guardrail's harm nor a treatment's that nobody would choose opens a decision
// before its time.
func TestGuardrailsAndOthersHarm(t *testing.T) {
	guarded := strings.Replace(planned(400, 7, ""), `"event":"purchase"}]`, `"event":"purchase"},{"id":"complaints","role":"guardrail","type":"proportion","event":"complaint","direction":"decrease"}]`, 1)
	w := growing(guarded, 14, 100, map[string]int{"control": 20, "b": 30})
	for d := range 14 {
		for i := range 40 {
			w.convert(fmt.Sprintf("b-%d-%d", d, i), "complaint", canonical.Time(d)*day+5000)
		}
		w.convert(fmt.Sprintf("control-%d-0", d), "complaint", canonical.Time(d)*day+5000)
	}
	d := w.readout(t).Decision
	if d.Status != readout.Collecting || names(d) != "guardrail" || !strings.HasPrefix(d.Headline, "A guardrail is harmed") {
		t.Errorf("%s: %s %s", d.Status, names(d), d.Headline)
	}
	three := `{"id":"x","variants":[{"key":"control"},{"key":"b"},{"key":"c"}],"window":"48h","decision":{"min_units_per_variant":5000,"min_days":28,"max_expected_loss":1},
 "metrics":[{"id":"purchase","type":"proportion","event":"purchase"}],` + runs + `}`
	d = growing(three, 10, 100, map[string]int{"control": 40, "b": 45, "c": 20}).readout(t).Decision
	if *d.LeadingVariant != "b" || d.EarlyStop != readout.Harm || !strings.HasPrefix(names(d), "min_units_per_variant min_days") || !strings.HasPrefix(d.Headline, "c decreased purchase") {
		t.Errorf("%s leads, %q: %s\n%s", *d.LeadingVariant, d.EarlyStop, names(d), d.Headline)
	}
}
