package registry_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/registry"
)

// planned is an experiment after some changes of its definition.
func planned(t testing.TB, changes ...string) *registry.Experiment {
	t.Helper()
	var r registry.Registry
	for i, text := range changes {
		next, _, err := r.Apply(fmt.Appendf(nil, text, i+1), uint64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		r = next
	}
	e, ok := r.Get("x")
	if !ok {
		t.Fatal("there is no experiment")
	}
	return e
}

const (
	running = `"runs":[{"run":1,"status":"running","started_at":"2026-11-20T00:00:00Z","ended_at":null}]`
	stopped = `"runs":[{"run":1,"status":"stopped","started_at":"2026-11-20T00:00:00Z","ended_at":"2026-11-21T00:00:00Z"}]`
	twice   = `"runs":[{"run":1,"status":"stopped","started_at":"2026-11-20T00:00:00Z","ended_at":"2026-11-21T00:00:00Z"},
		{"run":2,"status":"running","started_at":"2026-11-22T00:00:00Z","ended_at":null}]`
)

// revision is one change: what is said about the decision and the metric, and the runs.
func revision(decision, metric, rest string) string {
	return `{"id":"x","revision":%d,"changed_at":"2026-11-20T00:00:00Z","variants":[{"key":"a"},{"key":"b"}],"control":"a",
		"metrics":[{"id":"m","role":"primary","type":"sum","event":"e"` + metric + `}],"decision":{` + decision + `},` + rest + `}`
}

func TestPlanIsFrozenAtTheStart(t *testing.T) {
	draft := planned(t, revision(`"min_days":10`, ``, `"runs":[]`))
	if got := draft.Plans(1); got != nil {
		t.Errorf("a draft has the plans %v", got)
	}
	e := planned(t,
		revision(`"min_days":10`, ``, `"runs":[]`),
		revision(`"min_days":10,"min_units_per_variant":5000`, ``, running),
		revision(`"min_days":10,"min_units_per_variant":5000`, ``, `"name":"another name","owner":"o","hypothesis":"h",`+running),
		revision(`"min_days":8,"min_units_per_variant":5000`, ``, running), // the same whole weeks
		revision(`"min_days":8,"min_units_per_variant":5000`, `,"window":"24h"`, running),
		revision(`"min_days":8,"min_units_per_variant":1`, `,"window":"24h"`, stopped), // too late to be a plan
		revision(`"min_days":8,"min_units_per_variant":1`, `,"window":"24h"`, twice),
	)
	plans := e.Plans(1)
	if len(plans) != 2 {
		t.Fatalf("run 1 has %d plans, not one and another for the changed window", len(plans))
	}
	first := plans[0]
	if first.Number != 1 || first.Revision != 2 || first.Days != 14 || first.UnitsPerVariant != 5000 || first.SequentialUsers != 10_000 || first.MaxExpectedLoss != 0.0025 {
		t.Errorf("the first plan is %+v", first)
	}
	if second := plans[1]; second.Number != 2 || second.Revision != 5 || second.SHA256 == first.SHA256 || len(second.SHA256) != 64 {
		t.Errorf("the second plan is %+v", second)
	}
	if again := e.Plans(2); len(again) != 1 || again[0].UnitsPerVariant != 1 || again[0].SequentialUsers != registry.LeastSequentialUsers {
		t.Errorf("run 2 has the plans %+v", again)
	}
}

// Whatever the rule is made of changes its hash, and nothing else does.
func TestEveryPartOfTheRuleIsInItsHash(t *testing.T) {
	base := revision(``, ``, running)
	hash := planned(t, base).Plans(1)[0].SHA256
	for _, other := range []string{
		revision(`"min_days":15`, ``, running), revision(`"min_units_per_variant":101`, ``, running), revision(`"threshold":0.95`, ``, running),
		revision(`"max_expected_loss":0.01`, ``, running), revision(`"planned_effect":0.05`, ``, running),
		revision(``, `,"window":"0"`, running), revision(``, `,"cap":100`, running), revision(``, `,"direction":"decrease"`, running),
		revision(``, `,"prior":{"mean":0,"sd":0.3}`, running), revision(``, ``, `"crossover":"first_exposure",`+running),
	} {
		if planned(t, other).Plans(1)[0].SHA256 == hash {
			t.Errorf("has the same hash: %s", other)
		}
	}
	for _, same := range []string{revision(`"min_days":7`, ``, running), revision(`"max_expected_loss":0.0025`, ``, running), revision(``, ``, `"name":"n",`+running)} {
		if planned(t, same).Plans(1)[0].SHA256 != hash {
			t.Errorf("has another hash: %s", same)
		}
	}
}

func TestWholeWeeks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		days := rapid.Int64Range(0, 1e6).Draw(rt, "days")
		if w := registry.WholeWeeks(days); w%7 != 0 || w < days || w-days > 6 {
			rt.Fatalf("%d days are %d", days, w)
		}
	})
}

func TestFaultsOfPlans(t *testing.T) {
	for text, pointer := range map[string]string{
		revision(``, `,"cap":0`, running): "/metrics/0/cap", revision(``, `,"cap":-1`, running): "/metrics/0/cap", revision(``, `,"cap":1e13`, running): "/metrics/0/cap",
		revision(``, `,"prior":{"mean":0,"sd":0}`, running): "/metrics/0/prior/sd", revision(``, `,"prior":{"mean":1e9,"sd":1}`, running): "/metrics/0/prior/mean",
		revision(`"planned_effect":0`, ``, running): "/decision/planned_effect", revision(`"max_expected_loss":0`, ``, running): "/decision/max_expected_loss",
	} {
		var r registry.Registry
		if _, _, err := r.Apply(fmt.Appendf(nil, text, 1), 1); err == nil || !strings.Contains(err.Error(), pointer) {
			t.Errorf("%s: %v", pointer, err)
		}
	}
}
