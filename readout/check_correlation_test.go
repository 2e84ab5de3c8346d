package readout_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/store"
)

// shopper is a person whose numbers are known.
type shopper struct {
	arm       int
	elsewhere bool  // seen in the other arm as well, later
	spent     []int // hundredths, by purchase
}

// numbers are the shopper's, by the metrics that shops declares and that are measured in pairs.
func (s shopper) numbers() map[string]float64 {
	all := map[string]float64{"orders": float64(len(s.spent))}
	for _, cents := range s.spent {
		all["bought"] = 1
		all["revenue"] += float64(cents) / 100
	}
	all["capped"] = min(all["revenue"], 1.5)
	return all
}

const shops = `{"id":"x","variants":[{"key":"control"},{"key":"b"}],"control":"control","crossover":%q,"metrics":[
 {"id":"bought","role":"primary","type":"proportion","event":"purchase"},{"id":"basket","type":"mean","event":"purchase","field":"value"},
 {"id":"orders","type":"count","event":"purchase"},{"id":"revenue","type":"sum","event":"purchase","field":"value"},
 {"id":"capped","type":"sum","event":"purchase","field":"value","cap":1.5}],` + runs + `}`

// pearsonOf is the correlation of two metrics within the arms, slowly and in floating point; false where one of them
// does not vary.
func pearsonOf(people []shopper, a, b string) (float64, bool) {
	var n, y, z [2]float64
	for _, p := range people {
		n[p.arm]++
		y[p.arm] += p.numbers()[a]
		z[p.arm] += p.numbers()[b]
	}
	var yy, zz, yz float64
	for _, p := range people {
		dy, dz := p.numbers()[a]-y[p.arm]/n[p.arm], p.numbers()[b]-z[p.arm]/n[p.arm]
		yy, zz, yz = yy+dy*dy, zz+dz*dz, yz+dy*dz
	}
	if yy < 1e-9 || zz < 1e-9 {
		return 0, false
	}
	return yz / math.Sqrt(yy*zz), true
}

// TestCorrelationsArePearsons: they are what two passes over the persons say, from -1 to 1, the strongest first, each
// pair once, and the same whatever the order of the events.
func TestCorrelationsArePearsons(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dice := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		policy := rapid.SampledFrom([]string{"exclude", "first_exposure"}).Draw(rt, "policy")
		most := rapid.IntRange(0, 4).Draw(rt, "purchases")
		w, people := &world{}, []shopper(nil)
		w.define(fmt.Sprintf(shops, policy))
		for i := range rapid.IntRange(85, 130).Draw(rt, "people") {
			s := shopper{arm: dice.IntN(2), elsewhere: dice.IntN(20) == 0}
			user := fmt.Sprintf("u%d", i)
			w.expose(user, [...]string{"control", "b"}[s.arm], canonical.Time(i))
			if s.elsewhere {
				w.expose(user, [...]string{"b", "control"}[s.arm], canonical.Time(i)+day)
			}
			for n := range dice.IntN(most + 1) {
				s.spent = append(s.spent, dice.IntN(400)-100)
				w.convert(user, "purchase", canonical.Time(i+n+1), worth(fmt.Sprintf("%.2f", float64(s.spent[n])/100)))
			}
			if !s.elsewhere || policy == "first_exposure" {
				people = append(people, s)
			}
		}
		check := correlatedIn(rt, w)
		events := w.records[1:]
		dice.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		if again := correlatedIn(rt, w); !reflect.DeepEqual(again, check) {
			rt.Fatalf("in another order %+v, was %+v", again, check)
		}
		if fault := correlates(people, check); fault != "" {
			rt.Fatal(fault)
		}
	})
}

// correlatedIn is the check in a log's readout.
func correlatedIn(t failer, w *world) readout.Check {
	db, err := store.Open("state", store.Options{Cache: 1 << 20, MemTable: 1 << 20, Disk: store.NewDisk()})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, db)
	r, err := readout.Make(w.apply(t, db), readout.Question{Experiment: "x"}, "test")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text(t, r), []byte(`"correlations": [`)) {
		t.Fatal("no correlations in the JSON")
	}
	return checkOf(t, r)
}

func checkOf(t failer, r *readout.Readout) readout.Check {
	i := slices.IndexFunc(r.Checks, func(c readout.Check) bool { return c.Check == "correlated_metrics" })
	if i != len(r.Checks)-1 {
		t.Fatalf("correlated_metrics is check %d of %d", i+1, len(r.Checks))
	}
	return r.Checks[i]
}

// correlates says what is wrong with the correlations, "" if nothing is.
func correlates(people []shopper, check readout.Check) string {
	want := map[[2]string]float64{}
	metrics := []string{"bought", "capped", "orders", "revenue"}
	for i, a := range metrics {
		for _, b := range metrics[i+1:] {
			if r, varies := pearsonOf(people, a, b); varies && len(people) >= 100 {
				want[[2]string{a, b}] = r
				if back, _ := pearsonOf(people, b, a); math.Abs(back-r) > 1e-12 {
					return "the reference is not symmetric"
				}
			}
		}
	}
	got := check.Correlations.Correlations
	if len(got) != len(want) || len(got) == 0 != (check.Status == readout.NotEnoughData) {
		return fmt.Sprintf("%d pairs, want %d: %s, %s", len(got), len(want), check.Status, check.Detail)
	}
	last := 1.0
	for _, c := range got {
		r, known := want[c.Metrics]
		if size := math.Abs(c.Correlation); !known || math.Abs(c.Correlation-r) > 1e-9 || size > last {
			return fmt.Sprintf("%q correlate by %v, want %v, after %v", c.Metrics, c.Correlation, r, last)
		}
		last = math.Abs(c.Correlation)
		delete(want, c.Metrics)
	}
	return ""
}

// scored lets n users of a variant score, each on three measures.
func (w *world) scored(variant string, n int, score func(i int) [3]int) {
	for i := range n {
		user := fmt.Sprintf("%s-%d", variant, i)
		w.expose(user, variant, canonical.Time(i))
		for j, s := range score(i) {
			w.convert(user, fmt.Sprintf("score%d", j), canonical.Time(i+1), worth(fmt.Sprint(s)))
		}
	}
}

const scores = `{"id":"x","variants":[{"key":"control"},{"key":"b"},{"key":"c"}],"control":"control","metrics":[
 {"id":"s0","role":"primary","type":"sum","event":"score0","field":"value"},{"id":"s1","type":"sum","event":"score1","field":"value"},
 {"id":"s2","type":"sum","event":"score2","field":"value"}],` + runs + `}`

// TestOneWinIsCountedOnce: the check warns of metrics that differ in the same variant and move together, and of no
// others.
func TestOneWinIsCountedOnce(t *testing.T) {
	cases := []struct {
		name   string
		users  int
		score  func(i, arm int) [3]int // arms: control, b, c
		status readout.CheckStatus
		pairs  map[string]float64 // within 0.01
		detail string
	}{
		{
			"one is another one doubled", 200, func(i, arm int) [3]int { s := i%10 + 3*(arm&1); return [3]int{s, 2 * s, i / 10 % 10} },
			readout.Warning,
			map[string]float64{"s0 s1": 1, "s0 s2": 0, "s1 s2": 0},
			"s0 and s1 differ in b, but move together (correlation 1.00): treat them as one result, not two.",
		},
		{
			"independent", 200, func(i, arm int) [3]int { return [3]int{i%10 + 3*arm, i/10%10 + 3*arm, i % 10 * (i / 10 % 10)} },
			readout.OK,
			map[string]float64{"s0 s1": 0},
			"No two metrics that differ in the same variant (p < 0.05) move together by a correlation of 0.7 or more, either way. The strongest of any two is",
		},
		{
			"against each other", 200, func(i, arm int) [3]int { return [3]int{i%10 + 3*arm, 20 - i%10 - 3*arm, i / 10 % 10} },
			readout.Warning,
			map[string]float64{"s0 s1": -1},
			"s0 and s1 differ in b and c, but move against each other (correlation -1.00): treat them as one result, not two.",
		},
		{
			"all three", 200, func(i, arm int) [3]int { s := i%10 + 3*arm; return [3]int{s, 2*s + i/10%4, s} },
			readout.Warning,
			map[string]float64{"s0 s2": 1},
			"s0, s1 and s2 differ in b and c, but move together (correlations of 0.98 to 1.00, either way): treat them as one result, not three.",
		},
		{
			"together, but no difference", 200, func(i, _ int) [3]int { return [3]int{i % 10, i % 10, i / 10 % 10} },
			readout.OK,
			map[string]float64{"s0 s1": 1},
			"The strongest of any two is 1.00, of s0 and s1.",
		},
		{"together, but they differ in different variants", 200, func(i, arm int) [3]int {
			return [3]int{i%10 + 3*(arm&1), i%10 + 3*(arm>>1), i / 10 % 10}
		}, readout.OK, map[string]float64{"s0 s1": 1}, "The strongest of any two is 1.00, of s0 and s1."},
		{
			"one does not vary", 200, func(i, arm int) [3]int { return [3]int{i%10 + 3*arm, 4 + arm, i / 10 % 10} },
			readout.OK,
			map[string]float64{"s0 s2": 0},
			"of s0 and s2.",
		},
		{
			"too few", 33, func(i, arm int) [3]int { return [3]int{i%10 + 3*arm, i%10 + 3*arm, i} },
			readout.NotEnoughData,
			map[string]float64{},
			"100 users and two metrics that vary are needed.",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := &world{}
			w.define(scores)
			for arm, variant := range []string{"control", "b", "c"} {
				w.scored(variant, c.users, func(i int) [3]int { return c.score(i, arm) })
			}
			got := checkOf(t, w.readout(t))
			if got.Status != c.status || !strings.Contains(got.Detail, c.detail) {
				t.Errorf("%s: %s", got.Status, got.Detail)
			}
			by := map[string]float64{}
			for _, one := range got.Correlations.Correlations {
				by[strings.Join(one.Metrics[:], " ")] = one.Correlation
			}
			for pair, want := range c.pairs {
				if r, ok := by[pair]; !ok || math.Abs(r-want) > 0.01 {
					t.Errorf("%s correlate by %v, want %v", pair, by[pair], want)
				}
			}
			if len(c.pairs) == 0 && len(by) > 0 {
				t.Errorf("%v", by)
			}
		})
	}
}

// TestNothingToCorrelate: one metric, or an experiment that nobody declared, has no such check.
func TestNothingToCorrelate(t *testing.T) {
	for _, definition := range []string{"", declared("")} {
		w := &world{}
		if definition != "" {
			w.define(definition)
		}
		w.arm("control", 100, 20)
		w.arm("b", 100, 30)
		for i := range 50 {
			w.convert(fmt.Sprintf("b-%d", i), "visit", 2000)
		}
		for _, c := range w.readout(t).Checks {
			if c.Check == "correlated_metrics" {
				t.Errorf("%q: %+v", definition, c)
			}
		}
	}
}
