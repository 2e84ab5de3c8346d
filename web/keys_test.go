package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/web"
)

// Every change says with which key it was made, beside what its caller calls itself. SHA-256 of "w" begins with 50e721e4.
func TestChangesCarryTheFingerprint(t *testing.T) {
	const key, mark = "w", `"key":"50e721e4"`
	d := &desk{}
	w := open(t, func(o *web.Options) {
		o.WriteKey, o.Eraser = func(k string) bool { return k == key }, d
	})
	d.world = w
	w.send(exposed("checkout", "u1", "control"), exposed("x", "u1", "a"))
	with := []string{"Authorization", "Bearer " + key, "Tracklayer-Key-Fingerprint", "forged00"}
	for _, one := range []struct{ method, target, body string }{
		{"POST", "/v1/experiments", headline},
		{"POST", "/v1/experiments/checkout/readouts", `{"by":"ceo"}`},
		{"POST", "/v1/experiments/checkout/stop", `{"by":"ceo"}`},
		{"POST", "/v1/experiments/checkout/decisions", `{"by":"ceo","why":"x","variant":null}`},
		{"POST", "/v1/experiments/x/archive", `{"by":"ceo"}`},
		{"DELETE", "/v1/units/user/u1?by=ceo", ""},
	} {
		a := w.do(one.method, one.target, one.body, with...)
		if a.Code >= 300 || !strings.Contains(a.Body.String(), mark) || strings.Contains(a.Body.String(), "forged00") {
			t.Errorf("%s %s: %d %s", one.method, one.target, a.Code, a.Body)
		}
	}
	if a := w.do("PUT", "/v1/filters", `{"bots":true}`, append(with, "If-Match", `"0"`)...); a.Code != http.StatusOK || !strings.Contains(a.Body.String(), mark) {
		t.Errorf("filters: %d %s", a.Code, a.Body)
	}
	if n := strings.Count(w.get("/v1/experiments/checkout/revisions").must(t, http.StatusOK).Body.String(), mark); n != 4 { // three revisions, a decision
		t.Errorf("%d keys in the revisions", n)
	}
}

// A wrong key is reported, and editing that is off says what to set whatever key comes.
func TestEditingThatIsOff(t *testing.T) {
	var kinds []string
	w := open(t, func(o *web.Options) {
		o.EditingOff, o.WriteKey = "Set keys.admin.", func(string) bool { return true }
		o.ReadKey = func(k string) bool { return k == "r" }
		o.Refused = func(_ *http.Request, kind string) { kinds = append(kinds, kind) }
	})
	for _, header := range [][]string{nil, {"Authorization", "Bearer any"}} {
		if a := w.do("POST", "/v1/experiments", headline, header...).must(t, http.StatusForbidden); a.json["detail"] != "Set keys.admin." {
			t.Errorf("%s", a.Body)
		}
	}
	w.do("GET", "/v1/ledger", "", "Authorization", "Bearer wrong").must(t, http.StatusForbidden)
	w.do("GET", "/v1/ledger", "").must(t, http.StatusUnauthorized)
	if len(kinds) != 1 || kinds[0] != "key" {
		t.Errorf("reported %v", kinds)
	}
}
