package pages_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/pages"
)

// states fills a world with an experiment in every state, by the badge that its page must show.
func states(w *world) map[string]string {
	both := []string{"control", "b"}
	w.declare("", checkout("draft", `,"status":"draft"`))
	w.declare("", checkout("nobody", ""))
	for _, id := range []string{"collecting", "unhealthy", "review", "stopped", "early", "decided", "variant_early"} {
		w.declare("", checkout(id, ""))
	}
	w.send(traffic("collecting", 2, 40, both, []int{10, 8})...)
	w.send(traffic("unhealthy", 9, 120, []string{"control", "b", "b"}, []int{5, 5, 5})...)
	w.send(traffic("review", 9, 400, both, []int{10, 5})...)
	for _, id := range []string{"stopped", "early", "decided", "variant_early"} {
		w.send(traffic(id, 3, 60, both, []int{10, 5})...)
	}
	w.send(traffic("undeclared", 2, 60, both, []int{10, 5})...)
	w.declare("/stopped/stop", `{"by":"ada"}`)
	w.declare("/early/end-early", `{"by":"ada","reason":"pricing incident"}`)
	w.declare("/variant_early/end-early", `{"by":"ada","reason":"broken layout","variant":"b"}`)
	w.declare("/decided/stop", `{"by":"ada"}`)
	w.declare("/decided/decisions", `{"by":"ada","why":"clear","variant":"b"}`)
	w.send(exposed("review", "late", "control", 11*day)) // windows close
	return map[string]string{
		"draft": "Draft", "nobody": "No data", "unhealthy": "Unhealthy", "review": "Ready for a decision", "stopped": "Stopped",
		"early": "Marked invalid", "variant_early": "Marked invalid", "decided": "Decided", "undeclared": "Not set up", "collecting": "",
	}
}

func TestEveryStateHasItsPage(t *testing.T) {
	w := open(t)
	want := states(w)
	b := w.browser()
	list := b.get("/experiments").must(http.StatusOK)
	list.sound()
	for id, badge := range want {
		p := b.get("/experiments/" + id).must(http.StatusOK)
		p.sound()
		got := p.text(p.with("id", "status"))
		if badge != "" && got != badge {
			t.Errorf("%s is %q, want %q: %s", id, got, badge, p.text(p.with("id", "decision")))
		}
		row := list.with("data-experiment", id)
		if badge != "" && !strings.Contains(list.text(row), badge) {
			t.Errorf("the list says of %s: %s", id, list.text(row))
		}
	}
	if got := b.get("/experiments/collecting"); !strings.Contains(got.text(got.with("id", "status")), "left") && got.text(got.with("id", "status")) != "Collecting" {
		t.Errorf("collecting is %q", got.text(got.with("id", "status")))
	}
}

// sound checks what must hold of every page.
func (p page) sound() {
	p.t.Helper()
	h := p.Header()
	if got := h.Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none'; style-src 'self'; script-src 'self';") || !strings.Contains(got, "frame-ancestors 'none'") {
		p.t.Errorf("policy %q", got)
	}
	if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" {
		p.t.Errorf("headers %v", h)
	}
	for _, name := range []string{"main", "h1", "header", "nav"} {
		if n := len(p.named(name)); n == 0 || n > 1 && (name == "main" || name == "h1") {
			p.t.Errorf("%d <%s>", n, name)
		}
	}
	if lang, _ := attribute(p.one("html"), "lang"); lang != "en" || p.text(p.one("title")) == "" {
		p.t.Errorf("language %q, title %q", lang, p.text(p.one("title")))
	}
	ids := map[string]bool{}
	for _, n := range p.all(func(*html.Node) bool { return true }) {
		if id, ok := attribute(n, "id"); ok {
			if ids[id] || id == "" {
				p.t.Errorf("the id %q is there twice, or empty", id)
			}
			ids[id] = true
		}
	}
	for _, n := range p.all(func(*html.Node) bool { return true }) {
		p.element(n, ids)
	}
}

// element checks one element.
func (p page) element(n *html.Node, ids map[string]bool) {
	p.t.Helper()
	for _, a := range n.Attr {
		switch {
		case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
			p.t.Errorf("<%s %s=%q> would need a weaker policy", n.Data, a.Key, a.Val)
		case slices.Contains([]string{"for", "popovertarget", "aria-labelledby", "aria-describedby", "list"}, a.Key) && !ids[a.Val]:
			p.t.Errorf("<%s %s=%q> points to nothing", n.Data, a.Key, a.Val)
		case (a.Key == "href" || a.Key == "src" || a.Key == "action") && !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") && !strings.HasPrefix(a.Val, "?"):
			p.t.Errorf("<%s %s=%q> leads away", n.Data, a.Key, a.Val)
		}
	}
	_, hidden := attribute(n, "aria-hidden")
	label, labelled := attribute(n, "aria-label")
	switch n.Data {
	case "script":
		if src, ok := attribute(n, "src"); !ok || src == "" || n.FirstChild != nil {
			p.t.Error("a script stands in the page")
		}
	case "style":
		p.t.Error("a style stands in the page")
	case "svg":
		if !hidden && (!labelled || label == "") {
			p.t.Error("a picture has no words")
		}
	case "th":
		if scope, _ := attribute(n, "scope"); scope == "" {
			p.t.Errorf("a header without scope: %s", p.text(n))
		}
	case "form":
		method, _ := attribute(n, "method")
		if tokens := p.tokens(n); method == "post" && tokens != 1 {
			p.t.Errorf("a form with %d tokens", tokens)
		}
	}
}

func (p page) tokens(form *html.Node) (n int) {
	for _, in := range children(form, "input") {
		if name, _ := attribute(in, "name"); name == "token" {
			n++
		}
	}
	return n
}

// Every link on every page leads somewhere.
func TestLinksLeadSomewhere(t *testing.T) {
	w := open(t)
	states(w)
	w.doors.list = []pages.Source{{Name: "api"}, {Name: "launchdarkly", Vendor: "launchdarkly", Requests: 3, Last: w.now, LastStatus: 202}}
	w.doors.letters = []canonical.DeadLetter{{Seq: 7, Source: "launchdarkly", Reason: "no JSON", Request: []byte("POST / HTTP/1.1\r\n\r\n{")}}
	b := w.browser()
	seen, queue := map[string]bool{"/": true}, []string{"/"}
	for len(queue) > 0 && len(seen) < 400 {
		at := queue[0]
		queue = queue[1:]
		if strings.Contains(at, "format=") || strings.HasPrefix(at, "/openapi") {
			continue
		}
		p := b.get(at)
		if p.Code != http.StatusOK && p.Code != http.StatusSeeOther {
			t.Errorf("%s: %d %s", at, p.Code, p.text(p.one("main")))
			continue
		}
		if strings.HasPrefix(p.Header().Get("Content-Type"), "text/html") && p.Code == http.StatusOK {
			p.sound()
		}
		for _, a := range p.named("a") {
			href, _ := attribute(a, "href")
			base, err := url.Parse(at)
			if err != nil {
				t.Fatal(err)
			}
			to, err := base.Parse(href)
			if err != nil {
				t.Errorf("%s links to %q", at, href)
				continue
			}
			to.Fragment = ""
			if next := to.String(); !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	if len(seen) < 50 {
		t.Errorf("only %d pages were found", len(seen))
	}
}

// hostile are names that want to be something else than text.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, "\u202Eright to left\u202C", "مرحبا بالعالم", strings.Repeat("😀", 50), "a/b?c=d&e#f%20", "{{.Token}}", "javascript:alert(1)",
	"new", "live", "' onmouseover='x",
}

func TestHostileNamesAreText(t *testing.T) {
	for i, name := range hostile {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			w := open(t)
			w.send(traffic(name, 2, 60, []string{"control", name}, []int{5, 4})...)
			w.send(canonical.Event{Kind: canonical.EndedEarly, ExperimentID: name, UserID: "x" + name, Variant: name, EndedReason: name, At: start})
			b := w.browser()
			path := "/experiments/" + url.PathEscape(name)
			if name == "new" || name == "live" {
				path += "/"
			}
			check := func(at string) {
				p := b.get(at).must(http.StatusOK)
				p.sound()
				if !strings.Contains(p.text(p.one("main")), strings.Join(strings.Fields(name), " ")) {
					t.Errorf("%s does not say %q: %s", at, name, p.text(p.one("main")))
				}
			}
			check("/experiments")
			check(path)
			check("/experiments/new?adopt=" + url.QueryEscape(name))
			check("/units/user/" + url.PathEscape("x"+name))
			check("/experiments/" + url.PathEscape(name) + "/rows")
			b.get("/units/user/" + url.PathEscape(name+"nobody")).must(http.StatusNotFound).sound()
			a := b.get("/experiments/" + url.PathEscape(name) + "nobody").must(http.StatusNotFound)
			a.sound()
			form := b.get("/experiments/new?adopt=" + url.QueryEscape(name)).form("/experiments/new")
			form.Set("by", name)
			form.Set("do", "store")
			if a := b.do(http.MethodPost, "/experiments/new", form); a.Code != http.StatusSeeOther || a.Header().Get("Location") != path {
				t.Fatalf("adopted: %d to %q: %s", a.Code, a.Header().Get("Location"), a.text(a.one("main")))
			}
			check(path)
		})
	}
}

func TestAWrongIDNamesNearOnes(t *testing.T) {
	w := open(t)
	w.send(exposed("checkout_headline_test", "u", "control", 0), exposed("search", "u", "control", 0))
	p := w.browser().get("/experiments/chekout_headline_test").must(http.StatusNotFound)
	p.sound()
	if got := p.text(p.one("main")); !strings.Contains(got, "checkout_headline_test") || strings.Contains(got, "search") {
		t.Errorf("near names: %s", got)
	}
	for _, path := range []string{"/nothing", "/experiments/a/b", "/units/robot/x", "/sources/letters/99", "/sources/letters/x", "/experiments/search/do/dance"} {
		w.browser().get(path).must(http.StatusNotFound).sound()
	}
}

func TestParametersThatCannotBe(t *testing.T) {
	w := open(t)
	w.declare("", checkout("x", ""))
	b := w.browser()
	for query, status := range map[string]int{
		"run=9": 404, "run=zero": 400, "at_seq=99999": 422, "filtered=maybe": 400, "population=what": 200, "policy=what": 200, "unknown=1": 200,
	} {
		b.get("/experiments/x?" + query).must(status).sound()
	}
	b.get("/experiments/x/rows?run=x").must(http.StatusBadRequest)
}

func TestSearchAndFilterAreInTheAddress(t *testing.T) {
	w := open(t)
	states(w)
	b := w.browser()
	rows := func(at string) (ids []string) {
		p := b.get(at).must(http.StatusOK)
		p.sound()
		for _, n := range p.all(func(n *html.Node) bool { _, ok := attribute(n, "data-experiment"); return ok }) {
			id, _ := attribute(n, "data-experiment")
			ids = append(ids, id)
		}
		return ids
	}
	if got := rows("/experiments"); len(got) != 10 || got[0] != "unhealthy" || got[1] != "review" {
		t.Errorf("all: %v", got)
	}
	if got := rows("/experiments?status=undeclared"); !slices.Equal(got, []string{"undeclared"}) {
		t.Errorf("undeclared: %v", got)
	}
	if got := rows("/experiments?q=EARLY"); !slices.Contains(got, "early") || !slices.Contains(got, "variant_early") || len(got) != 2 {
		t.Errorf("search: %v", got)
	}
	if got := rows("/experiments?q=nothing+like+it"); len(got) != 0 {
		t.Errorf("nothing: %v", got)
	}
}

// A page of three months and three variants is light.
func TestALongRunIsLight(t *testing.T) {
	w := open(t)
	long(w)
	p := w.browser().get("/experiments/long").must(http.StatusOK)
	p.sound()
	n := p.Body.Len()
	if t.Logf("%d bytes", n); n >= 150_000 {
		t.Error("more than 150 kB")
	}
	for _, id := range []string{"chart-lift", "chart-users", "chart-age"} {
		p.with("id", id)
	}
}

// long is a run of 90 days and three variants with three metrics.
func long(w *world) {
	w.declare("", strings.Replace(strings.Replace(checkout("long", ""), `{"key":"b"}`, `{"key":"b"},{"key":"c"}`, 1), `"window":"24h"}`, `"window":"168h"},{"id":"orders","role":"guardrail","type":"count","event":"purchase"}`, 1))
	w.send(traffic("long", 90, 60, []string{"control", "b", "c"}, []int{5, 4, 5})...)
	w.now = start.Add(100 * day).Time()
}

func BenchmarkDetail(b *testing.B) {
	for _, c := range []struct {
		name    string
		changes bool
	}{{"SameState", false}, {"AfterAnEvent", true}} {
		b.Run(c.name, func(b *testing.B) {
			w := open(b)
			long(w)
			br := w.browser()
			times := make([]time.Duration, 0, b.N)
			for i := 0; b.Loop(); i++ {
				if c.changes { // so that nothing is kept
					b.StopTimer()
					w.send(exposed("long", fmt.Sprint("more", i), "control", 90*day))
					b.StartTimer()
				}
				begin := time.Now()
				br.pages.ServeHTTP(discard{http.Header{}}, request("/experiments/long"))
				times = append(times, time.Since(begin))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

// discard is an answer that nobody reads.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func request(path string) *http.Request {
	r, _ := http.NewRequest(http.MethodGet, "http://127.0.0.1:8080"+path, nil)
	return r
}

func TestALongListIsCut(t *testing.T) {
	w := open(t)
	var events []canonical.Event
	for i := range 230 {
		events = append(events, exposed(fmt.Sprintf("experiment-%03d", i), "u", "control", 0))
	}
	w.send(events...)
	p := w.browser().get("/experiments").must(http.StatusOK)
	p.sound()
	if got := p.text(p.with("id", "more")); !strings.HasPrefix(got, "Showing 200 of 230") {
		t.Errorf("%s", got)
	}
	p = w.browser().get("/experiments?q=229").must(http.StatusOK)
	p.with("data-experiment", "experiment-229")
}
