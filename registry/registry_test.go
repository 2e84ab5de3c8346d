package registry_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

const good = `{"id":"checkout_headline_test","name":"Checkout headline","owner":"growth@example.com",
 "variants":[{"key":"control","name":"Today's","weight":1},{"key":"variant_b","name":"Shorter","weight":1,"aliases":{"launchdarkly":["1"]}}],
 "control":"control","aliases":{"launchdarkly":["checkout-headline"]},
 "metrics":[{"id":"purchase","role":"primary","type":"proportion","event":"purchase","direction":"increase","window":"168h"},
            {"id":"revenue","role":"secondary","type":"sum","event":"purchase","field":"value"}],
 "crossover":"exclude","decision":{"threshold":0.9,"min_units_per_variant":100,"min_days":7,"max_expected_loss":null}}`

func parse(t *testing.T, text string) registry.Definition {
	t.Helper()
	var d registry.Definition
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return d
}

func TestNormalizeFillsInDefaults(t *testing.T) {
	d := parse(t, `{"id":"x","variants":[{"key":"b"},{"key":"off"}],"metrics":[{"type":"proportion","event":"purchase"},{"id":"r","type":"sum","event":"purchase"},
	 {"id":"q","type":"ratio","numerator":"purchase","denominator":{"event":"visit","field":"metric_value"},"window":"0"}]}`)
	if err := d.Normalize(); err != nil {
		t.Fatal(err)
	}
	if d.Control != "off" || d.Crossover != registry.Exclude || *d.Variants[0].Weight != 1 || *d.Decision.Threshold != 0.9 {
		t.Errorf("%+v", d)
	}
	m := d.Metrics
	if m[0].Role != registry.Primary || m[0].ID != "purchase" || m[1].Role != registry.Secondary || m[1].Field != "value" || *m[1].Window != registry.DefaultWindow || *m[2].Window != 0 {
		t.Errorf("%+v", m)
	}
	if m[2].Numerator.Event != "purchase" || m[2].Denominator.Field != "metric_value" {
		t.Errorf("ratio %+v / %+v", m[2].Numerator, m[2].Denominator)
	}
	once, _ := json.Marshal(d)
	again := parse(t, string(once))
	if err := again.Normalize(); err != nil {
		t.Fatal(err)
	}
	if twice, _ := json.Marshal(again); string(twice) != string(once) {
		t.Errorf("normalized twice: %s, once: %s", twice, once)
	}
}

// TestKind: an experiment says nothing of its kind, a holdout does.
func TestKind(t *testing.T) {
	for given, stored := range map[string]string{``: "", `,"kind":""`: "", `,"kind":"experiment"`: "", `,"kind":"holdout"`: `"kind":"holdout"`} {
		d := parse(t, strings.Replace(good, `"crossover":"exclude"`, `"crossover":"exclude"`+given, 1))
		if err := d.Normalize(); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(d)
		if err != nil || strings.Contains(string(text), `"kind":`) != (stored != "") || !strings.Contains(string(text), stored) {
			t.Errorf("%q is stored as %s, %v", given, text, err)
		}
	}
}

func TestNormalizeNamesEveryFault(t *testing.T) {
	replace := func(old, with string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the definition", old)
		}
		return strings.Replace(good, old, with, 1)
	}
	cases := map[string]string{
		"/id":                                    replace(`"checkout_headline_test"`, `""`),
		"/variants":                              `{"id":"x","variants":[{"key":"a"}],"metrics":[]}`,
		"/variants/1/key":                        replace(`"key":"variant_b"`, `"key":"control"`),
		"/variants/0/weight":                     replace(`"weight":1`, `"weight":-1`),
		"/control":                               replace(`"control":"control"`, `"control":"c"`),
		"/metrics":                               replace(`"role":"secondary"`, `"role":"primary"`),
		"/metrics/0/role":                        replace(`"role":"primary"`, `"role":"main"`),
		"/metrics/1/id":                          replace(`"id":"revenue"`, `"id":"purchase"`),
		"/metrics/0/type":                        replace(`"type":"proportion"`, `"type":"median"`),
		"/metrics/1/field":                       replace(`"field":"value"`, `"field":"price"`),
		"/metrics/0/direction":                   replace(`"direction":"increase"`, `"direction":"up"`),
		"/metrics/0/event":                       replace(`"event":"purchase"`, `"event":""`),
		"/metrics/1/numerator":                   replace(`"type":"sum","event":"purchase","field":"value"`, `"type":"ratio","denominator":"v"`),
		"/kind":                                  replace(`"crossover":"exclude"`, `"crossover":"exclude","kind":"Holdout"`),
		"/crossover":                             replace(`"crossover":"exclude"`, `"crossover":"keep"`),
		"/decision/threshold":                    replace(`"threshold":0.9`, `"threshold":1`),
		"/decision/min_days":                     replace(`"min_days":7`, `"min_days":-1`),
		"/decision/min_units_per_variant":        replace(`"min_units_per_variant":100`, `"min_units_per_variant":-5`),
		"/decision/max_expected_loss":            replace(`"max_expected_loss":null`, `"max_expected_loss":0`),
		"/aliases/launchdarkly/1":                replace(`["checkout-headline"]`, `["a","a"]`),
		"/variants/1/aliases/launchdarkly/0":     replace(`["1"]`, `["control"]`),
		"/variants/1/aliases/launch~1darkly~0/1": replace(`"launchdarkly":["1"]`, `"launch/darkly~":["1","1"]`),
	}
	for pointer, text := range cases {
		d := parse(t, text)
		var faults registry.Faults
		if err := d.Normalize(); !errors.As(err, &faults) {
			t.Errorf("%s: %v", pointer, err)
			continue
		}
		found := false
		for _, f := range faults {
			found = found || f.Pointer == pointer && f.Detail != ""
		}
		if !found {
			t.Errorf("%s is not among %v", pointer, faults)
		}
	}
	for _, window := range []string{`"-1h"`, `"forever"`, `"1000000h"`, `"d"`} {
		var d registry.Definition
		if err := json.Unmarshal([]byte(replace(`"168h"`, window)), &d); err == nil {
			t.Errorf("window %s was taken", window)
		}
	}
}

// apply makes a registry of definitions in order.
func apply(t *testing.T, texts ...string) registry.Registry {
	t.Helper()
	var r registry.Registry
	for i, text := range texts {
		next, _, err := r.Apply([]byte(text), uint64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		r = next
	}
	return r
}

func TestResolve(t *testing.T) {
	r := apply(t, strings.Replace(good, `"control":"control"`, `"control":"control","revision":1,"runs":[{"run":1,"status":"running","started_at":null,"ended_at":null}]`, 1))
	for _, c := range []struct{ source, experiment, native, want string }{
		{"launchdarkly", "checkout-headline", "checkout-headline", "checkout_headline_test"},
		{"launchdarkly", "other", "checkout-headline", "checkout_headline_test"},
		{"statsig", "checkout-headline", "", "checkout-headline"},
		{"api", "checkout_headline_test", "", "checkout_headline_test"},
	} {
		if got := r.Resolve(c.source, c.experiment, c.native); got != c.want {
			t.Errorf("%+v resolved to %s", c, got)
		}
	}
	x, _ := r.Get("checkout_headline_test")
	for _, c := range []struct {
		source, label, native, want string
		known                       bool
	}{
		{"api", "variant_b", "", "variant_b", true},
		{"launchdarkly", "1", "", "variant_b", true},
		{"launchdarkly", "true", "1", "variant_b", true},
		{"api", "1", "", "1", false},
		{"launchdarkly", "2", "2", "2", false},
	} {
		if got, known := x.Variant(c.source, c.label, c.native); got != c.want || known != c.known {
			t.Errorf("%+v: %s %v", c, got, known)
		}
	}
	d := parse(t, strings.ReplaceAll(good, "checkout_headline_test", "another"))
	if err := r.Taken(&d); err == nil || !strings.Contains(err.Error(), "checkout_headline_test") {
		t.Errorf("an alias with two meanings: %v", err)
	}
	if len(x.Uses("purchase")) != 2 || len(x.Uses("visit")) != 0 {
		t.Errorf("uses of purchase: %v", x.Uses("purchase"))
	}
}

func TestRunsAndWindows(t *testing.T) {
	at := func(s string) canonical.Time {
		v, err := canonical.ParseTime(s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	runs := `"runs":[{"run":1,"status":"stopped","started_at":null,"ended_at":"2026-02-01T00:00:00Z"},{"run":2,"status":"running","started_at":"2026-03-01T00:00:00Z","ended_at":null}]`
	r := apply(t, strings.Replace(good, `"control":"control"`, `"control":"control",`+runs, 1))
	x, _ := r.Get("checkout_headline_test")
	for when, want := range map[string]int{"2020-01-01T00:00:00Z": 1, "2026-01-31T23:59:59Z": 1, "2026-02-01T00:00:00Z": 0, "2026-03-01T00:00:00Z": 2, "2030-01-01T00:00:00Z": 2} {
		if got := x.RunAt(at(when)); got != want {
			t.Errorf("%s is in run %d, want %d", when, got, want)
		}
	}
	if text, _ := json.Marshal(x.Runs[0]); string(text) != `{"ended_at":"2026-02-01T00:00:00Z","run":1,"started_at":null,"status":"stopped"}` {
		t.Errorf("run 1 is written as %s", text)
	}
	w := registry.Window(time.Hour)
	zero := at("2026-03-01T00:00:00Z")
	for offset, want := range map[time.Duration]bool{-time.Millisecond: false, 0: true, time.Hour - time.Millisecond: true, time.Hour: false} {
		if w.Holds(zero, zero.Add(offset)) != want {
			t.Errorf("a window of an hour holds %s: %v", offset, !want)
		}
	}
	if !registry.Window(0).Holds(zero, zero.Add(1000*time.Hour)) || registry.Window(0).Holds(zero, zero-1) {
		t.Error("a window without limit")
	}
}

func TestApplyRefusesWhatItCannotRead(t *testing.T) {
	r := apply(t, good)
	for _, bad := range []string{``, `[]`, `{"id":"x"}`, `{"id":1}`} {
		next, x, err := r.Apply([]byte(bad), 9)
		if !errors.Is(err, registry.ErrChange) || x != nil || next.Revision != r.Revision {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestGuessControl(t *testing.T) {
	cases := []struct {
		variants             string // in the order given, with commas between
		declared, undeclared string
	}{
		{"treatment,baseline,a", "baseline", "baseline"},
		{"b,a", "b", "a"},
		{"Control,Blue button", "Control", "Control"},
		{"Blue button,CONTROL", "CONTROL", "CONTROL"},
		{"banner,original", "original", "original"},
		{"original,control", "control", "control"},
		{"Control,control", "control", "control"},
		{"banner, Original ", " Original ", " Original "},
		{"On,Off", "Off", "Off"},
		{"1,0", "0", "0"},
		{"Zeta,alpha,Beta", "Zeta", "alpha"},
		{"controlled,uncontrolled", "controlled", "controlled"},
		{"new,Default", "Default", "Default"},
	}
	for _, c := range cases {
		variants := strings.Split(c.variants, ",")
		if got := registry.GuessControl(variants); got != c.declared {
			t.Errorf("%q: %q, want %q", c.variants, got, c.declared)
		}
		slices.Reverse(variants)
		if got := registry.GuessUndeclaredControl(variants); got != c.undeclared {
			t.Errorf("%q, undeclared: %q, want %q", c.variants, got, c.undeclared)
		}
	}
	if registry.GuessControl(nil) != "" || registry.GuessUndeclaredControl(nil) != "" {
		t.Error("no variants have a control")
	}
}

func TestHistoryIsAValue(t *testing.T) {
	old := apply(t, good) // a record without runs, revision and decisions, as the first ones were
	one, _, err := old.Apply([]byte(strings.Replace(good, `"control":"control"`, `"control":"control","revision":2`, 1)), 2)
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := old.Apply([]byte(strings.Replace(good, `"control":"control"`, `"control":"variant_b","revision":2`, 1)), 3)
	if err != nil {
		t.Fatal(err)
	}
	const id = "checkout_headline_test"
	if h := old.History(id); len(h) != 1 || h[0].Seq != 1 || h[0].Revision != 0 {
		t.Errorf("the first registry remembers %v", h)
	}
	if a, b := one.History(id), other.History(id); len(a) != 2 || len(b) != 2 || a[1].Control != "control" || b[1].Control != "variant_b" || a[0] != b[0] {
		t.Errorf("%v %v", a, b)
	}
	if h := one.History("other"); h != nil {
		t.Errorf("%v", h)
	}
}

// What a change of a run holds is read back as it was written.
func TestRunsAreReadBack(t *testing.T) {
	x, _ := apply(t, good).Get("checkout_headline_test")
	variant := "variant_b"
	step := registry.Step{Now: canonical.MinTime + 1000, By: "ann", Reason: "bots", Variant: &variant}
	r := apply(t, good)
	for i, take := range []func() (*registry.Change, error){
		func() (*registry.Change, error) { return x.Start(step) },
		func() (*registry.Change, error) { return x.EndEarly(step) },
		func() (*registry.Change, error) {
			return x.Decide(registry.Outcome{Variant: &variant, Why: "x", By: "ann", At: step.Now, AsOf: registry.Basis{StreamSeq: 7}})
		},
		func() (*registry.Change, error) { return r.TakeBack(x, step) },
	} {
		before, _ := json.Marshal(x.Change)
		c, err := take()
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if after, _ := json.Marshal(x.Change); string(after) != string(before) {
			t.Errorf("step %d writes to what was there: %s", i, after)
		}
		if r, x, err = r.Apply(text, uint64(i+2)); err != nil {
			t.Fatal(err)
		}
		if again, _ := json.Marshal(x.Change); string(again) != string(text) || x.Revision != i+1 {
			t.Errorf("read %s\nwrote %s", again, text)
		}
	}
	if run, _ := x.Run(1); run.Status != registry.Running || len(x.Decisions) != 1 || run.Invalid() {
		t.Errorf("%+v", x.Change)
	}
}
