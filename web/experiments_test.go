package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestWhatCannotBeDeclared(t *testing.T) {
	w := open(t)
	w.post(headline).must(t, http.StatusCreated)
	with := func(member string) string { return `{"id":"y","variants":[{"key":"a"},{"key":"b"}],` + member + `}` }
	cases := []struct {
		body     string
		status   int
		pointers string
	}{
		{``, 400, ""},
		{`{`, 400, ""},
		{`{"id":"y"} {}`, 400, ""},
		{"{\"id\":\"\xff\"}", 400, ""},
		{`[]`, 422, ""},
		{`null`, 422, ""},
		{`{}`, 422, "/id /variants /variants /control"},
		{with(`"colour":1,"variants/x":2,"ID":"z"`), 422, "/ID /colour /variants~1x"},
		{with(`"metrics":[{"type":"proportion","event":"e","limit":3},{"type":7,"event":"f"}]`), 422, "/metrics/0/limit /metrics/1/type"},
		{with(`"metrics":[{"id":"r","type":"ratio","numerator":{"event":"e","fields":"value"},"denominator":"d"}]`), 422, "/metrics/0/numerator/fields"},
		{with(`"metrics":[{"type":"median","event":"e"}]`), 422, "/metrics/0/type"},
		{with(`"metrics":[{"type":"sum","event":"e","currency":"EUR","rates":{"JPY":"0.006","USD":{"rate":1},"GBP":[{"rate":"1"}],"CHF":[{"from":"today","rate":1}]}}]`), 422, "/metrics/0/rates/CHF/0/from /metrics/0/rates/GBP/0/rate /metrics/0/rates/JPY /metrics/0/rates/USD"},
		{with(`"metrics":[{"type":"sum","event":"e","currency":"EURO","rates":{"USD":-1}}]`), 422, "/metrics/0/currency /metrics/0/rates/USD"},
		{with(`"metrics":[{"type":"count","event":"e","currency":"EUR"}]`), 422, "/metrics/0/currency"},
		{with(`"metrics":{}`), 422, "/metrics"},
		{with(`"window":168`), 422, "/window"},
		{with(`"window":"a week"`), 422, "/window"},
		{with(`"decision":{"threshold":"0.9","min_days":1.5,"min_units_per_variant":1e400}`), 422, "/decision/min_days /decision/min_units_per_variant /decision/threshold"},
		{with(`"decision":{"threshold":0.3}`), 422, "/decision/threshold"},
		{with(`"crossover":"keep"`), 422, "/crossover"},
		{with(`"control":"c"`), 422, "/control"},
		{with(`"kind":"canary"`), 422, "/kind"},
		{with(`"aliases":{"launchdarkly":["checkout-headline"]}`), 422, "/aliases/launchdarkly/0"},
		{with(`"aliases":{"launchdarkly":"checkout-headline"}`), 422, "/aliases/launchdarkly"},
		{with(`"status":"stopped"`), 422, "/status"},
		{with(`"status":"draft","started_at":"2026-11-20T00:00:00Z"`), 422, "/started_at"},
		{with(`"started_at":"yesterday"`), 422, "/started_at"},
		{with(`"started_at":1795132800`), 422, "/started_at"},
		{with(`"started_at":"2027-01-01T00:00:00Z"`), 422, "/started_at"},
		{with(`"revision":7,"runs":[]`), 422, "/revision /runs"},
		{`{"id":"..","variants":[{"key":"a","weight":-1},{"key":"a"}]}`, 422, "/id /variants/0/weight /variants/1/key"},
		{`{"id":"y","variants":[{"key":"a","weight":"1"},{"key":"b"},null]}`, 422, "/variants/0/weight"},
		{strings.Replace(headline, "Checkout", strings.Repeat("x", 1<<20), 1), 413, ""},
	}
	for _, c := range cases {
		a := w.post(c.body)
		if a.Code != c.status || a.pointers() != c.pointers {
			t.Errorf("%.120s: %d at %q, want %d at %q: %s", c.body, a.Code, a.pointers(), c.status, c.pointers, a.Body)
		}
	}
	w.do(http.MethodPost, "/v1/experiments", headline, "Content-Type", "text/plain").must(t, http.StatusUnsupportedMediaType)
	if got := len(w.get("/v1/experiments").json["experiments"].([]any)); got != 1 {
		t.Errorf("%d experiments, though all but one were refused", got)
	}
}

// TestAHoldout: the kind is stored, returned, and taken back by a patch.
func TestAHoldout(t *testing.T) {
	w := open(t)
	a := w.post(`{"id":"held","kind":"holdout","variants":[{"key":"Held out"},{"key":"original"}]}`).must(t, http.StatusCreated)
	if a.json["kind"] != "holdout" || a.json["control"] != "original" {
		t.Errorf("%s", a.Body)
	}
	a = w.do(http.MethodPatch, "/v1/experiments/held", `{"kind":"experiment"}`, "Content-Type", "application/merge-patch+json", "If-Match", a.Header().Get("ETag")).must(t, http.StatusOK)
	if _, written := a.json["kind"]; written {
		t.Errorf("%s", a.Body)
	}
}

func TestTheLogDecides(t *testing.T) {
	w := open(t)
	w.down = true
	if a := w.post(headline).must(t, http.StatusServiceUnavailable); a.Header().Get("Retry-After") == "" || strings.Contains(a.Body.String(), "durable") {
		t.Errorf("%v %s", a.Header(), a.Body)
	}
	w.down = false
	var wait sync.WaitGroup
	var mu sync.Mutex
	codes := map[int]int{}
	for range 8 {
		wait.Go(func() {
			code := w.post(headline).Code
			mu.Lock()
			codes[code]++
			mu.Unlock()
		})
	}
	wait.Wait()
	if codes[201] != 1 || codes[409] != 7 {
		t.Errorf("answers %v, want one 201", codes)
	}
}

// A definition that is stored is stored, though the core may be late.
func TestALateCore(t *testing.T) {
	w := open(t)
	w.lazy = true
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond) // instead of the five seconds
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/experiments", strings.NewReader(headline))
	a := httptest.NewRecorder()
	if w.echo.ServeHTTP(a, r); a.Code != http.StatusCreated || a.Header().Get("Tracklayer-Stream-Seq") != "1" {
		t.Errorf("%d %v %s", a.Code, a.Header(), a.Body)
	}
}

// TestRatesOfAMetric: a number is a rate for all days, a list has one for each day on, and currencies come in any case.
func TestRatesOfAMetric(t *testing.T) {
	w := open(t)
	a := w.post(`{"id":"y","variants":[{"key":"a"},{"key":"b"}],"metrics":[{"type":"sum","event":"e","currency":"eur","rates":{"usd":0.9,"JPY":[{"from":"2026-02-01","rate":0.007},{"rate":0.006}]}}]}`).must(t, http.StatusCreated)
	m := a.json["metrics"].([]any)[0].(map[string]any)
	if m["currency"] != "EUR" {
		t.Errorf("the currency is %v", m["currency"])
	}
	raw, err := json.Marshal(m["rates"])
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"JPY":[{"rate":0.006},{"from":"2026-02-01","rate":0.007}],"USD":[{"rate":0.9}]}`; string(raw) != want {
		t.Errorf("the rates are %s, want %s", raw, want)
	}
}
