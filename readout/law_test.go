package readout_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/store"
)

// season is an experiment over some days, drawn so that every condition of a decision is met and missed often.
type season struct {
	keys      []string
	direction string
	policy    string
	window    int64 // days; 0: none
	days      int
	units     int
	minDays   int
	threshold float64
	loss      float64
	people    []visitor
}

type visitor struct {
	arm, day         int
	buys, complaints int // days after the exposure; -1: never
	before           int // purchases on the days before it
}

func drawSeason(t *rapid.T) *season {
	s := &season{
		keys:      []string{"control", "b", "c"}[:rapid.IntRange(2, 3).Draw(t, "arms")],
		direction: rapid.SampledFrom([]string{"increase", "decrease"}).Draw(t, "direction"),
		policy:    rapid.SampledFrom([]string{"exclude", "first_exposure"}).Draw(t, "policy"),
		window:    rapid.Int64Range(0, 2).Draw(t, "window"),
		days:      rapid.IntRange(4, 10).Draw(t, "days"),
		units:     rapid.SampledFrom([]int{10, 60, 100}).Draw(t, "units"),
		minDays:   rapid.SampledFrom([]int{0, 0, 7}).Draw(t, "min days"),
		threshold: rapid.SampledFrom([]float64{0.6, 0.9}).Draw(t, "threshold"),
		loss:      rapid.SampledFrom([]float64{0.0025, 0.5}).Draw(t, "loss"),
	}
	perDay := rapid.SampledFrom([]int{5, 30, 60}).Draw(t, "a day")
	dice := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	for arm := range s.keys {
		rate := float64(rapid.IntRange(5, 60).Draw(t, "rate")) / 100
		bad := float64(rapid.IntRange(0, 20).Draw(t, "complaints")) / 100
		for day := range s.days {
			for range perDay {
				v := visitor{arm: arm, day: day, buys: -1, complaints: -1, before: max(0, dice.IntN(6)-3)}
				if dice.Float64() < rate {
					v.buys = dice.IntN(3)
				}
				if dice.Float64() < bad {
					v.complaints = dice.IntN(3)
				}
				s.people = append(s.people, v)
			}
		}
	}
	return s
}

func (s *season) definition(direction string) string {
	var variants []string
	for _, key := range s.keys {
		variants = append(variants, fmt.Sprintf(`{"key":%q}`, key))
	}
	return fmt.Sprintf(`{"id":"x","variants":[%s],"control":"control","crossover":%q,"window":"%dh",
 "decision":{"threshold":%v,"min_units_per_variant":%d,"min_days":%d,"max_expected_loss":%v},
 "metrics":[{"id":"purchase","role":"primary","type":"proportion","event":"purchase","direction":%q},
  {"id":"orders","type":"count","event":"purchase","direction":%q},
  {"id":"complaints","role":"guardrail","type":"proportion","event":"complaint","direction":"decrease"}],%s}`,
		strings.Join(variants, ","), s.policy, 24*s.window, s.threshold, s.units, s.minDays, s.loss, direction, direction, runs)
}

// now is the time that the log has reached: noon of the day after the last.
func (s *season) now() canonical.Time { return canonical.Time(s.days)*day + day/2 }

// log is what the visitors did that the filter keeps, up to the time.
func (s *season) log(direction string, keep func(visitor) bool) *world {
	w := &world{}
	w.define(s.definition(direction))
	for i, v := range s.people {
		if !keep(v) {
			continue
		}
		user, at := fmt.Sprintf("u%d", i), canonical.Time(v.day)*day+canonical.Time(i)
		w.expose(user, s.keys[v.arm], at)
		for n := range v.before {
			w.convert(user, "purchase", at-canonical.Time(n+1)*day)
		}
		for event, after := range [...]int{v.buys, v.complaints} {
			if then := at + canonical.Time(after)*day + 1000; after >= 0 && then < s.now() {
				w.convert(user, [...]string{"purchase", "complaint"}[event], then)
			}
		}
	}
	w.at(s.now())
	return w
}

func all(visitor) bool { return true }

func (s *season) matured(v visitor) bool {
	return s.window == 0 || canonical.Time(v.day+1+int(s.window))*day <= s.now()
}

func made(t failer, w *world) (*readout.Readout, []byte) {
	db, err := store.Open("state", store.Options{Cache: 1 << 20, MemTable: 1 << 20, Disk: store.NewDisk()})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, db)
	return madeOf(t, w.apply(t, db))
}

func madeOf(t failer, v *sums.View) (*readout.Readout, []byte) {
	r, err := readout.Make(v, readout.Question{Experiment: "x"}, "test")
	if err != nil {
		t.Fatal(err)
	}
	raw := text(t, r)
	wholesome(t, raw)
	return r, raw
}

// TestADecisionIsWhatItSays: eligible is what meets every condition, recomputed here from the JSON alone, and what does
// not names why.
func TestADecisionIsWhatItSays(t *testing.T) {
	met := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		s := drawSeason(t)
		_, raw := made(t, s.log(s.direction, all))
		var r map[string]any
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		d := r["decision"].(map[string]any)
		missed := s.misses(r)
		eligible := d["status"] == "eligible_for_review"
		met[eligible]++
		if eligible != (len(missed) == 0) {
			t.Fatalf("the status is %v, the conditions that are missed: %v\nblockers: %v", d["status"], missed, d["blockers"])
		}
		if eligible != (len(d["blockers"].([]any)) == 0) {
			t.Fatalf("the status is %v with the blockers %v", d["status"], d["blockers"])
		}
		order := []any{"sample_ratio_mismatch", "crossover", "sample_ratio_by_day", "min_units_per_variant", "min_days", "min_conversions", "threshold", "max_expected_loss", "planned_look", "stability", "guardrail"}
		at := -1
		for _, b := range d["blockers"].([]any) {
			b := b.(map[string]any)
			if b["detail"] == "" || b["lifted_by"] == "" {
				t.Fatalf("%v does not say what would lift it", b)
			}
			next := slices.Index(order, b["blocker"])
			if next <= at {
				t.Fatalf("%v is out of order: %v", b["blocker"], d["blockers"])
			}
			at = next
		}
	})
	t.Logf("%d eligible, %d not", met[true], met[false])
	if met[true] == 0 || met[false] == 0 {
		t.Errorf("%d eligible, %d not: nothing was compared", met[true], met[false])
	}
}

// misses recomputes the rule from a readout's JSON.
func (s *season) misses(r map[string]any) (missed []string) {
	d := r["decision"].(map[string]any)
	need := func(ok bool, what string) {
		if !ok {
			missed = append(missed, what)
		}
	}
	for _, c := range r["checks"].([]any) {
		need(c.(map[string]any)["status"] != "failed", "checks")
	}
	var control, leader map[string]any
	enough, outcomes := s.days >= (s.minDays+6)/7*7, true
	for _, row := range d["basis"].(map[string]any)["variants"].([]any) {
		row := row.(map[string]any)
		users, converted := row["users"].(float64), row["converted_users"].(float64)
		enough = enough && users >= float64(s.units)
		outcomes = outcomes && converted >= 10 && users-converted >= 10
		if row["variant"] == "control" {
			control = row
		} else if p, known := row["probability_to_beat_control"].(float64); known && (leader == nil || p > leader["probability_to_beat_control"].(float64)) {
			leader = row
		}
	}
	need(outcomes, "outcomes")
	if leader == nil {
		return append(missed, "probability")
	}
	need(enough || sign(leader, s.direction) != 0, "horizon")
	required := 1 - (1-s.threshold)/float64(len(s.keys)-1)
	holds := func(p, loss any) bool {
		l, known := loss.(float64)
		return p != nil && p.(float64) >= required-1e-12 && known && l <= s.loss
	}
	var loss any
	if mean := control["mean"].(float64); mean != 0 && leader["expected_loss"] != nil {
		loss = leader["expected_loss"].(float64) / math.Abs(mean)
	}
	need(holds(leader["probability_to_beat_control"], loss), "probability or loss")
	if l, there := d["planned_look"].(map[string]any); there && holds(leader["probability_to_beat_control"], loss) {
		need(l["variant"] == leader["variant"] && holds(l["probability_to_beat_control"], l["expected_loss"]) || sign(leader, s.direction) == 1, "planned look")
	}
	looks := d["looks"].([]any)
	steady := len(looks) == 3
	for _, l := range looks {
		l := l.(map[string]any)
		steady = steady && l["variant"] == leader["variant"] && holds(l["probability_to_beat_control"], l["expected_loss"])
	}
	metrics := r["metrics"].([]any)
	if n, ok := metrics[0].(map[string]any)["novelty"].(map[string]any); ok {
		for _, by := range []string{"by_first_conversion", "by_cohort"} {
			if test, ok := n[by].(map[string]any); ok {
				p, known := test["p_value"].(float64)
				steady = steady && (!known || p >= 0.01)
			}
		}
	}
	need(steady, "stability")
	for _, row := range metrics[2].(map[string]any)["matured"].(map[string]any)["variants"].([]any) {
		need(sign(row.(map[string]any), "decrease") >= 0, "guardrail")
	}
	return missed
}

// sign is 1 where the always-valid interval of a hundred users or more says better, -1 worse, 0 nothing.
func sign(row map[string]any, direction string) int {
	i, ok := row["sequential_interval"].([]any)
	if !ok || row["users"].(float64) < 100 {
		return 0
	}
	better := 1
	if direction == "decrease" {
		better = -1
	}
	switch {
	case i[0].(float64) > 0:
		return better
	case i[1].(float64) < 0:
		return -better
	}
	return 0
}

// TestMaturedUsersStandAlone: the matured rows are those of a log in which nobody else ever came.
func TestMaturedUsersStandAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSeason(t)
		full, _ := made(t, s.log(s.direction, all))
		alone, _ := made(t, s.log(s.direction, s.matured))
		for i := range full.Metrics {
			got, want := full.Metrics[i].Matured.Variants, alone.Metrics[i].Matured.Variants
			if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(want, alone.Metrics[i].Variants) {
				t.Fatalf("%s: %+v, alone %+v", full.Metrics[i].Metric, got, want)
			}
			for j, row := range full.Metrics[i].Variants {
				if row.Users < got[j].Users || row.ConvertedUsers < got[j].ConvertedUsers {
					t.Fatalf("more matured users than users: %+v of %+v", got[j], row)
				}
			}
		}
		if !reflect.DeepEqual(full.Decision.Basis.Variants, full.Metrics[0].Matured.Variants) {
			t.Fatal("the decision rests on something else than the matured users")
		}
	})
}

// TestLowerIsBetterMirrors: with the direction turned, better is worse and nothing else changes.
func TestLowerIsBetterMirrors(t *testing.T) {
	mirrored := map[string]string{"": "", readout.Win: readout.Harm, readout.Harm: readout.Win}
	rapid.Check(t, func(t *rapid.T) {
		s := drawSeason(t)
		up, _ := made(t, s.log("increase", all))
		down, _ := made(t, s.log("decrease", all))
		for i := range up.Metrics[:2] {
			for j, u := range up.Metrics[i].Matured.Variants {
				d := down.Metrics[i].Matured.Variants[j]
				if u.Effect == nil {
					continue
				}
				if i == 1 && (u.CovariateAdjusted == nil || !reflect.DeepEqual(u.CovariateAdjusted.Lift, d.CovariateAdjusted.Lift)) {
					t.Fatalf("adjusted %+v\nmirrored %+v", u.CovariateAdjusted, d.CovariateAdjusted)
				}
				if d.EarlyStop != mirrored[u.EarlyStop] || !reflect.DeepEqual(u.Intervals, d.Intervals) || !reflect.DeepEqual(u.Lift, d.Lift) || !reflect.DeepEqual(u.PValue, d.PValue) {
					t.Fatalf("%+v\nmirrored %+v", u, d)
				}
				if p := u.ProbabilityToBeatControl; p != nil && math.Abs(*p+*d.ProbabilityToBeatControl-1) > 1e-9 {
					t.Fatalf("%v up and %v down", *p, *d.ProbabilityToBeatControl)
				}
			}
		}
	})
}

// TestOneIsTheBest: the probabilities to be the best add up to one, and no order of arrival changes a byte.
func TestOneIsTheBest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSeason(t)
		w := s.log(s.direction, all)
		r, raw := made(t, w)
		for _, m := range r.Metrics {
			var sum float64
			known := 0
			for _, row := range m.Variants {
				if row.ProbabilityToBeBest != nil {
					sum += *row.ProbabilityToBeBest
					known++
				}
			}
			if known > 0 && math.Abs(sum-1) > 1e-9 {
				t.Fatalf("%s: the probabilities to be the best add up to %v", m.Metric, sum)
			}
		}
		rest := w.records[1:]
		rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 2)).Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
		if _, again := made(t, w); string(again) != string(raw) {
			t.Fatalf("another order of arrival gives other bytes:\n%s\n%s", again, raw)
		}
	})
}

// TestNoFigureContradictsAnother: an interval excludes no effect exactly where its p value, or its probability, says so
// at that level.
func TestNoFigureContradictsAnother(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSeason(t)
		r, _ := made(t, s.log(s.direction, all))
		agree := func(what string, outside float64, least float64, i *[2]float64) {
			excludes := i != nil && (i[0] > 0 || i[1] < 0)
			if math.Abs(outside-least) > 1e-9 && i != nil && excludes != (outside < least) {
				t.Fatalf("%s: %v beside %v at %v", what, outside, *i, least)
			}
		}
		for _, m := range r.Metrics {
			for _, row := range append(m.Variants, m.Matured.Variants...) {
				if row.Effect == nil {
					continue
				}
				for least, of := range map[float64]func(readout.Levels) *[2]float64{
					0.2: func(l readout.Levels) *[2]float64 { return l.P80 }, 0.1: func(l readout.Levels) *[2]float64 { return l.P90 }, 0.05: func(l readout.Levels) *[2]float64 { return l.P95 },
				} {
					if p := row.PValue; p != nil {
						agree(m.Metric+" confidence", *p, least, of(row.Intervals.Confidence))
					}
					if p := row.SequentialPValue; p != nil {
						agree(m.Metric+" sequential", *p, least, of(row.Intervals.Sequential))
					}
					if p := row.ProbabilityToBeatControl; p != nil {
						agree(m.Metric+" credible", 2*math.Min(*p, 1-*p), least, of(row.Intervals.Credible))
					}
				}
			}
		}
	})
}
