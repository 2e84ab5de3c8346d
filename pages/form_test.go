package pages_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/tracklayer/tracklayer/registry"
)

// The life of an experiment by its forms alone, as somebody without script clicks through it.
func TestALifeByForms(t *testing.T) {
	w := open(t)
	b := w.browser()
	p := b.submit("/experiments/new", "/experiments/new", map[string]string{
		"id": "cta", "name": "Call to action", "metrics/0/id": "signup", "metrics/0/event": "signed_up", "by": "ada", "status": "draft", "do": "store",
		"decision/threshold": "0.95", "decision/min_units_per_variant": "1,000", "aliases": "launchdarkly = cta-flag\nvwo=17", "variants/1/aliases": "launchdarkly = 1; vwo = 2",
	})
	if p.Code != http.StatusSeeOther || p.Header().Get("Location") != "/experiments/cta" {
		t.Fatalf("created: %d %s", p.Code, p.text(p.one("main")))
	}
	x := func() *registry.Experiment {
		t.Helper()
		found, ok := w.View().Registry.Get("cta")
		if !ok {
			t.Fatal("it is not declared")
		}
		return found
	}
	if d := x(); *d.Decision.MinUnitsPerVariant != 1000 || *d.Decision.Threshold != 0.95 || d.By != "ada" || d.Aliases["vwo"][0] != "17" || d.Variants[1].Aliases["launchdarkly"][0] != "1" {
		t.Errorf("stored %+v by %q", d.Definition, d.By)
	}
	step := func(action string, fill map[string]string) {
		t.Helper()
		path := "/experiments/cta/do/" + action
		if p := b.submit("/experiments/cta", path, fill); p.Code != http.StatusSeeOther {
			t.Fatalf("%s: %d %s", action, p.Code, p.text(p.one("main")))
		}
	}
	step("start", map[string]string{"by": "ada"})
	step("end-early", map[string]string{"by": "grace", "reason": "pricing incident", "variant": "treatment"})
	step("take-back", map[string]string{"by": "grace"})
	step("stop", map[string]string{"by": "ada", "reason": "planned end"})
	step("decide", map[string]string{"by": "ada", "why": "clear", "variant": "treatment"})
	step("start", map[string]string{"by": "ada"})
	got := x()
	if len(got.Runs) != 2 || got.Runs[0].Status != registry.Decided || got.Runs[1].Status != registry.Running || got.Revision != 7 {
		t.Errorf("runs %+v at revision %d", got.Runs, got.Revision)
	}
	if o := got.Decisions[0]; *o.Variant != "treatment" || o.By != "ada" || o.AsOf.Readout == "" {
		t.Errorf("decision %+v", o)
	}
	p = b.get("/experiments/cta").must(http.StatusOK)
	p.sound()
	for _, word := range []string{"ended variant treatment of run 1 early: pricing incident", "took back", "grace", "Run 1: treatment", "SHA-256"} {
		if !strings.Contains(p.text(p.one("main")), word) {
			t.Errorf("the page does not tell of %q", word)
		}
	}
	b.get("/experiments/cta?run=1").must(http.StatusOK).sound()
}

func TestAStepThatCannotBeTaken(t *testing.T) {
	w := open(t)
	w.declare("", checkout("x", ""))
	b := w.browser()
	const path = "/experiments/x/do/"
	p := b.submit(path+"end-early", path+"end-early", map[string]string{"by": " ", "reason": "", "variant": "b"}).must(http.StatusUnprocessableEntity)
	p.sound()
	for _, name := range []string{"by", "reason"} {
		if bad, _ := attribute(p.with("name", name), "aria-invalid"); bad != "true" {
			t.Errorf("%s is not marked", name)
		}
	}
	if v := p.form(path + "end-early"); v.Get("variant") != "b" {
		t.Errorf("what was chosen is gone: %v", v)
	}
	long := strings.Repeat("x", 4001)
	p = b.submit(path+"end-early", path+"end-early", map[string]string{"by": "ada", "reason": long}).must(http.StatusUnprocessableEntity)
	if p.form(path+"end-early").Get("reason") != long {
		t.Error("what was typed is gone")
	}
	if p = b.submit(path+"start", path+"start", map[string]string{"by": "ada"}).must(http.StatusConflict); !strings.Contains(p.text(p.one("main")), "running already") {
		t.Errorf("start of what runs: %s", p.text(p.one("main")))
	}
	b.submit(path+"decide", path+"decide", map[string]string{"by": "ada", "why": "now"}).must(http.StatusConflict).sound()
	b.submit(path+"end-early", path+"end-early", map[string]string{"by": "ada", "reason": "r", "variant": "nobody"}).must(http.StatusUnprocessableEntity)
	b.get("/experiments/unknown/do/start").must(http.StatusNotFound)
}

func TestTheFormKeepsWhatWasTyped(t *testing.T) {
	w := open(t)
	b := w.browser()
	typed := map[string]string{
		"id": "", "name": `A "name" & <more>`, "variants/0/weight": "heavy", "metrics/0/id": "m", "metrics/0/event": "e", "metrics/0/window": "soon", "hypothesis": "It is better.", "by": "ada", "do": "store",
	}
	p := b.submit("/experiments/new", "/experiments/new", typed).must(http.StatusUnprocessableEntity)
	p.sound()
	if bad, _ := attribute(p.with("name", "variants/0/weight"), "aria-invalid"); bad != "true" {
		t.Error("the weight is not marked")
	}
	if faults := p.text(p.with("id", "faults")); !strings.Contains(faults, "Variant 1, weight") || strings.Contains(faults, "Id ") {
		t.Errorf("faults: %s", faults) // a window that cannot be read keeps the rest from being looked at
	}
	typed["metrics/0/window"] = "24h"
	p = b.submit("/experiments/new", "/experiments/new", typed).must(http.StatusUnprocessableEntity)
	if faults := p.text(p.with("id", "faults")); !strings.Contains(faults, "Variant 1, weight") || !strings.Contains(faults, "Id ") {
		t.Errorf("not all faults are told at once: %s", faults)
	}
	typed["metrics/0/window"] = "soon"
	typed["variants/0/weight"] = "2"
	p = b.submit("/experiments/new", "/experiments/new", typed).must(http.StatusUnprocessableEntity)
	if bad, _ := attribute(p.with("name", "metrics/0/window"), "aria-invalid"); bad != "true" {
		t.Error("the window is not marked")
	}
	typed["metrics/0/window"] = "24h"
	p = b.submit("/experiments/new", "/experiments/new", typed).must(http.StatusUnprocessableEntity)
	p.sound()
	form := p.form("/experiments/new")
	for name, value := range typed {
		if name != "do" && form.Get(name) != value {
			t.Errorf("%s is %q, %q was typed", name, form.Get(name), value)
		}
	}
	if bad, _ := attribute(p.with("name", "id"), "aria-invalid"); bad != "true" {
		t.Errorf("the id is not marked: %s", p.text(p.with("id", "faults")))
	}
	if len(w.View().Registry.All()) != 0 {
		t.Error("something was declared")
	}
}

func TestRowsCanBeAddedAndEmptyOnesDoNotCount(t *testing.T) {
	w := open(t)
	b := w.browser()
	form := b.get("/experiments/new").form("/experiments/new")
	count := func(p page) int {
		return len(p.all(func(n *html.Node) bool {
			name, _ := attribute(n, "name")
			return strings.HasPrefix(name, "variants/") && strings.HasSuffix(name, "/key")
		}))
	}
	form.Set("do", "add-variants")
	form.Set("id", "many")
	p := b.do(http.MethodPost, "/experiments/new", form).must(http.StatusOK)
	p.sound()
	if count(p) != 3 {
		t.Fatalf("%d variants", count(p))
	}
	form = p.form("/experiments/new")
	form.Set("variants/1/key", "")
	form.Set("variants/2/key", "third")
	form.Set("metrics/0/id", "m")
	form.Set("metrics/0/event", "e")
	form.Set("by", "ada")
	form.Set("do", "store")
	b.do(http.MethodPost, "/experiments/new", form).must(http.StatusSeeOther)
	if x, _ := w.View().Registry.Get("many"); len(x.Variants) != 2 || x.Variants[1].Key != "third" {
		t.Errorf("variants %+v", x.Variants)
	}
}

func TestAnEditTakesNothingAway(t *testing.T) {
	w := open(t)
	w.declare("", `{"id":"x","name":"X","owner":"o@example.com","variants":[{"key":"control","aliases":{"vwo":["1"]}},{"key":"b","weight":2.5}],"aliases":{"vwo":["17"]},
 "metrics":[{"id":"m","role":"primary","type":"sum","event":"e","field":"metric_value","window":"36h","cap":99.5,"prior":{"mean":0,"sd":0.3}},
            {"id":"r","role":"secondary","type":"ratio","numerator":{"event":"e","field":"value"},"denominator":"v","direction":"decrease"}],"decision":{"max_expected_loss":0.001,"planned_effect":0.05}}`)
	before, _ := w.View().Registry.Get("x")
	b := w.browser()
	p := b.submit("/experiments/x/edit", "/experiments/x/edit", map[string]string{"by": "ada", "do": "store"})
	p.must(http.StatusSeeOther)
	same, _ := w.View().Registry.Get("x")
	if same.Revision != 1 {
		t.Fatalf("nothing was changed, and yet: %s", same.What)
	}
	b.submit("/experiments/x/edit", "/experiments/x/edit", map[string]string{"by": "ada", "owner": "", "metrics/0/cap": "100", "do": "store"}).must(http.StatusSeeOther)
	after, _ := w.View().Registry.Get("x")
	if after.Owner != "" || *after.Metrics[0].Cap != 100 || after.Metrics[0].Prior.SD != 0.3 || after.By != "ada" || after.Name != before.Name {
		t.Errorf("after: %+v", after.Definition)
	}
	stale := b.get("/experiments/x/edit").form("/experiments/x/edit")
	stale.Set("by", "ada")
	b.submit("/experiments/x/edit", "/experiments/x/edit", map[string]string{"by": "grace", "name": "Y", "do": "store"}).must(http.StatusSeeOther)
	stale.Set("name", "Z")
	p = b.do(http.MethodPost, "/experiments/x/edit", stale).must(http.StatusPreconditionFailed)
	p.sound()
	if p.form("/experiments/x/edit").Get("name") != "Z" {
		t.Error("what was typed is gone")
	}
}

func TestThePlanIsWorkedOut(t *testing.T) {
	w := open(t)
	b := w.browser()
	form := b.get("/experiments/new").form("/experiments/new")
	form.Set("plan/baseline", "0.1")
	form.Set("plan/effect", "0.1")
	form.Set("plan/daily_users", "2000")
	form.Set("do", "plan")
	p := b.do(http.MethodPost, "/experiments/new", form).must(http.StatusOK)
	p.sound()
	sentence := p.text(p.with("id", "plan-sentence"))
	if !strings.Contains(sentence, "per variant") {
		t.Errorf("plan: %s", sentence)
	}
	alone := b.do(http.MethodPost, "/experiments/new/plan", form).must(http.StatusOK)
	if alone.text(alone.with("id", "plan-sentence")) != sentence {
		t.Errorf("alone: %s", alone.Body)
	}
	form.Set("do", "take")
	took := b.do(http.MethodPost, "/experiments/new", form).must(http.StatusOK).form("/experiments/new")
	if took.Get("decision/planned_effect") != "0.1" || len(took.Get("decision/min_units_per_variant")) < 4 || took.Get("decision/min_days") != "21" && took.Get("decision/min_days") != "14" {
		t.Errorf("took %v", took)
	}
	form.Set("plan/baseline", "2")
	b.do(http.MethodPost, "/experiments/new", form).must(http.StatusOK).sound()
	form.Set("plan/baseline", "much")
	b.do(http.MethodPost, "/experiments/new/plan", form).must(http.StatusOK)
	b.do(http.MethodPost, "/experiments/new/plan", url.Values{"token": form["token"]}).must(http.StatusOK)
}

// TestNumbersOfTheForm: decimal commas and percent are stored as what they mean, and what can mean two numbers is marked.
func TestNumbersOfTheForm(t *testing.T) {
	w := open(t)
	b := w.browser()
	typed := map[string]string{
		"id": "commas", "metrics/0/id": "revenue", "metrics/0/type": "sum", "metrics/0/field": "value", "metrics/0/event": "order", "metrics/0/cap": "99,90", "variants/0/weight": "1,5",
		"decision/planned_effect": "5%", "decision/threshold": "95 %", "decision/min_units_per_variant": "1,000", "by": "ada", "status": "draft", "do": "store",
	}
	if p := b.submit("/experiments/new", "/experiments/new", typed); p.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", p.Code, p.text(p.one("main")))
	}
	x, _ := w.View().Registry.Get("commas")
	if d := x.Definition; *d.Variants[0].Weight != 1.5 || *d.Metrics[0].Cap != 99.9 || *d.Decision.PlannedEffect != 0.05 || *d.Decision.Threshold != 0.95 || *d.Decision.MinUnitsPerVariant != 1000 {
		t.Errorf("stored %+v %+v", d.Variants[0], d.Decision)
	}
	typed["id"], typed["metrics/0/cap"], typed["decision/threshold"] = "unclear", "1.234,56", "0,9,5"
	p := b.submit("/experiments/new", "/experiments/new", typed).must(http.StatusUnprocessableEntity)
	for _, name := range []string{"metrics/0/cap", "decision/threshold"} {
		if bad, _ := attribute(p.with("name", name), "aria-invalid"); bad != "true" {
			t.Errorf("%s is not marked", name)
		}
	}
	if _, stored := w.View().Registry.Get("unclear"); stored {
		t.Error("stored a number that can mean two")
	}
}

// TestAHoldoutIsLabelled: the page says that it is one, and editing it in the form leaves that.
func TestAHoldoutIsLabelled(t *testing.T) {
	w := open(t)
	w.declare("", checkout("held", `,"kind":"holdout"`))
	w.declare("", checkout("plain", ""))
	b := w.browser()
	p := b.get("/experiments/held").must(http.StatusOK)
	p.sound()
	if got := p.text(p.with("id", "kind")); got != "Holdout" {
		t.Errorf("labelled %q", got)
	}
	if p := b.get("/experiments/plain"); len(p.all(func(n *html.Node) bool { id, _ := attribute(n, "id"); return id == "kind" })) != 0 {
		t.Error("an experiment is labelled")
	}
	if p := b.submit("/experiments/held/edit", "/experiments/held/edit", map[string]string{"name": "Held out", "by": "ada", "do": "store"}); p.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", p.Code, p.text(p.one("main")))
	}
	if x, _ := w.View().Registry.Get("held"); x.Kind != "holdout" || x.Name != "Held out" {
		t.Errorf("stored %+v", x.Definition)
	}
}
