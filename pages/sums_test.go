package pages_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/pages"
	"github.com/tracklayer/tracklayer/readout"
)

// cells are the whole numbers of a table's row.
func (p page) cells(row *html.Node) (all []int64) {
	for _, td := range children(row, "td") {
		if n, err := strconv.ParseInt(strings.ReplaceAll(p.text(td), ",", ""), 10, 64); err == nil {
			all = append(all, n)
		}
	}
	return all
}

// Whatever came: in every row of the accounts the parts add up to the whole, and the page says what the API says.
func TestTheAccountsAddUp(t *testing.T) {
	w := open(t)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		id := fmt.Sprint("x", round)
		if rapid.Bool().Draw(rt, "declared") {
			w.declare("", checkout(id, ""))
		}
		var events []canonical.Event
		for range rapid.IntRange(1, 40).Draw(rt, "events") {
			user := fmt.Sprint(id, "-", rapid.IntRange(0, 8).Draw(rt, "user"))
			variant := rapid.SampledFrom([]string{"control", "b", "unknown"}).Draw(rt, "variant")
			at := rapid.Int64Range(0, 10*86_400_000).Draw(rt, "at")
			e := canonical.Event{ExperimentID: id, UserID: user, At: start + canonical.Time(at), ID: fmt.Sprint(id, "-", rapid.IntRange(0, 60).Draw(rt, "id"))}
			switch rapid.IntRange(0, 5).Draw(rt, "kind") {
			case 0:
				e.Kind, e.Variant, e.EndedReason = canonical.EndedEarly, variant, "refund"
			case 1, 2:
				e.Kind, e.Variant, e.ConversionEvent, e.DedupKey = canonical.Converted, variant, "purchase", rapid.SampledFrom([]string{"", "o1", "o2"}).Draw(rt, "order")
			default:
				e.Kind, e.Variant = canonical.Exposed, variant
			}
			events = append(events, e)
		}
		w.send(events...)
		p := w.browser().get("/experiments/" + id).must(http.StatusOK)
		for _, row := range children(p.with("id", "accounts"), "tr") {
			kind, ledger := attribute(row, "data-kind")
			_, variant := attribute(row, "data-variant")
			n := p.cells(row)
			if ledger && (len(n) != 5 || n[0] != n[1]+n[2]+n[3]+n[4]) || variant && (len(n) != 6 || n[0] != n[1]+n[2]+n[3]+n[4]) {
				rt.Errorf("%s %v does not add up", kind, n)
			}
			if kind == "all" && n[0] != int64(len(events)) {
				rt.Errorf("%d events were sent, %d are accounted for", len(events), n[0])
			}
		}
		agrees(rt, w, p, id)
	})
}

// agrees compares what the page says of the variants and metrics with the API.
func agrees(t *rapid.T, w *world, p page, id string) {
	a := httptest.NewRecorder()
	w.api.ServeHTTP(a, httptest.NewRequest(http.MethodGet, "/v1/experiments/"+id+"/readout", nil))
	var r readout.Readout
	if err := json.Unmarshal(a.Body.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	var exposedUsers, statuses int64
	for _, v := range r.Variants {
		exposedUsers += v.ExposedUsers
	}
	for _, n := range r.Conversions {
		statuses += n
	}
	if got := p.text(p.with("id", "exposed")); !strings.HasPrefix(got, fmt.Sprint(exposedUsers, "in ")) {
		t.Errorf("exposed users %q, want %d", got, exposedUsers)
	}
	var shown int64
	for _, row := range children(p.with("id", "accounts"), "tr") {
		if _, ok := attribute(row, "data-status"); ok {
			shown += p.cells(row)[0]
		}
	}
	if shown != statuses {
		t.Errorf("%d conversions are shown, the API says %d", shown, statuses)
	}
	for _, m := range r.Metrics {
		section := p.with("data-metric", m.Metric)
		rows := children(section, "tr")
		for i, v := range m.Variants {
			if n := p.cells(rows[i+1]); n[0] != v.Users || n[1] != v.ConvertedUsers {
				t.Errorf("%s, %s: %v, want %d and %d", m.Metric, v.Variant, n, v.Users, v.ConvertedUsers)
			}
		}
	}
}

// The rows behind a number are those that it counts.
func TestRowsBehindANumber(t *testing.T) {
	w := open(t)
	w.declare("", checkout("x", ""))
	w.send(exposed("x", "crossed", "control", 0), exposed("x", "crossed", "b", 1), exposed("x", "clean", "b", 0), purchased("clean", 60e9), purchased("clean", 20*day))
	b := w.browser()
	for query, want := range map[string][]string{
		"": {"crossed", "clean", "clean"}, "status=counted": {"clean"}, "status=outside_window": {"clean"}, "who=crossover": {"crossed"}, "who=counted&variant=b": {"clean", "clean"}, "who=ended_early": nil,
	} {
		p := b.get("/experiments/x/rows?run=1&" + query).must(http.StatusOK)
		p.sound()
		var got []string
		for _, row := range children(p.one("main"), "tr")[min(1, len(children(p.one("main"), "tr"))):] {
			got = append(got, p.text(children(children(row, "th")[0], "a")[0]))
		}
		if len(got) != len(want) || len(want) > 0 && strings.Count(strings.Join(got, " "), want[0]) == 0 {
			t.Errorf("%q: %v, want %v", query, got, want)
		}
	}
	if csv := b.get("/experiments/x/rows?run=1&format=csv").must(http.StatusOK); !strings.HasPrefix(csv.Header().Get("Content-Type"), "text/csv") || strings.Count(csv.Body.String(), "\n") != 4 {
		t.Errorf("CSV: %s", csv.Body)
	}
}

func TestWhyAPersonIsCounted(t *testing.T) {
	w := open(t)
	w.declare("", checkout("x", ""))
	w.send(
		canonical.Event{Kind: canonical.Exposed, ExperimentID: "x", AnonymousID: "a-77", Variant: "b", At: start},
		canonical.Event{Kind: canonical.Linked, UserID: "u-12", AnonymousID: "a-77", At: start + 1000},
		purchased("u-12", 60e9), purchased("u-12", 20*day),
	)
	b := w.browser()
	p := b.get("/units/user/u-12").must(http.StatusOK)
	p.sound()
	for _, words := range []string{"counted in b", "anonymous a-77", "outside window", "is the same user as", "Identity linked"} {
		if !strings.Contains(p.text(p.one("main")), words) {
			t.Errorf("%q is not said: %s", words, p.text(p.one("main")))
		}
	}
	if p := b.get("/units?kind=anonymous&id=a-77"); p.Header().Get("Location") != "/units/anonymous/a-77" {
		t.Errorf("leads to %q", p.Header().Get("Location"))
	}
	b.get("/units?kind=&id=").must(http.StatusOK).sound()
	var many []canonical.Event
	for i := range 400 {
		many = append(many, purchased("busy", 60e9*1))
		many[i].At += canonical.Time(i)
	}
	w.send(many...)
	if p := b.get("/units/user/busy").must(http.StatusOK); !strings.Contains(p.text(p.one("main")), "100 events in the middle are not shown") {
		t.Error("a long life is not cut")
	}
}

func TestSourcesAndDeadLetters(t *testing.T) {
	w := open(t)
	w.doors.list = []pages.Source{{Name: "api"}, {Name: "shop-ld", Vendor: "launchdarkly", Requests: 12, Refused: map[int]int64{401: 2, 400: 1, 418: 1}, Last: w.now, LastStatus: 202, ByMinute: [pages.Minutes]int64{59: 12}}, {Name: "own", Vendor: "custom"}}
	for i := range 60 {
		w.doors.letters = append(w.doors.letters, canonical.DeadLetter{Seq: uint64(i + 1), Source: "shop-ld", Reason: "<b>no JSON</b>", ReceivedAt: start, Request: []byte("POST /webhooks/shop-ld HTTP/1.1\r\n\r\n{<script>\xff")})
	}
	w.reject(&canonical.Rejected{Source: "shop-ld", ReceivedAt: start, Items: 1, Ignored: 4, Reasons: []canonical.Uncounted{
		{Outcome: canonical.OutcomeIgnored, Reason: "other_reason: <i>fallthrough</i>", Items: 3},
		{Outcome: canonical.OutcomeRejected, Field: "user_id", Reason: "is required", Items: 1, Example: &canonical.Example{Index: 2, Detail: "is required"}},
	}})
	b := w.browser()
	p := b.get("/sources", "Host", "metrics.example.com").must(http.StatusOK)
	p.sound()
	if text := p.text(p.with("data-source", "shop-ld")); !strings.Contains(text, "received") || !strings.Contains(text, "http://metrics.example.com/webhooks/shop-ld") || !strings.Contains(text, "12 in the last hour") ||
		!strings.Contains(text, "refused: 1 could not be read, 2 not authorized, 1 status 418") {
		t.Errorf("source: %s", text)
	}
	if text := p.text(p.with("data-source", "shop-ld")); !strings.Contains(text, "5 received = 0 accepted + 0 redelivered + 0 conflicts + 1 rejected + 4 ignored + 0 erased") {
		t.Errorf("source: %s", text)
	}
	for reason, want := range map[string]string{"other_reason: <i>fallthrough</i>": "ignored3", "is required": "item 2: is required", "other": "other reasons1"} {
		if text := p.text(p.with("data-reason", reason)); !strings.Contains(text, want) {
			t.Errorf("reason %q: %s", reason, text)
		}
	}
	if text := p.text(p.with("data-source", "api")); !strings.Contains(text, "listening …") || !strings.Contains(text, "http://metrics.example.com/v1/events") {
		t.Errorf("source: %s", text)
	}
	next, _ := attribute(p.all(func(n *html.Node) bool { h, _ := attribute(n, "href"); return strings.Contains(h, "after=50") })[0], "href")
	b.get(strings.TrimSuffix(next, "#letters")).with("data-letter", "51")
	letter := b.get("/sources/letters/7").must(http.StatusOK)
	letter.sound()
	if !strings.Contains(letter.text(letter.one("pre")), "{<script>") {
		t.Errorf("request: %s", letter.text(letter.one("pre")))
	}
	p = b.submit("/sources/letters/7", "/sources/letters/7", nil).must(http.StatusUnprocessableEntity)
	if !strings.Contains(p.text(p.with("id", "failure")), "still no JSON") {
		t.Errorf("in vain: %s", p.text(p.one("main")))
	}
	w.doors.mended = true
	p = b.submit("/sources/letters/7", "/sources/letters/7", nil).must(http.StatusOK)
	if !strings.Contains(p.text(p.with("id", "result")), "2 accepted") {
		t.Errorf("again: %s", p.text(p.one("main")))
	}
	apart := open(t, func(o *pages.Options) { o.Sources = nil })
	apart.browser().get("/sources").must(http.StatusOK).sound()
	apart.browser().get("/sources/letters/7").must(http.StatusNotFound)
}

// Who is new is led from step to step.
func TestTheFirstSteps(t *testing.T) {
	w := open(t)
	b := w.browser()
	here := func() string {
		p := b.get("/").must(http.StatusOK)
		p.sound()
		found := p.all(func(n *html.Node) bool { c, _ := attribute(n, "aria-current"); return c == "step" })
		if len(found) == 0 {
			return "done"
		}
		step, _ := attribute(found[0], "data-step")
		return step
	}
	if got := here(); got != "1" {
		t.Errorf("at first: step %s", got)
	}
	if p := b.get("/"); !strings.Contains(p.text(p.one("pre")), `"exposed_at":"2026-12-20T00:00:00Z"`) || !strings.Contains(p.text(p.one("pre")), "http://127.0.0.1:8080/v1/events") {
		t.Errorf("lines to paste: %s", p.text(p.one("pre")))
	}
	w.send(exposed("first_test", "u-1", "control", 0))
	if got := here(); got != "3" {
		t.Errorf("after an event: step %s", got)
	}
	p := b.get("/")
	if !strings.Contains(p.Body.String(), "/experiments/new?adopt=first_test") {
		t.Error("there is no way to adopt it")
	}
	w.declare("", checkout("first_test", ""))
	if got := here(); got != "done" {
		t.Errorf("declared: step %s", got)
	}
}

// The other crossover policy has its own counts, and says so.
func TestTheOtherPolicy(t *testing.T) {
	w := open(t)
	w.declare("", checkout("x", ""))
	w.send(traffic("x", 2, 60, []string{"control", "b"}, []int{5, 4})...)
	w.send(exposed("x", "crossed", "control", 0), exposed("x", "crossed", "b", 1))
	users := func(query, variant string) string {
		p := w.browser().get("/experiments/x" + query).must(http.StatusOK)
		p.sound()
		for _, row := range children(p.with("data-metric", "purchase"), "tr") {
			if v, _ := attribute(row, "data-variant"); v == variant {
				return p.text(children(row, "td")[0])
			}
		}
		return "none"
	}
	if own, other := users("", "control"), users("?policy=other", "control"); own != "60" || other != "61" {
		t.Errorf("%s users of control, %s under the other policy; want 60 and 61", own, other)
	}
	if matured := users("?population=matured", "control"); matured == "none" {
		t.Error("the matured are not shown")
	}
}
