package pages_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/pages"
)

// Every type of metric has its figures, whichever of them decides.
func TestEveryTypeOfMetric(t *testing.T) {
	types := map[string]string{
		"proportion": `"type":"proportion","event":"purchase"`, "count": `"type":"count","event":"purchase"`, "sum": `"type":"sum","event":"purchase","field":"value","cap":500,"prior":{"mean":0,"sd":0.3}`,
		"mean": `"type":"mean","event":"purchase","field":"value","direction":"decrease"`, "ratio": `"type":"ratio","numerator":{"event":"purchase","field":"value"},"denominator":"visit"`,
	}
	for primary := range types {
		t.Run(primary, func(t *testing.T) {
			w := open(t)
			var metrics []string
			for id, rest := range types {
				role := "secondary"
				if id == primary {
					role = "primary"
				}
				metrics = append(metrics, fmt.Sprintf(`{"id":%q,"role":%q,"window":"72h",%s}`, id, role, rest))
			}
			w.declare("", `{"id":"x","variants":[{"key":"off"},{"key":"on","name":"Shown"}],"control":"off","metrics":[`+strings.Join(metrics, ",")+`]}`)
			var events []canonical.Event
			for i, e := range traffic("x", 12, 80, []string{"off", "on"}, []int{3, 2}) {
				if e.Kind == canonical.Converted {
					e.Value, e.Currency = canonical.Number{Micros: int64(10+i%17) * canonical.Million, Set: true}, "EUR"
					visit := e
					visit.ConversionEvent, visit.Value, visit.Currency = "visit", canonical.Number{}, ""
					events = append(events, visit)
				}
				events = append(events, e)
			}
			w.send(events...)
			b := w.browser()
			for _, query := range []string{"", "?population=matured", "?policy=other", "?filtered=include"} {
				p := b.get("/experiments/x" + query).must(http.StatusOK)
				p.sound()
				for id := range types {
					p.with("data-metric", id)
				}
				for _, bad := range []string{"NaN", "Inf", "%!", "<nil>", "[object"} {
					if strings.Contains(p.Body.String(), bad) {
						t.Errorf("%s: the page says %s", query, bad)
					}
				}
			}
			p := b.get("/experiments/x")
			for _, id := range []string{"chart-lift", "chart-users", "chart-age"} {
				p.with("id", id)
			}
			b.get("/experiments/x/edit").must(http.StatusOK).sound()
			if rows := b.get("/experiments/x/rows").must(http.StatusOK); !strings.Contains(rows.text(rows.one("main")), "EUR") {
				t.Error("the rows have no amounts")
			}
		})
	}
}

// What was is shown as it was, and says so; it does not follow along.
func TestTheReadoutAsOfASequence(t *testing.T) {
	w := open(t)
	w.declare("", checkout("x", ""))
	w.send(traffic("x", 2, 40, []string{"control", "b"}, []int{5, 4})...)
	seq := w.View().Seq
	p := w.browser().get(fmt.Sprintf("/experiments/x?at_seq=%d&population=matured", seq)).must(http.StatusOK)
	p.sound()
	if !strings.Contains(p.text(p.one("main")), fmt.Sprintf("This is the readout as of sequence %d", seq)) {
		t.Errorf("%s", p.text(p.one("main")))
	}
	if _, live := attribute(p.one("main"), "data-live"); live {
		t.Error("the past follows along")
	}
	if got := p.form("/experiments/x"); got.Get("population") != "matured" {
		t.Errorf("the form for another sequence forgets %v", got)
	}
	if p := w.browser().get("/experiments/x?at_seq=1").must(http.StatusUnprocessableEntity); !strings.Contains(p.text(p.one("main")), "keeps no earlier states") {
		t.Errorf("%s", p.text(p.one("main")))
	}
}

// An alias that is another's, and other faults without a field of their own, are told all the same.
func TestFaultsWithoutAField(t *testing.T) {
	w := open(t)
	w.declare("", checkout("x", `,"aliases":{"vwo":["17"]}`))
	b := w.browser()
	fill := map[string]string{"id": "y", "metrics/0/id": "m", "metrics/0/event": "e", "by": "ada", "do": "store", "aliases": "vwo = 17"}
	p := b.submit("/experiments/new", "/experiments/new", fill).must(http.StatusUnprocessableEntity)
	if bad, _ := attribute(p.with("name", "aliases"), "aria-invalid"); bad != "true" {
		t.Errorf("the alias is not marked: %s", p.text(p.with("id", "faults")))
	}
	fill["aliases"] = "no equals sign"
	b.submit("/experiments/new", "/experiments/new", fill).must(http.StatusUnprocessableEntity).sound()
	fill["aliases"], fill["variants/0/aliases"] = "", "vwo = treatment"
	p = b.submit("/experiments/new", "/experiments/new", fill).must(http.StatusUnprocessableEntity)
	if bad, _ := attribute(p.with("name", "variants/0/aliases"), "aria-invalid"); bad != "true" {
		t.Errorf("the variant's alias is not marked: %s", p.text(p.with("id", "faults")))
	}
	fill["variants/0/aliases"], fill["metrics/0/type"], fill["metrics/0/numerator"] = "", "ratio", ""
	p = b.submit("/experiments/new", "/experiments/new", fill).must(http.StatusUnprocessableEntity)
	if bad, _ := attribute(p.with("name", "metrics/0/numerator"), "aria-invalid"); bad != "true" {
		t.Errorf("the numerator is not marked: %s", p.text(p.with("id", "faults")))
	}
	fill["metrics/0/type"], fill["id"] = "proportion", "x"
	p = b.submit("/experiments/new", "/experiments/new", fill).must(http.StatusConflict)
	if !strings.Contains(p.text(p.with("id", "faults")), "already exists") || p.form("/experiments/new").Get("id") != "x" {
		t.Errorf("%s", p.text(p.with("id", "faults")))
	}
	w.browser().get("/experiments/new?adopt=nobody").must(http.StatusNotFound)
	b.get("/experiments/nobody/edit").must(http.StatusNotFound)
}

// What pages load is kept for ever under its own address, and asked about under any other.
func TestAssets(t *testing.T) {
	w := open(t)
	b := w.browser()
	p := b.get("/experiments").must(http.StatusOK)
	n := 0
	for _, name := range []string{"link", "script"} {
		for _, one := range p.named(name) {
			path, _ := attribute(one, "href")
			if name == "script" {
				path, _ = attribute(one, "src")
			}
			a := b.get(path).must(http.StatusOK)
			bare, _, _ := strings.Cut(path, "?")
			if !strings.Contains(a.Header().Get("Cache-Control"), "immutable") || strings.Contains(b.get(bare).must(http.StatusOK).Header().Get("Cache-Control"), "immutable") {
				t.Errorf("%s: %v", path, a.Header())
			}
			if strings.Contains(a.Body.String(), "http://") && !strings.Contains(a.Body.String(), "http://www.w3.org/2000/svg") {
				t.Errorf("%s names another place", path)
			}
			n++
		}
	}
	if n < 4 {
		t.Errorf("only %d files", n)
	}
}

// Every path that is answered is one of those that a router is told.
func TestPathsCoverThePages(t *testing.T) {
	w := open(t)
	states(w)
	b := w.browser()
	for _, at := range []string{"/", "/experiments", "/experiments/review", "/units/user/u", "/sources", "/sign-in"} {
		for _, a := range b.get(at).named("a") {
			href, _ := attribute(a, "href")
			path, _, _ := strings.Cut(strings.SplitN(href, "?", 2)[0], "#")
			if path == "" || path == "/openapi.json" {
				continue
			}
			covered := false
			for _, known := range pages.Paths() {
				covered = covered || path == known || strings.HasSuffix(known, "/") && known != "/" && strings.HasPrefix(path, known)
			}
			if !covered {
				t.Errorf("%s is on no router", path)
			}
		}
	}
}

// A failure of ours says nothing of its reason.
func TestAFailureTellsNothing(t *testing.T) {
	w := open(t, func(o *pages.Options) {
		o.API = http.HandlerFunc(func(a http.ResponseWriter, _ *http.Request) {
			a.WriteHeader(http.StatusInternalServerError)
			_ = json.NewEncoder(a).Encode(map[string]any{"title": "Internal Server Error", "detail": "secret reason"})
		})
	})
	w.declare("", checkout("x", ""))
	p := w.browser().get("/experiments/x").must(http.StatusInternalServerError)
	p.sound()
	if strings.Contains(p.Body.String(), "secret") {
		t.Error("the reason is told")
	}
	if p := w.browser().get("/experiments").must(http.StatusOK); strings.Contains(p.Body.String(), "secret") {
		t.Error("the reason is told in the list")
	}
	broken := open(t, func(o *pages.Options) {
		o.API = http.HandlerFunc(func(a http.ResponseWriter, _ *http.Request) { _, _ = a.Write([]byte("no JSON")) })
	})
	broken.declare("", checkout("x", ""))
	broken.browser().get("/experiments/x").must(http.StatusInternalServerError).sound()
}

func TestTheLastRequestIsDated(t *testing.T) {
	w := open(t)
	for after, want := range map[time.Duration]string{time.Second: "just now", 30 * time.Second: "30 seconds ago", 30 * time.Minute: "30 minutes ago", 5 * time.Hour: "5 hours ago", 72 * time.Hour: "3 days ago"} {
		w.doors.mu.Lock()
		w.doors.list = []pages.Source{{Name: "api", Requests: 1, Last: w.now.Add(-after), LastStatus: 202}}
		w.doors.mu.Unlock()
		if p := w.browser().get("/sources"); !strings.Contains(p.text(p.with("data-source", "api")), "last request "+want+", status 202") {
			t.Errorf("%v: %s", after, p.text(p.with("data-source", "api")))
		}
	}
}
