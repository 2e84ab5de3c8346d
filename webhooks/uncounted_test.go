package webhooks_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
)

// TestUncounted: what is no event is recorded with the events of its request, with its reasons and without ids of persons.
func TestUncounted(t *testing.T) {
	r := newRig(t)
	r.send("POST", "/webhooks/toy", "good 1\nbad\nskip summary\nbad\nskip other_reason: fallthrough\nskip summary")
	r.send("POST", "/webhooks/toy", "skip summary") // nothing else
	r.send("POST", "/webhooks/toy", "good 2")
	r.post("[" + strings.Replace(exposure, `"variant":"b",`, "", 1) + "," +
		strings.Replace(exposure, `"u-12"`, `"undefined"`, 1) + "," +
		strings.Replace(exposure, "2026-11-20T10:00:00Z", "20/11/2026 u", 1) + "," +
		strings.Replace(exposure, "2026-11-20T10:00:00Z", "anna@example.com", 1) + "," +
		strings.Replace(exposure, "experiment_exposed", "exposed", 1) + "," +
		strings.Replace(exposure, "u-12", strings.Repeat("secret", 50), 1) + "," +
		strings.Replace(exposure, "2026-11-20T10:00:00Z", "2036-11-20T10:00:00Z", 1) + "]")
	if len(r.uncounted) != 3 || r.calls != 4 {
		t.Fatalf("%d records of %d calls: %+v", len(r.uncounted), r.calls, r.uncounted)
	}
	want := []string{
		`{"source":"toy","received_at":"2026-11-20T12:00:00Z","rejected":2,"ignored":3,"reasons":[{"outcome":"ignored","reason":"summary","items":2},` +
			`{"outcome":"ignored","reason":"other_reason: fallthrough","items":1},{"outcome":"rejected","field":"toy","reason":"is bad","items":2,"example":{"index":1,"detail":"is bad"}}]}`,
		`{"source":"toy","received_at":"2026-11-20T12:00:00Z","rejected":0,"ignored":1,"reasons":[{"outcome":"ignored","reason":"summary","items":1}]}`,
	}
	for i, w := range want {
		if got, _ := json.Marshal(r.uncounted[i]); string(got) != w {
			t.Errorf("%s\nwant %s", got, w)
		}
	}
	text, _ := json.Marshal(r.uncounted[2])
	for _, part := range []string{`"rejected":7`, `{"index":0,"detail":"is required"}`, `{"index":1,"detail":"\"undefined\" stands for no user`, `is more than 24 h after its receipt at …`} {
		if !strings.Contains(string(text), part) {
			t.Errorf("%q is not in %s", part, text)
		}
	}
	for _, part := range []string{"anna@", "secret", "u-12", "e-1"} {
		if strings.Contains(string(text), part) {
			t.Errorf("%q is in %s", part, text)
		}
	}
	if n := r.metric(t, "ignored_total", "source", "toy", "reason", "other_reason"); n != 1 {
		t.Errorf("%v counted under the reason without its word", n)
	}
}

// TestUncountedIsBounded: however many reasons a request has, its record has a few, which add up.
func TestUncountedIsBounded(t *testing.T) {
	r := newRig(t)
	var body strings.Builder
	for i := range 300 {
		fmt.Fprintf(&body, "skip word: %d\nbad\n", i)
	}
	r.send("POST", "/webhooks/toy", body.String())
	var sum int64
	for _, u := range r.uncounted[0].Reasons {
		sum += u.Items
	}
	if len(r.uncounted[0].Reasons) > 2*canonical.MaxReasons+2 || sum != 600 || r.uncounted[0].Items+r.uncounted[0].Ignored != 600 {
		t.Errorf("%d reasons for %d items: %+v", len(r.uncounted[0].Reasons), sum, r.uncounted[0])
	}
}
