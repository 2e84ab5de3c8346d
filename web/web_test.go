package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/web"
)

const headline = `{"id":"checkout","name":"Checkout headline","variants":[{"key":"control"},{"key":"b","aliases":{"launchdarkly":["1"]}}],
 "aliases":{"launchdarkly":["checkout-headline"]},"metrics":[{"id":"purchase","type":"proportion","event":"purchase"}]}`

func TestDeclareAndRead(t *testing.T) {
	w := open(t)
	w.send(exposed("checkout", "u1", "control"), exposed("checkout", "u2", "b"), purchased("u2"))
	a := w.post(headline).must(t, http.StatusCreated)
	if a.Header().Get("ETag") != `"1"` || a.Header().Get("Location") != "/v1/experiments/checkout" || a.Header().Get("Tracklayer-Stream-Seq") != "4" {
		t.Errorf("headers %v", a.Header())
	}
	run := a.json["runs"].([]any)[0].(map[string]any)
	if a.json["revision"] != 1.0 || a.json["status"] != "running" || run["run"] != 1.0 || run["status"] != "running" || run["started_at"] != nil {
		t.Errorf("stored %s", a.Body)
	}
	if a.json["crossover"] != "exclude" || a.json["window"] != "168h" || a.json["changed_at"] != "2026-11-21T00:00:00Z" {
		t.Errorf("the defaults are not filled in: %s", a.Body)
	}
	again := w.get("/v1/experiments/checkout").must(t, http.StatusOK)
	if again.Body.String() != a.Body.String() || again.Header().Get("ETag") != `"1"` {
		t.Errorf("read back %s\nwant      %s", again.Body, a.Body)
	}
	r := w.get("/v1/experiments/checkout/readout?min_seq=4").must(t, http.StatusOK)
	if r.json["primary_metric"] != "purchase" || r.json["as_of"].(map[string]any)["stream_seq"] != 4.0 || r.json["status"] != "running" {
		t.Errorf("readout %s", r.Body)
	}
	w.post(headline).must(t, http.StatusConflict)
	list := w.get("/v1/experiments").must(t, http.StatusOK).json["experiments"].([]any)
	if got, _ := json.Marshal(list); string(got) != `[{"changed_at":"2026-11-21T00:00:00Z","exposed_users":2,"id":"checkout","last_exposed_on":"2026-11-20","name":"Checkout headline","revision":1,"run":1,"status":"running"}]` {
		t.Errorf("list %s", got)
	}
}

func TestDraftsAndStarts(t *testing.T) {
	w := open(t)
	draft := strings.Replace(headline, `{"id":"checkout"`, `{"id":"later","status":"draft"`, 1)
	a := w.post(draft).must(t, http.StatusCreated)
	if a.json["status"] != "draft" || len(a.json["runs"].([]any)) != 0 {
		t.Errorf("draft: %s", a.Body)
	}
	r := w.get("/v1/experiments/later/readout").must(t, http.StatusOK)
	if r.json["run"] != nil || r.json["decision"].(map[string]any)["status"] != "draft" {
		t.Errorf("readout of a draft: %s", r.Body)
	}
	w.get("/v1/experiments/later/readout?run=1").must(t, http.StatusNotFound)
	timed := `{"id":"timed","started_at":"2026-11-20T12:00:00+02:00","variants":[{"key":"a"},{"key":"b"}]}`
	a = w.post(timed).must(t, http.StatusCreated)
	if at := a.json["runs"].([]any)[0].(map[string]any)["started_at"]; at != "2026-11-20T10:00:00Z" {
		t.Errorf("started at %v", at)
	}
}

func TestUndeclared(t *testing.T) {
	w := open(t)
	w.send(exposed("seen", "u1", "on"), exposed("seen", "u2", "off"), purchased("u1"))
	a := w.get("/v1/experiments/seen").must(t, http.StatusOK)
	if a.json["status"] != "undeclared" || a.json["control"] != "off" || a.json["revision"] != 0.0 || a.json["changed_at"] != nil {
		t.Errorf("%s", a.Body)
	}
	tag := a.Header().Get("ETag")
	w.send(exposed("seen", "u3", "third"))
	if a = w.get("/v1/experiments/seen", "If-None-Match", tag).must(t, http.StatusOK); len(a.json["variants"].([]any)) != 3 {
		t.Errorf("%s", a.Body)
	}
	adopted := strings.Replace(headline, `"checkout"`, `"seen"`, 1)
	w.post(adopted).must(t, http.StatusCreated)
	w.get("/v1/experiments/never").must(t, http.StatusNotFound)
}

func TestIDsOfEveryKind(t *testing.T) {
	w := open(t)
	for id, path := range map[string]string{
		"a/b é": "a%2Fb%20%C3%A9", "50% off": "50%25%20off", "a%2Fb": "a%252Fb", "x.y..z": "x.y..z", "readout": "readout", "a/readout": "a%2Freadout",
		"ключ": "%D0%BA%D0%BB%D1%8E%D1%87", "a+b": "a+b", "a?b#c": "a%3Fb%23c", "*": "*", ":id": ":id", "<&>": "%3C&%3E",
	} {
		a := w.post(strings.NewReplacer(`"checkout"`, fmt.Sprintf("%q", id), `,"aliases":{"launchdarkly":["checkout-headline"]}`, "",
			"\n \"aliases\":{\"launchdarkly\":[\"checkout-headline\"]},", "").Replace(headline)).must(t, http.StatusCreated)
		for _, base := range []string{"/v1/experiments/" + path, a.Header().Get("Location")} {
			if got := w.get(base).must(t, http.StatusOK).json["id"]; got != id {
				t.Errorf("%s is %v, want %s", base, got, id)
			}
			if got := w.get(base+"/readout").must(t, http.StatusOK).json["experiment_id"]; got != id {
				t.Errorf("%s/readout is of %v, want %s", base, got, id)
			}
		}
	}
}

func TestParameters(t *testing.T) {
	w := open(t)
	w.post(headline).must(t, http.StatusCreated)
	cases := []struct {
		query    string
		status   int
		pointers string
	}{
		{"", 200, ""},
		{"run=1", 200, ""},
		{"run=", 200, ""},
		{"at_seq=1", 200, ""},
		{"min_seq=1&wait=0s", 200, ""},
		{"wait=60s", 200, ""},
		{"run=2", 404, ""},
		{"run=0", 400, "/run"},
		{"run=x&wait=later&min_seq=-1&at_seq=1.5", 400, "/run /min_seq /at_seq /wait"},
		{"wait=61s", 400, "/wait"},
		{"wait=-1s", 400, "/wait"},
		{"at_seq=0", 422, "/at_seq"},
		{"at_seq=2", 422, "/at_seq"},
		{"min_seq=2&wait=1ms", 503, ""},
	}
	for _, c := range cases {
		a := w.get("/v1/experiments/checkout/readout?" + c.query)
		if a.Code != c.status || a.pointers() != c.pointers {
			t.Errorf("%s: %d at %q, want %d at %q: %s", c.query, a.Code, a.pointers(), c.status, c.pointers, a.Body)
		}
		if c.status == 503 && (a.Header().Get("Retry-After") == "" || a.json["applied_seq"] != 1.0 || a.json["min_seq"] != 2.0) {
			t.Errorf("%v %s", a.Header(), a.Body)
		}
	}
	w.get("/v1/experiments/nothing/readout").must(t, http.StatusNotFound)
}

// slow makes former states in its own time.
type slow struct{ view chan *sums.View }

func (s slow) At(ctx context.Context, seq uint64) (*sums.View, error) {
	select {
	case v := <-s.view:
		return v, nil
	case <-ctx.Done():
		return nil, &web.Underway{Applied: seq - 1, Sought: seq}
	}
}

func TestTheStateOfThen(t *testing.T) {
	views := make(chan *sums.View, 1)
	w := open(t, func(o *web.Options) { o.Past = slow{views} })
	w.post(headline).must(t, http.StatusCreated)
	const target = "/v1/experiments/checkout/readout"
	was, then := w.get(target).must(t, http.StatusOK).Body.String(), w.View()
	w.send(exposed("checkout", "u1", "control"))
	a := w.get(target+"?at_seq=1&wait=0s").must(t, http.StatusServiceUnavailable)
	if a.Header().Get("Retry-After") == "" || a.json["applied_seq"] != 0.0 || a.json["at_seq"] != 1.0 || !strings.Contains(fmt.Sprint(a.json["title"]), "Ask again") {
		t.Errorf("%v %s", a.Header(), a.Body)
	}
	views <- then
	a = w.get(target+"?at_seq=1").must(t, http.StatusOK)
	if a.Body.String() != was || a.Header().Get("Tracklayer-Stream-Seq") != "1" {
		t.Errorf("%v %s, it was %s", a.Header(), a.Body, was)
	}
	if a = w.get(target).must(t, http.StatusOK); a.Body.String() == was {
		t.Error("the past is taken for the present")
	}
	w.get(target+"?at_seq=3").must(t, http.StatusUnprocessableEntity)
}

func TestMinSeqWaits(t *testing.T) {
	w := open(t)
	w.post(headline).must(t, http.StatusCreated)
	done := make(chan answer)
	go func() { done <- w.get("/v1/experiments/checkout/readout?min_seq=2") }()
	select {
	case a := <-done:
		t.Fatalf("answered before the event came: %s", a.Body)
	case <-time.After(20 * time.Millisecond):
	}
	w.send(exposed("checkout", "u1", "control"))
	if a := (<-done).must(t, http.StatusOK); a.json["as_of"].(map[string]any)["stream_seq"] != 2.0 {
		t.Errorf("%s", a.Body)
	}
}

func TestUnchangedReadouts(t *testing.T) {
	w := open(t)
	w.post(headline).must(t, http.StatusCreated)
	const path = "/v1/experiments/checkout/readout"
	a := w.get(path).must(t, http.StatusOK)
	tag := a.Header().Get("ETag")
	if tag == "" || a.Header().Get("Cache-Control") != "no-cache" {
		t.Fatalf("headers %v", a.Header())
	}
	for _, header := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		if again := w.get(path, "If-None-Match", header).must(t, http.StatusNotModified); again.Body.Len() > 0 || again.Header().Get("ETag") != tag {
			t.Errorf("%s: %v %s", header, again.Header(), again.Body)
		}
	}
	if b := w.get(path); b.Body.String() != a.Body.String() {
		t.Error("the same state gives other bytes")
	}
	w.send(exposed("checkout", "u1", "control"))
	if b := w.get(path, "If-None-Match", tag).must(t, http.StatusOK); b.Header().Get("ETag") == tag {
		t.Error("an event leaves the readout as it was")
	}
}

func TestManyReadersAndAWriter(t *testing.T) {
	w := open(t)
	w.post(headline).must(t, http.StatusCreated)
	var wait sync.WaitGroup
	for i := range 4 {
		wait.Go(func() {
			for range 50 {
				w.get([]string{"/v1/experiments/checkout/readout", "/v1/experiments/checkout/readout?run=1", "/v1/experiments", "/v1/experiments/checkout/readout?run=9"}[i])
			}
		})
	}
	for i := range 50 {
		w.send(exposed("checkout", fmt.Sprint("u", i), []string{"control", "b"}[i%2]))
	}
	wait.Wait()
	v := w.get("/v1/experiments/checkout/readout").json["variants"].([]any)
	if v[0].(map[string]any)["exposed_users"] != 25.0 {
		t.Errorf("%v", v)
	}
}

func TestKeys(t *testing.T) {
	fits := func(key string) func(string) bool { return func(k string) bool { return k == key } }
	w := open(t, func(o *web.Options) { o.ReadKey, o.WriteKey = fits("r"), fits("w") })
	cases := []struct {
		method, target string
		header         []string
		status         int
	}{
		{"GET", "/v1/experiments", nil, 401},
		{"GET", "/v1/ledger", []string{"Authorization", "Basic cjpy"}, 401},
		{"GET", "/v1/experiments", []string{"Authorization", "Bearer w"}, 403},
		{"GET", "/v1/experiments", []string{"Authorization", "bearer r"}, 200},
		{"GET", "/v1/experiments", []string{"Authorization", "Bearer other", "X-Tracklayer-Key", "r"}, 200},
		{"GET", "/v1/ledger", []string{"X-Tracklayer-Key", "r"}, 200},
		{"GET", "/v1/experiments/x/readout", nil, 401},
		{"GET", "/v1/experiments/x/readout", []string{"X-Tracklayer-Key", "r"}, 404},
		{"GET", "/v1/ledger?key=r", nil, 401}, // addresses get into logs
		{"POST", "/v1/experiments?key=w", nil, 401},
		{"GET", "/openapi.json", nil, 200},
		{"POST", "/v1/experiments", []string{"X-Tracklayer-Key", "r"}, 403},
		{"POST", "/v1/experiments", []string{"X-Tracklayer-Key", "w"}, 201},
		{"DELETE", "/v1/experiments/x", nil, 405},
		{"PATCH", "/v1/experiments/x", []string{"X-Tracklayer-Key", "r"}, 403},
		{"PATCH", "/v1/experiments/checkout", []string{"X-Tracklayer-Key", "w"}, 428},
		{"POST", "/v1/experiments/checkout/start", []string{"X-Tracklayer-Key", "r"}, 403},
		{"POST", "/v1/experiments/checkout/stop", []string{"X-Tracklayer-Key", "r"}, 403},
		{"POST", "/v1/experiments/checkout/end-early", nil, 401},
		{"DELETE", "/v1/experiments/checkout/end-early", []string{"X-Tracklayer-Key", "r"}, 403},
		{"DELETE", "/v1/experiments/checkout/end-early", []string{"X-Tracklayer-Key", "w"}, 409},
		{"POST", "/v1/experiments/checkout/decisions", nil, 401},
		{"GET", "/v1/experiments/checkout/revisions", nil, 401},
		{"GET", "/v1/experiments/checkout/revisions", []string{"X-Tracklayer-Key", "r"}, 200},
	}
	for _, c := range cases {
		body := ""
		if c.method == http.MethodPost {
			body = headline
		}
		a := w.do(c.method, c.target, body, c.header...)
		if a.Code != c.status || (c.status == 401) != (a.Header().Get("WWW-Authenticate") != "") {
			t.Errorf("%s %s %v: %d, want %d: %v", c.method, c.target, c.header, a.Code, c.status, a.Header())
		}
	}
	if allow := w.do("PUT", "/v1/experiments", "").Header().Get("Allow"); allow != "GET, POST" {
		t.Errorf("Allow: %s", allow)
	}
}

func TestLedger(t *testing.T) {
	w := open(t)
	e := exposed("checkout", "u1", "control")
	e.ID = "same"
	other := e
	other.Variant = "b"
	w.send(e, e, other, purchased("u1"))
	a := w.get("/v1/ledger").must(t, http.StatusOK)
	want := `{"lines":[{"day":"2026-11-20","source":"api","kind":"experiment_exposed","experiment_id":"checkout","received":3,"accepted":1,"redelivered":1,"conflicts":1,"rejected":0,"ignored":0,"erased":0},` +
		`{"day":"2026-11-20","source":"api","kind":"experiment_converted","experiment_id":"","received":1,"accepted":1,"redelivered":0,"conflicts":0,"rejected":0,"ignored":0,"erased":0}],` +
		`"totals":{"received":4,"accepted":2,"redelivered":1,"conflicts":1,"rejected":0,"ignored":0,"erased":0}}` + "\n"
	if a.Body.String() != want {
		t.Errorf("%s\nwant %s", a.Body, want)
	}
	a = w.get("/v1/ledger?day=2026-11-20&source=api&experiment_id=checkout").must(t, http.StatusOK)
	if !strings.HasSuffix(a.Body.String(), `"totals":{"received":3,"accepted":1,"redelivered":1,"conflicts":1,"rejected":0,"ignored":0,"erased":0}}`+"\n") {
		t.Errorf("of one experiment: %s", a.Body)
	}
}

// TestLedgerReasons shows why items of a source were not counted, and counts every item of theirs once.
func TestLedgerReasons(t *testing.T) {
	w := open(t)
	example := &canonical.Example{Index: 3, Detail: `"undefined" stands for no user`}
	w.reject(
		&canonical.Rejected{Source: "otel", ReceivedAt: start, Items: 2, Ignored: 5, Reasons: []canonical.Uncounted{
			{Outcome: canonical.OutcomeIgnored, Reason: "other_reason: fallthrough", Items: 5},
			{Outcome: canonical.OutcomeRejected, Field: "user_id", Reason: `"…" stands for no user`, Items: 2, Example: example},
		}},
		&canonical.Rejected{Source: "otel", ReceivedAt: start, Items: 1}, // as records were before reasons were stored
	)
	a := w.get("/v1/ledger?source=otel").must(t, http.StatusOK)
	want := `{"lines":[{"day":"2026-11-20","source":"otel","kind":"","experiment_id":"","received":8,"accepted":0,"redelivered":0,"conflicts":0,"rejected":3,"ignored":5,"erased":0,` +
		`"reasons":[{"outcome":"ignored","reason":"other_reason: fallthrough","items":5,"last_received_at":"2026-11-20T00:00:00Z","example":null},` +
		`{"outcome":"rejected","field":"user_id","reason":"\"…\" stands for no user","items":2,"last_received_at":"2026-11-20T00:00:00Z","example":{"index":3,"detail":"\"undefined\" stands for no user"}},` +
		`{"outcome":"rejected","reason":"other","items":1,"last_received_at":null,"example":null}]}],` +
		`"totals":{"received":8,"accepted":0,"redelivered":0,"conflicts":0,"rejected":3,"ignored":5,"erased":0}}` + "\n"
	if a.Body.String() != want {
		t.Errorf("%s\nwant %s", a.Body, want)
	}
}

// BenchmarkReadout is a poll of a readout that was made before, and one after every event.
func BenchmarkReadout(b *testing.B) {
	for _, moving := range []bool{false, true} {
		b.Run(map[bool]string{false: "same view", true: "new view"}[moving], func(b *testing.B) {
			w := open(b)
			w.post(headline)
			var events []canonical.Event
			for i := range 2000 {
				user := fmt.Sprint("u", i)
				if events = append(events, exposed("checkout", user, []string{"control", "b"}[i%2])); i%8 < 2 {
					events = append(events, purchased(user))
				}
			}
			w.send(events...)
			r := httptest.NewRequest(http.MethodGet, "/v1/experiments/checkout/readout", nil)
			n := 0
			for b.Loop() {
				if moving {
					b.StopTimer()
					n++
					w.send(exposed("elsewhere", fmt.Sprint("u", n), "a"))
					b.StartTimer()
				}
				w.echo.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
