package readout_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/readout"
)

var update = flag.Bool("update", false, "rewrite testdata")

const money = `{"id":"x","variants":[{"key":"control"},{"key":"b"}],"metrics":[
 {"id":"orders","role":"primary","type":"count","event":"purchase"},
 {"id":"revenue","type":"sum","event":"purchase","field":"value"},
 {"id":"basket","type":"mean","event":"purchase","field":"value"},
 {"id":"revenue per visit","type":"ratio","numerator":{"event":"purchase","field":"value"},"denominator":"visit"},
 {"id":"visits per order","type":"ratio","numerator":"visit","denominator":"purchase"},
 {"id":"refunds","role":"guardrail","type":"sum","event":"refund","direction":"decrease"}],` + runs + `}`

// spend gives user i of an arm visits and orders of different worth.
func (w *world) spend(variant string, n, extra int) {
	for i := range n {
		user := fmt.Sprintf("%s-%d", variant, i)
		w.expose(user, variant, 0)
		for v := range 1 + i%3 {
			w.convert(user, "visit", canonical.Time(100+v))
		}
		for o := range i % 4 {
			w.convert(user, "purchase", canonical.Time(1000+o), worth(fmt.Sprintf("%d.%02d", 10+7*(i%5)+extra, i%100)))
		}
		if i%25 == 0 {
			w.convert(user, "refund", 5000, worth("-12.5"))
		}
	}
}

// crossed has 400 users an arm and thirty who saw both, ten of them first in b.
func crossed(w *world) {
	w.arm("control", 400, 40)
	w.arm("b", 400, 60)
	for i := range 30 {
		user := fmt.Sprintf("both-%d", i)
		w.expose(user, "control", canonical.Time(50*(i%3)))
		w.expose(user, "b", 60)
		if i%2 == 0 {
			w.convert(user, "purchase", 5000)
		}
	}
	w.at(10 * day)
}

var worlds = []struct {
	name  string
	build func(*world)
}{
	{"effect", func(w *world) {
		w.define(declared(`"decision":{"max_expected_loss":0.01},`))
		w.arm("control", 1000, 100)
		w.arm("b", 1010, 160)
		w.at(10 * day)
	}},
	{"reference", func(w *world) {
		w.define(declared(`"decision":{"max_expected_loss":0.01},`))
		w.arm("control", 1000, 120)
		w.arm("b", 1000, 140)
		w.at(10 * day)
	}},
	{"undeclared", func(w *world) {
		w.arm("off", 120, 12)
		w.arm("on", 130, 20)
		w.arm("other", 125, 9)
		w.convert("on-0", "signup", 2000)
	}},
	{"undeclared_one_event", func(w *world) { w.arm("off", 120, 12); w.arm("on", 130, 20) }},
	{"crossovers_excluded", func(w *world) { w.define(declared("")); crossed(w) }},
	{"crossovers_kept", func(w *world) { w.define(declared(`"crossover":"first_exposure",`)); crossed(w) }},
	{"ended_early", func(w *world) {
		w.define(declared(""))
		w.arm("control", 200, 20)
		w.arm("b", 200, 30)
		for i := range 12 {
			w.end(fmt.Sprintf("b-%d", i), "b", "pricing incident", 3000)
		}
		w.end("control-0", "control", "bot", 3000)
		w.expose("control-1", "b", 10)
		w.end("control-1", "control", "bot", 3000)
		w.end("stranger", "b", "bot", 3000)
		w.at(8 * day)
	}},
	{"mismatch", func(w *world) {
		w.define(declared(""))
		w.arm("control", 1000, 100)
		w.arm("b", 800, 100)
		w.at(10 * day)
	}},
	{"leak", func(w *world) {
		w.define(`{"id":"x","variants":[{"key":"control"},{"key":"b"},{"key":"paused","weight":0}],"metrics":[],` + runs + `}`)
		w.arm("control", 40, 0)
		w.arm("b", 40, 0)
		w.arm("paused", 1, 0)
	}},
	{"money", func(w *world) {
		w.define(money)
		w.spend("control", 150, 0)
		w.spend("b", 160, 6)
		w.at(10 * day)
	}},
	{"money_few", func(w *world) {
		w.define(money)
		w.spend("control", 9, 0)
		w.spend("b", 8, 6)
	}},
	{"decrease", func(w *world) {
		w.define(strings.Replace(declared(""), `"event":"purchase"`, `"event":"purchase","direction":"decrease"`, 1))
		w.arm("control", 1000, 140)
		w.arm("b", 1000, 120)
		w.at(10 * day)
	}},
	{"three_treatments", func(w *world) {
		w.define(`{"id":"x","variants":[{"key":"control","weight":2},{"key":"b"},{"key":"c"},{"key":"d"}],
			"metrics":[{"type":"proportion","event":"purchase"}],` + runs + `}`)
		w.arm("control", 400, 40)
		w.arm("b", 210, 30)
		w.arm("c", 190, 27)
		w.arm("d", 205, 0)
		w.at(10 * day)
	}},
	{"strays", func(w *world) {
		w.define(declared(""))
		w.arm("control", 60, 0)
		w.arm("b", 60, 0)
		w.expose("lost", "c", 0)
		w.convert("lost", "purchase", 10)
		for i := range 15 {
			w.convert(fmt.Sprintf("nobody-%d", i), "purchase", 5, named("b"))
		}
		w.convert("control-3", "purchase", -5)
		w.convert("control-4", "purchase", 8*day)
		w.convert("control-5", "purchase", 10, named("b"))
	}},
	{"filtered", func(w *world) {
		w.define(declared(""))
		w.define(staff)
		w.people()
		w.strangers()
		w.at(10 * day)
	}},
	{"no_data", func(w *world) { w.define(declared("")) }},
	{"draft", func(w *world) {
		w.define(strings.Replace(declared(""), runs, `"revision":1,"change":"created","runs":[]`, 1))
		w.arm("control", 3, 1)
	}},
}

func TestGoldens(t *testing.T) {
	for _, c := range worlds {
		t.Run(c.name, func(t *testing.T) {
			w := &world{}
			c.build(w)
			got := text(t, w.readout(t))
			wholesome(t, got)
			file := filepath.Join("testdata", c.name+".json")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s; go test -update rewrites it. Got\n%s", file, got)
			}
		})
	}
}

// wholesome holds of every readout: valid JSON, every null has its reason, nobody has won.
func wholesome(t failer, raw []byte) {
	t.Helper()
	var r map[string]any
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, raw)
	}
	for _, m := range r["metrics"].([]any) {
		m := m.(map[string]any)
		rows := append(m["variants"].([]any), m["matured"].(map[string]any)["variants"].([]any)...)
		for _, v := range rows {
			for _, part := range []any{v, v.(map[string]any)["lift"], v.(map[string]any)["covariate_adjusted"], m["power"]} {
				if part, ok := part.(map[string]any); ok {
					reasoned(t, part)
				}
			}
			nested(t, v.(map[string]any))
		}
	}
	if headline := r["decision"].(map[string]any)["headline"].(string); !strings.HasSuffix(headline, ".") {
		t.Errorf("the headline %q is no sentence", headline)
	}
	for _, word := range []string{"NaN", "Inf", "winner", " won ", "%!"} {
		if bytes.Contains(raw, []byte(word)) {
			t.Errorf("a readout must not say %q:\n%s", word, raw)
		}
	}
}

// nested: a wider level is a wider interval, and each holds the same estimate's sign or says nothing.
func nested(t failer, row map[string]any) {
	t.Helper()
	intervals, _ := row["intervals"].(map[string]any)
	for kind, levels := range intervals {
		inner, _ := levels.(map[string]any)["80"].([]any)
		for _, level := range []string{"90", "95"} {
			outer, ok := levels.(map[string]any)[level].([]any)
			if ok && (inner == nil || outer[0].(float64) > inner[0].(float64) || outer[1].(float64) < inner[1].(float64)) {
				t.Errorf("%s at %s %% is %v, at the level below %v", kind, level, outer, inner)
			}
			inner = outer
		}
	}
}

func reasoned(t failer, of map[string]any) {
	t.Helper()
	reasons, _ := of["reasons"].(map[string]any)
	for name, value := range of {
		if (value == nil) != (reasons[name] != nil) {
			t.Errorf("%s is %v, its reason %v", name, value, reasons[name])
		}
	}
	for name := range reasons {
		if _, ok := of[name]; !ok {
			t.Errorf("a reason for %s, which is not there", name)
		}
	}
}

func build(name string) *world {
	for _, c := range worlds {
		if c.name == name {
			w := &world{}
			c.build(w)
			return w
		}
	}
	panic(name)
}

func near(t *testing.T, what string, got *float64, want, tolerance float64) {
	t.Helper()
	if got == nil || math.Abs(*got-want) > tolerance*math.Max(1, math.Abs(want)) {
		t.Errorf("%s is %v, want %v", what, value(got), want)
	}
}

func value(p *float64) any {
	if p == nil {
		return nil
	}
	return *p
}

// The reference case beta_binomial-01, computed independently with forty digits.
func TestReferenceCase(t *testing.T) {
	r := build("reference").readout(t)
	row := r.Metrics[0].Variants[1]
	near(t, "P(beat)", row.ProbabilityToBeatControl, 0.9078725863702234, 1e-12)
	near(t, "low", &row.CredibleInterval[0], -0.07033005627215137, 1e-12)
	near(t, "high", &row.CredibleInterval[1], 0.4642182006418127, 1e-12)
	near(t, "lift", row.Lift.Relative, 1.0/6, 1e-12)
	near(t, "variance", row.Variance, 0.14*0.86*1000/999, 1e-15)
	se := math.Sqrt(0.12*0.88/1000 + 0.14*0.86/1000)
	near(t, "p", row.PValue, math.Erfc(0.02/se/math.Sqrt2), 1e-12)
	if r.Decision.Status != readout.EligibleForReview {
		t.Errorf("the decision is %+v", r.Decision)
	}
}

// The mirrored experiment with lower being better says the same of probability and loss.
func TestDirectionFlips(t *testing.T) {
	up, down := build("reference").readout(t).Metrics[0].Variants[1], build("decrease").readout(t).Metrics[0].Variants[1]
	near(t, "P(beat)", down.ProbabilityToBeatControl, *up.ProbabilityToBeatControl, 1e-12)
	near(t, "loss", down.ExpectedLoss, *up.ExpectedLoss, 1e-12)
	near(t, "lift keeps its sign", down.Lift.Absolute, -*up.Lift.Absolute, 1e-12)
}

func TestDecisions(t *testing.T) {
	const early = "min_units_per_variant min_days min_conversions threshold"
	cases := map[string]string{
		"effect": "eligible_for_review:", "reference": "eligible_for_review:", "no_data": "collecting: " + early,
		"draft": "draft: draft", "mismatch": "unhealthy: sample_ratio_mismatch sample_ratio_by_day max_expected_loss stability",
		"leak":       "unhealthy: sample_ratio_mismatch min_units_per_variant min_days no_primary_metric",
		"undeclared": "collecting: undeclared min_days no_primary_metric", "undeclared_one_event": "collecting: undeclared " + early,
		"three_treatments": "collecting: min_conversions threshold max_expected_loss stability", "money_few": "collecting: " + early,
		"crossovers_excluded": "unhealthy: crossover", "crossovers_kept": "unhealthy: crossover max_expected_loss stability",
	}
	for name, want := range cases {
		d := build(name).readout(t).Decision
		got := string(d.Status) + ":"
		for _, b := range d.Blockers {
			got += " " + b.Blocker
		}
		if got != want {
			t.Errorf("%s: %s, want %s\n%+v", name, got, want, d.Blockers)
		}
	}
}

func TestWhatIsNotThere(t *testing.T) {
	v := build("reference").fold(t)
	for _, c := range []struct {
		id   string
		run  int
		want error
	}{{"y", 0, readout.ErrNoExperiment}, {"x", 2, readout.ErrNoRun}, {"x", -1, readout.ErrNoRun}, {"x", 1, nil}} {
		if _, err := readout.Make(v, readout.Question{Experiment: c.id, Run: c.run}, "test"); !errors.Is(err, c.want) {
			t.Errorf("%s, run %d: %v, want %v", c.id, c.run, err, c.want)
		}
	}
	v = build("undeclared").fold(t)
	if _, err := readout.Make(v, readout.Question{Experiment: "x", Run: 2}, "test"); !errors.Is(err, readout.ErrNoRun) {
		t.Errorf("an undeclared experiment has one run: %v", err)
	}
}

// A run that has ended keeps the days it had, however long the log goes on.
func TestAnEndedRunStandsStill(t *testing.T) {
	for _, c := range []struct {
		run      string
		status   readout.DecisionStatus
		blockers string
	}{
		{`"status":"running","ended_at":null`, readout.EligibleForReview, ""},
		{`"status":"stopped","ended_at":"2026-11-22T00:00:00Z"`, readout.Stopped, "min_units_per_variant min_days min_conversions threshold"},
		{`"status":"decided","ended_at":"2026-11-30T00:00:00Z"`, readout.Decided, ""},
		{`"status":"ended_early","ended_at":"2026-11-30T00:00:00Z","ended_reason":"bots"`, readout.EndedEarly, "ended_early"},
		{`"status":"ended_early","ended_at":"2026-11-30T00:00:00Z","ended_reason":"bots","ended_variant":["b"]`, readout.EndedEarly, "ended_early"},
	} {
		w := &world{}
		w.define(strings.Replace(declared(""), `"status":"running","started_at":null,"ended_at":null`, `"started_at":null,`+c.run, 1))
		w.arm("control", 1000, 100)
		w.arm("b", 1010, 160)
		w.at(30 * day)
		r := w.readout(t)
		var blockers []string
		for _, b := range r.Decision.Blockers {
			blockers = append(blockers, b.Blocker)
		}
		if r.Decision.Status != c.status || strings.Join(blockers, " ") != c.blockers || r.Variants[1].ExposedUsers != 1010 {
			t.Errorf("%s: %s, blockers %v", c.run, r.Decision.Status, r.Decision.Blockers)
		}
		ofB := strings.Contains(c.run, "variant")
		if broken := c.status == readout.EndedEarly; r.Invalid != (broken && !ofB) || r.Variants[1].Invalid != ofB || r.Variants[0].Invalid {
			t.Errorf("%s: invalid %v %v", c.run, r.Invalid, r.Variants)
		}
	}
}
