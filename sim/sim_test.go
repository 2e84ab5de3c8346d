package sim_test

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

const page = "../docs/simulation.md"

// groupsOf are all scenarios by table, without outcomes.
func groupsOf(t testing.TB) []group {
	t.Helper()
	return []group{
		{title: "No effect", scenarios: noEffect(), columns: noEffectColumns()},
		{title: "Something to find, or to hold back", scenarios: effects(t), columns: effectColumns()},
		{title: "Faulty data", scenarios: faults(), columns: faultColumns()},
	}
}

// TestSmall: a few experiments with and without an effect keep what holds of each one, whatever chance does, and the
// events of an index never change.
func TestSmall(t *testing.T) {
	without, with := noEffect()[1], effects(t)[1]
	const experiments = 30
	groups := []group{
		{title: "No effect", scenarios: []scenario{without}, columns: noEffectColumns()},
		{title: "Effect", scenarios: []scenario{with}, columns: effectColumns()},
		{title: "Faults", scenarios: []scenario{faults()[2]}, columns: faultColumns()},
	}
	for i := range groups {
		g := &groups[i]
		g.outcomes = [][]outcome{g.scenarios[0].run(t, experiments)}
		for index, o := range g.outcomes[0] {
			if o.eligible > 0 && o.eligible < o.horizon && (o.win == 0 || o.win > o.eligible) {
				t.Errorf("experiment %d of %s was eligible on day %d, before its planned end on day %d, without a marker of a win", index, g.scenarios[0].name, o.eligible, o.horizon)
			}
			if o.horizon > 0 && o.horizon < horizon {
				t.Errorf("experiment %d of %s reached its end on day %d, planned was %d", index, g.scenarios[0].name, o.horizon, horizon)
			}
			if o.naiveOnce && o.naive == 0 || o.eligible > 0 && (o.matured == 0 || o.matured > o.eligible) {
				t.Errorf("experiment %d of %s was eligible, or likely on the last day, and not likely up to then: %+v", index, g.scenarios[0].name, o)
			}
		}
	}
	null, effect, crossing := groups[0].outcomes[0], groups[1].outcomes[0], groups[2].outcomes[0]
	eligible := func(o *outcome) bool { return o.eligible > 0 }
	if share(effect, eligible) < 0.5 || share(null, eligible) > 0.2 {
		t.Errorf("eligible with the planned effect %v, without one %v", share(effect, eligible), share(null, eligible))
	}
	if share(crossing, func(o *outcome) bool { return o.failed == "crossover" }) != 1 {
		t.Error("3 % of the users cross over, and not every experiment is unhealthy for it")
	}
	again, err := with.simulate(3)
	if err != nil || !reflect.DeepEqual(again, effect[3]) {
		t.Errorf("experiment 3 is %+v, and once more %+v (%v)", effect[3], again, err)
	}
	text := report(groups)
	for _, name := range []string{without.name, with.name} {
		if n := strings.Count(text, "| `"+name+"` |"); n != 3 { // the legend, its table, what stood in the way
			t.Errorf("the report names %s %d times:\n%s", name, n, text)
		}
	}
}

// TestScenarios: every scenario has a definition that the registry takes and a name of its own, and is the one that the
// page tells of.
func TestScenarios(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), legend(groupsOf(t))) {
		t.Errorf("%s has other scenarios; make sim says how to rewrite its tables", page)
	}
	names := map[string]bool{}
	for _, g := range groupsOf(t) {
		for _, s := range g.scenarios {
			if names[s.name] {
				t.Errorf("two scenarios are named %s, and would have the same people", s.name)
			}
			names[s.name] = true
			s.perArm = 1
			if _, err := s.simulate(0); err != nil {
				t.Errorf("%s: %v", s.name, err)
			}
		}
	}
}
