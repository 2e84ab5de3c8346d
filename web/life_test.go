package web_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/web"
)

const (
	checkout = "/v1/experiments/checkout"
	day      = canonical.Time(86_400_000)
)

// aged is a world whose clock the test moves.
func aged(t testing.TB) (w *world, now *canonical.Time) {
	now = new(canonical.Time)
	*now = start + day
	return open(t, func(o *web.Options) { o.Now = func() time.Time { return now.Time() } }), now
}

func (w *world) patch(revision, body string) answer {
	w.t.Helper()
	return w.do(http.MethodPatch, checkout, body, "If-Match", revision, "Content-Type", "application/merge-patch+json")
}

func (w *world) step(name, body string) answer {
	w.t.Helper()
	return w.do(http.MethodPost, checkout+"/"+name, body)
}

// run is one of the runs of an experiment.
func (a answer) run(i int) map[string]any { return a.json["runs"].([]any)[i].(map[string]any) }

// users are the exposed users of each variant.
func (a answer) users() string {
	var all []string
	for _, v := range a.json["variants"].([]any) {
		all = append(all, fmt.Sprint(v.(map[string]any)["variant"], "=", v.(map[string]any)["exposed_users"]))
	}
	return strings.Join(all, " ")
}

func (a answer) decision() any { return a.json["decision"].(map[string]any)["status"] }

// timeless is a readout without the names of what it was made from.
func (a answer) timeless(t testing.TB) string {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(a.Body.Bytes(), &members); err != nil {
		t.Fatal(err)
	}
	return string(bytes.Replace(a.Body.Bytes(), members["as_of"], nil, 1))
}

func TestPatch(t *testing.T) {
	w := open(t)
	w.post(strings.Replace(headline, `"name"`, `"owner":"growth","window":"24h","decision":{"threshold":0.95,"min_days":3},"name"`, 1)).must(t, http.StatusCreated)
	a := w.do(http.MethodPatch, checkout+"?by=ann", `{"owner":null,"name":"Shorter","window":null,"decision":{"threshold":null,"max_expected_loss":0.1},"aliases":{"launchdarkly":null,"vwo":["7"]}}`, "If-Match", `"1"`).must(t, http.StatusOK)
	if a.Header().Get("ETag") != `"2"` || a.Header().Get("Tracklayer-Stream-Seq") != "2" || a.json["revision"] != 2.0 || a.json["changed_by"] != "ann" ||
		a.json["change"] != "changed aliases, decision, name, owner, window" {
		t.Errorf("%v %s", a.Header(), a.Body)
	}
	rule, _ := json.Marshal([]any{a.json["decision"], a.json["aliases"], a.json["window"], a.json["owner"], a.json["name"], a.json["runs"]})
	want := `[{"max_expected_loss":0.1,"min_days":3,"min_units_per_variant":100,"threshold":0.9},{"vwo":["7"]},"168h",null,"Shorter",[{"ended_at":null,"run":1,"started_at":null,"status":"running"}]]`
	if string(rule) != want {
		t.Errorf("%s\nwant %s", rule, want)
	}
	if b := w.get(checkout); b.Body.String() != a.Body.String() {
		t.Errorf("read back %s\nwant %s", b.Body, a.Body)
	}
	for _, same := range []string{`{}`, `{"name":"Shorter"}`, `{"id":"checkout"}`, `{"owner":null}`, `{"decision":{"threshold":0.90}}`} {
		b := w.patch("*", same).must(t, http.StatusOK)
		if b.Body.String() != a.Body.String() || b.Header().Get("ETag") != `"2"` {
			t.Errorf("%s: %v %s", same, b.Header(), b.Body)
		}
	}
	w.patch(`"1", "2"`, `{"hypothesis":"less is more"}`).must(t, http.StatusOK)
}

func TestWhatCannotBePatched(t *testing.T) {
	w := open(t)
	w.post(headline).must(t, http.StatusCreated)
	w.post(strings.NewReplacer(`"checkout"`, `"other"`, `checkout-headline`, `other-flag`).Replace(headline)).must(t, http.StatusCreated)
	w.send(exposed("seen", "u1", "a"))
	for _, c := range []struct {
		body     string
		status   int
		pointers string
	}{
		{``, 400, ""},
		{`{`, 400, ""},
		{`[]`, 422, ""},
		{`null`, 422, ""},
		{`{"colour":null,"runs":[],"decision":{"x":1}}`, 422, "/colour /decision/x /runs"},
		{`{"id":"other"}`, 422, "/id"},
		{`{"id":null}`, 422, "/id"},
		{`{"variants":null}`, 422, "/variants /variants /control"},
		{`{"variants":[{"key":"b"},{"key":"c"}]}`, 422, "/control"},
		{`{"variants":[{"key":"b"},null]}`, 422, "/variants/1/key /control"},
		{`{"metrics":[{"type":"median","event":"e"}]}`, 422, "/metrics/0/type"},
		{`{"window":7}`, 422, "/window"},
		{`{"aliases":{"launchdarkly":["other-flag"]},"crossover":"keep"}`, 422, "/crossover /aliases/launchdarkly/0"},
		{`{"name":"` + strings.Repeat("x", 1<<20) + `"}`, 413, ""},
	} {
		if a := w.patch(`"1"`, c.body); a.Code != c.status || a.pointers() != c.pointers {
			t.Errorf("%.80s: %d at %q, want %d at %q: %s", c.body, a.Code, a.pointers(), c.status, c.pointers, a.Body)
		}
	}
	name := `{"name":"x"}`
	w.do(http.MethodPatch, checkout, name).must(t, http.StatusPreconditionRequired)
	for _, tag := range []string{`"2"`, `W/"1"`, `1`, ``} {
		w.patch(tag, name).must(t, http.StatusPreconditionFailed)
	}
	w.do(http.MethodPatch, checkout, name, "If-Match", "*", "Content-Type", "text/plain").must(t, http.StatusUnsupportedMediaType)
	if a := w.do(http.MethodPatch, checkout+"?by=a%00b", name, "If-Match", "*"); a.Code != 422 || a.pointers() != "/by" {
		t.Errorf("%d %s", a.Code, a.Body)
	}
	for _, id := range []string{"seen", "never"} {
		a := w.do(http.MethodPatch, "/v1/experiments/"+id, name, "If-Match", "*").must(t, http.StatusNotFound)
		if !strings.Contains(a.Body.String(), "POST /v1/experiments") {
			t.Errorf("%s", a.Body)
		}
	}
	if got := w.get(checkout).json["revision"]; got != 1.0 {
		t.Errorf("revision %v after refusals", got)
	}
}

func TestTwoEditors(t *testing.T) {
	w := open(t)
	w.post(headline).must(t, http.StatusCreated)
	var wait sync.WaitGroup
	var mu sync.Mutex
	codes := map[int]int{}
	for i := range 8 {
		wait.Go(func() {
			code := w.patch(`"1"`, fmt.Sprintf(`{"name":"by editor %d"}`, i)).Code
			mu.Lock()
			codes[code]++
			mu.Unlock()
		})
	}
	wait.Wait()
	if codes[200] != 1 || codes[409]+codes[412] != 7 {
		t.Errorf("answers %v, want one 200", codes)
	}
	w.lazy = true // the core has not read what the first stored when the second comes
	w.mu.Lock()
	w.newest["checkout"]++
	w.mu.Unlock()
	w.patch("*", `{"name":"late"}`).must(t, http.StatusConflict)
	w.step("stop", "").must(t, http.StatusConflict)
	w.down = true
	w.patch("*", `{"name":"late"}`).must(t, http.StatusServiceUnavailable)
}

func TestAStepThatCannotBeTaken(t *testing.T) {
	w, _ := aged(t)
	w.post(strings.Replace(headline, `{"id"`, `{"started_at":"2026-11-20T00:00:00Z","id"`, 1)).must(t, http.StatusCreated)
	w.send(exposed("seen", "u1", "a"))
	type bad struct {
		step, body string
		status     int
		pointers   string
	}
	try := func(all []bad) {
		t.Helper()
		for _, c := range all {
			if a := w.step(c.step, c.body); a.Code != c.status || a.pointers() != c.pointers {
				t.Errorf("%s %.80s: %d at %q, want %d at %q: %s", c.step, c.body, a.Code, a.pointers(), c.status, c.pointers, a.Body)
			}
		}
	}
	try([]bad{
		{"start", ``, 409, ""},
		{"stop", `{"ended_at":"2026-11-19T00:00:00Z"}`, 422, "/ended_at"},
		{"stop", `{"ended_at":"2026-11-23T00:00:00Z"}`, 422, "/ended_at"},
		{"stop", `{"ended_at":5,"because":"x"}`, 422, "/because /ended_at"},
		{"stop", `{"by":"a\nb"}`, 422, "/by"},
		{"stop", `[]`, 422, ""},
		{"stop", `{`, 400, ""},
		{"end-early", ``, 422, "/reason"},
		{"end-early", `{"reason":"","variant":"c"}`, 422, "/reason /variant"},
		{"end-early", `{"reason":"x","ended_at":"1999-01-01T00:00:00Z"}`, 422, "/ended_at /ended_at"},
		{"decisions", ``, 400, ""},
		{"decisions", `{}`, 422, "/variant"},
		{"decisions", `{"variant":null}`, 422, "/by /why"},
		{"decisions", `{"variant":"c","why":"x","by":"ann","run":2}`, 422, "/variant /run"},
		{"decisions", `{"variant":"b","why":"x","by":"ann","run":0}`, 422, "/run"},
		{"decisions", `{"variant":"b","why":"x","by":"ann"}`, 409, ""},
	})
	for _, method := range []string{http.MethodDelete, http.MethodPost} {
		w.do(method, "/v1/experiments/seen/end-early", "").must(t, http.StatusNotFound)
	}
	w.do(http.MethodDelete, checkout+"/end-early", "").must(t, http.StatusConflict)
	w.do(http.MethodPost, checkout+"/stop", "", "If-Match", `"7"`).must(t, http.StatusPreconditionFailed)
	w.do(http.MethodPost, checkout+"/stop", "", "Sec-Fetch-Site", "cross-site").must(t, http.StatusForbidden)
	w.do(http.MethodPost, checkout+"/stop", "x=y", "Content-Type", "application/x-www-form-urlencoded").must(t, http.StatusUnsupportedMediaType)
	w.step("stop", `{"ended_at":"2026-11-20T12:00:00Z"}`).must(t, http.StatusOK)
	try([]bad{
		{"stop", ``, 409, ""},
		{"start", `{"started_at":"2026-11-20T11:59:59Z"}`, 422, "/started_at"},
	})
	w.post(strings.NewReplacer(`{"id":"checkout"`, `{"status":"draft","id":"later"`, `checkout-headline`, `later`).Replace(headline)).must(t, http.StatusCreated)
	for _, step := range []string{"stop", "end-early", "decisions"} {
		w.do(http.MethodPost, "/v1/experiments/later/"+step, `{`+map[string]string{
			"stop": ``, "end-early": `"reason":"x"`, "decisions": `"variant":null,"why":"x","by":"y"`,
		}[step]+`}`).must(t, http.StatusConflict)
	}
	a := w.do(http.MethodPost, "/v1/experiments/later/start", `{"by":"ann"}`).must(t, http.StatusOK)
	if a.run(0)["started_at"] != "2026-11-21T00:00:00Z" || a.json["status"] != "running" || a.json["changed_by"] != "ann" || a.json["change"] != "started run 1" {
		t.Errorf("%s", a.Body)
	}
}

func TestARestartCountsItsOwn(t *testing.T) {
	w, now := aged(t)
	w.post(headline).must(t, http.StatusCreated)
	w.send(exposed("checkout", "u1", "control"), exposed("checkout", "u2", "b"))
	if a := w.step("stop", `{"reason":"planned"}`).must(t, http.StatusOK); a.json["status"] != "stopped" || a.run(0)["ended_at"] != "2026-11-21T00:00:00Z" ||
		a.run(0)["ended_reason"] != "planned" || a.Header().Get("ETag") != `"2"` {
		t.Errorf("%s", a.Body)
	}
	r := w.get(checkout+"/readout").must(t, http.StatusOK)
	if r.json["status"] != "stopped" || r.decision() != "stopped" || r.users() != "control=1 b=1" || r.json["invalid"] != nil {
		t.Errorf("%s", r.Body)
	}
	*now = start + 3*day
	if a := w.step("start", "").must(t, http.StatusOK); a.json["status"] != "running" || a.run(1)["run"] != 2.0 || a.run(1)["started_at"] != "2026-11-23T00:00:00Z" {
		t.Errorf("%s", a.Body)
	}
	between, again := exposed("checkout", "u3", "b"), exposed("checkout", "u1", "b")
	between.At, again.At = start+2*day, start+4*day
	w.send(between, again)
	for query, want := range map[string]string{"": "control=0 b=1", "?run=2": "control=0 b=1", "?run=1": "control=1 b=1"} {
		r := w.get(checkout+"/readout"+query).must(t, http.StatusOK)
		if r.users() != want || r.json["outside_run"] != 1.0 {
			t.Errorf("%s: %s, want %s: %s", query, r.users(), want, r.Body)
		}
	}
	w.step("start", "").must(t, http.StatusConflict)
	w.step("decisions", `{"variant":"b","why":"run 1 was good","by":"ann","run":1}`).must(t, http.StatusOK)
	if got := [2]any{w.get(checkout + "/readout?run=1").decision(), w.get(checkout + "/readout").decision()}; got != [2]any{"decided", "collecting"} {
		t.Errorf("decisions %v", got)
	}
}

func TestEndEarlyAndBack(t *testing.T) {
	for _, before := range []string{"running", "stopped", "decided"} {
		w, _ := aged(t)
		w.post(headline).must(t, http.StatusCreated)
		late := exposed("checkout", "u3", "b") // after the end
		late.At = start + day + 1
		w.send(exposed("checkout", "u1", "control"), exposed("checkout", "u2", "b"), purchased("u2"), late)
		if before != "running" {
			w.step("stop", `{"ended_at":"2026-11-21T00:00:00.002Z"}`).must(t, http.StatusOK)
		}
		if before == "decided" {
			w.step("decisions", `{"variant":null,"why":"no effect","by":"ann"}`).must(t, http.StatusOK)
		}
		was := w.get(checkout + "/readout")
		a := w.step("end-early", `{"reason":"pricing incident","ended_at":"2026-11-21T00:00:00Z","by":"ann"}`).must(t, http.StatusOK)
		if a.json["status"] != "ended_early" || a.run(0)["ended_reason"] != "pricing incident" || a.json["change"] != "ended run 1 early: pricing incident" {
			t.Errorf("%s", a.Body)
		}
		r := w.get(checkout + "/readout")
		if r.json["status"] != "ended_early" || r.decision() != "ended_early" || r.json["invalid"] != true || r.json["invalid_reason"] != "pricing incident" ||
			r.users() != "control=1 b=1" || r.json["checks"].([]any)[0].(map[string]any)["check"] != "ended_early" {
			t.Errorf("%s", r.Body)
		}
		w.step("end-early", `{"reason":"again"}`).must(t, http.StatusConflict)
		w.do(http.MethodDelete, checkout+"/end-early", `{"by":"bob"}`).must(t, http.StatusOK)
		if is := w.get(checkout + "/readout"); is.timeless(t) != was.timeless(t) || is.json["status"] != before {
			t.Errorf("before\n%s\nafter\n%s", was.Body, is.Body)
		}
	}
}

func TestEndedVariants(t *testing.T) {
	w, _ := aged(t)
	w.post(headline).must(t, http.StatusCreated)
	w.send(exposed("checkout", "u1", "control"), exposed("checkout", "u2", "b"))
	was := w.get(checkout + "/readout")
	w.step("end-early", `{"reason":"broken page","variant":"b"}`).must(t, http.StatusOK)
	r := w.get(checkout + "/readout")
	v := r.json["variants"].([]any)
	marked := v[1].(map[string]any)
	if r.json["invalid"] != nil || v[0].(map[string]any)["invalid"] != nil || marked["invalid"] != true || marked["invalid_reason"] != "broken page" || r.decision() != "ended_early" {
		t.Errorf("%s", r.Body)
	}
	if c := r.json["checks"].([]any)[0].(map[string]any); c["check"] != "ended_early" || c["status"] != "failed" || !strings.Contains(fmt.Sprint(c["detail"]), "Data of b in run 1 were marked invalid: broken page.") {
		t.Errorf("%v", c)
	}
	w.step("end-early", `{"reason":"x","variant":"b"}`).must(t, http.StatusConflict)
	a := w.step("end-early", `{"reason":"bots","variant":"control"}`).must(t, http.StatusOK)
	if got, _ := json.Marshal(a.run(0)); string(got) != `{"ended_at":"2026-11-21T00:00:00Z","ended_reason":"broken page; bots","ended_variant":["b","control"],"run":1,"started_at":null,"status":"ended_early"}` {
		t.Errorf("%s", got)
	}
	a = w.step("end-early", `{"reason":"all of it"}`).must(t, http.StatusOK)
	if a.run(0)["ended_variant"] != nil || a.run(0)["ended_reason"] != "all of it" {
		t.Errorf("%s", a.Body)
	}
	a = w.step("decisions", `{"variant":null,"why":"do not trust it","by":"ann"}`).must(t, http.StatusOK)
	if a.json["status"] != "ended_early" {
		t.Errorf("deciding heals a broken run: %s", a.Body)
	}
	if a = w.do(http.MethodDelete, checkout+"/end-early", "").must(t, http.StatusOK); a.json["status"] != "running" {
		t.Errorf("%s", a.Body)
	}
	if is := w.get(checkout + "/readout"); is.users() != was.users() {
		t.Errorf("%s", is.Body)
	}
}

func TestDecisionsAndRevisions(t *testing.T) {
	w, now := aged(t)
	w.post(headline).must(t, http.StatusCreated)
	w.send(exposed("checkout", "u1", "control"), exposed("checkout", "u2", "b"), purchased("u2"))
	w.patch(`"1"`, `{"name":"Shorter"}`).must(t, http.StatusOK)
	*now += 1000
	w.step("stop", `{"by":"bob"}`).must(t, http.StatusOK)
	before := w.get(checkout+"/readout").must(t, http.StatusOK)
	a := w.step("decisions", `{"variant":"b","why":"more orders","by":"ann"}`).must(t, http.StatusOK)
	hash := fmt.Sprintf("%x", sha256.Sum256(before.Body.Bytes()))
	want := `[{"as_of":{"code_version":"test","readout_sha256":"` + hash + `","registry_revision":3,"stream_seq":6},"at":"2026-11-21T00:00:01Z","by":"ann","run":1,"variant":"b","why":"more orders"}]`
	if got, _ := json.Marshal(a.json["decisions"]); string(got) != want || a.json["status"] != "decided" {
		t.Errorf("%s\nwant %s", got, want)
	}
	r := w.get(checkout + "/readout")
	if r.decision() != "decided" || r.users() != "control=1 b=1" || r.json["decision"].(map[string]any)["outcome"].(map[string]any)["variant"] != "b" {
		t.Errorf("%s", r.Body)
	}
	if b := w.get(checkout); b.Body.String() != a.Body.String() {
		t.Errorf("%s", b.Body)
	}
	var lines []string
	all := w.get(checkout+"/revisions").must(t, http.StatusOK)
	for _, one := range all.json["revisions"].([]any) {
		v := one.(map[string]any)
		lines = append(lines, fmt.Sprintf("%v %v %v %v %v %d", v["revision"], v["at"], v["by"], v["what"], v["definition"].(map[string]any)["name"], len(v["decisions"].([]any))))
	}
	if got, want := strings.Join(lines, "\n"), `1 2026-11-21T00:00:00Z <nil> created Checkout headline 0
2 2026-11-21T00:00:00Z <nil> changed name Shorter 0
3 2026-11-21T00:00:01Z bob stopped run 1 Shorter 0
4 2026-11-21T00:00:01Z ann decided run 1 for b: more orders Shorter 1`; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	w.get(checkout+"/revisions", "If-None-Match", all.Header().Get("ETag")).must(t, http.StatusNotModified)
	w.get("/v1/experiments/never/revisions").must(t, http.StatusNotFound)
	w.send(exposed("seen", "u1", "a"))
	if got := w.get("/v1/experiments/seen/revisions").must(t, http.StatusOK).Body.String(); got != `{"experiment_id":"seen","revisions":[],"notes":[]}`+"\n" {
		t.Errorf("%s", got)
	}
}

// A definition that changes after the events is as good as one that came first.
func TestAChangedDefinitionCountsAnew(t *testing.T) {
	final := `{"variants":[{"key":"control"},{"key":"c","aliases":{"api":["b"]}}],"crossover":"first_exposure",
 "metrics":[{"id":"orders","type":"count","event":"purchase","window":"500ms"},{"id":"any","type":"proportion","event":"purchase"}]}`
	both := exposed("checkout", "u1", "b")
	both.At++
	events := []canonical.Event{exposed("checkout", "u1", "control"), exposed("checkout", "u2", "b"), purchased("u2"), both}
	late, early := open(t), open(t)
	late.post(headline).must(t, http.StatusCreated)
	late.send(events...)
	before := late.get(checkout + "/readout")
	late.patch(`"1"`, final).must(t, http.StatusOK)
	early.post(headline).must(t, http.StatusCreated)
	early.patch(`"1"`, final).must(t, http.StatusOK)
	early.send(events...)
	a, b := late.get(checkout+"/readout"), early.get(checkout+"/readout")
	if a.timeless(t) != b.timeless(t) || a.users() != "control=1 c=1" || before.users() != "control=0 b=1" {
		t.Errorf("before %s\nlate  %s\nearly %s", before.Body, a.Body, b.Body)
	}
}
