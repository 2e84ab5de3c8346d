package readout_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/registry"
)

// daily exposes users of an arm on a day, of whom some buy after some days.
func (w *world) daily(variant string, d, users, buyers, after int) {
	for i := range users {
		user, at := fmt.Sprintf("%s-%d-%d", variant, d, i), canonical.Time(d)*day+canonical.Time(i)
		w.expose(user, variant, at)
		if i < buyers {
			w.convert(user, "purchase", at+canonical.Time(after)*day+1000)
		}
	}
}

const daysWindow = `"window":"48h",`

// weeks has so many users in each arm on each of the days, and a tenth of them buys.
func weeks(days, users int) *world {
	w := &world{}
	w.define(declared(daysWindow))
	for d := range days {
		w.daily("control", d, users, users/10, 0)
		w.daily("b", d, users, users/10, 0)
	}
	return w
}

func TestChecks(t *testing.T) {
	cases := []struct {
		name, check string
		status      readout.CheckStatus
		words       string
		build       func() *world
	}{
		{"every day the same", "exposure_silence", readout.OK, "newest first exposure was on 2026-11-29", func() *world { w := weeks(10, 30); w.at(10 * day); return w }},
		{"nobody comes any more", "exposure_silence", readout.Warning, "No new user was exposed for 4 days, since 2026-11-29", func() *world { w := weeks(10, 30); w.at(13 * day); return w }},
		{"nobody came", "exposure_silence", readout.NotEnoughData, "No user has been exposed", func() *world { w := weeks(0, 0); w.at(day); return w }},
		{"a normal day", "exposure_volume", readout.OK, "60 users were first exposed on 2026-11-29; the median of the week before is 60", func() *world { w := weeks(10, 30); w.at(10 * day); return w }},
		{"a day with less than half", "exposure_volume", readout.Warning, "20 users were first exposed on 2026-11-30", func() *world {
			w := weeks(10, 30)
			w.daily("control", 10, 10, 1, 0)
			w.daily("b", 10, 10, 1, 0)
			w.at(11 * day)
			return w
		}},
		{"less than a week", "exposure_volume", readout.NotEnoughData, "the week before needs", func() *world { w := weeks(5, 30); w.at(5 * day); return w }},
		{"enough come", "traffic", readout.OK, "100 users on 2026-11-26", func() *world { w := weeks(4, 30); w.at(4 * day); return w }},
		{"too few come", "traffic", readout.Warning, "include more users", func() *world { w := weeks(4, 1); w.at(4 * day); return w }},
		{"too many variants", "traffic", readout.Warning, "compare fewer than 3 treatments in a new run, or let a bandit allocation", func() *world {
			w := &world{}
			w.define(`{"id":"x","variants":[{"key":"control"},{"key":"b"},{"key":"c"},{"key":"d"}],"metrics":[{"type":"proportion","event":"purchase"}],` + runs + `}`)
			for i, v := range []string{"control", "b", "c", "d"} {
				w.daily(v, i%2, 2, 0, 0)
			}
			w.at(4 * day)
			return w
		}},
		{"the planned end is long past", "overrun", readout.Warning, "The planned end was reached on 2026-11-27, 13 days ago", func() *world { w := weeks(20, 30); w.at(20 * day); return w }},
		{"the planned end is just reached", "overrun", readout.OK, "reached on 2026-11-27.", func() *world { w := weeks(8, 30); w.at(8 * day); return w }},
		{"the planned end is to come", "overrun", readout.OK, "not reached yet", func() *world { w := weeks(4, 30); w.at(4 * day); return w }},
		{"a lift that is too good", "suspicious_lift", readout.Warning, "The lift of b in purchase is +100.0%", func() *world {
			w := &world{}
			w.define(declared(daysWindow))
			w.arm("control", 1000, 100)
			w.arm("b", 1000, 200)
			w.at(10 * day)
			return w
		}},
		{"a lift that may be", "suspicious_lift", readout.OK, "beyond 50%", func() *world { w := weeks(10, 30); w.at(10 * day); return w }},
		{"the same effect every day", "novelty", readout.OK, "does not visibly change", func() *world { w := weeks(12, 60); w.at(14 * day); return w }},
		{"an effect that fades", "novelty", readout.Warning, "changes over time", func() *world {
			w := &world{}
			w.define(declared(daysWindow))
			for d := range 12 {
				w.daily("control", d, 100, 20, 0)
				w.daily("b", d, 100, max(50-5*d, 15), 0)
			}
			w.at(15 * day)
			return w
		}},
		{"older days had more time", "novelty", readout.OK, "by days since exposure", func() *world {
			w := &world{}
			w.define(declared(`"window":"0",`))
			for d := range 12 {
				w.daily("control", d, 200, 20+4*(12-d), 11-d)
				w.daily("b", d, 200, 30+6*(12-d), 11-d)
				w.daily("control", d, 100, 10, 0)
				w.daily("b", d, 100, 15, 0)
			}
			w.at(13 * day)
			return w
		}},
		{"a day that is off", "sample_ratio_by_day", readout.Failed, "first exposed on 2026-11-23 does not fit", func() *world {
			w := weeks(10, 30)
			w.daily("b", 3, 90, 9, 0) // thirty of them are there already
			w.daily("control", 5, 90, 9, 0)
			w.at(10 * day)
			return w
		}},
		{"another variant is claimed", "variant_mismatch", readout.Warning, "10 of 50 conversions (20%) name another variant", func() *world {
			w := weeks(5, 40)
			for i := range 10 {
				w.convert(fmt.Sprintf("b-0-%d", 10+i), "purchase", day, named("control"))
			}
			w.at(6 * day)
			return w
		}},
		{"few users in an unlikely split", "sample_ratio_mismatch", readout.Failed, "p = ", func() *world {
			w := &world{}
			w.define(`{"id":"x","variants":[{"key":"control","weight":9},{"key":"b"}],"metrics":[],` + runs + `}`)
			w.arm("control", 5, 0)
			w.arm("b", 15, 0)
			return w
		}},
		{"the planned effect is out of reach", "power", readout.Warning, "not the planned 5%", func() *world {
			w := &world{}
			w.define(declared(daysWindow + `"decision":{"planned_effect":0.05},`))
			w.arm("control", 400, 40)
			w.arm("b", 400, 40)
			w.at(10 * day)
			return w
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := check(t, c.build().readout(t), c.check); got.Status != c.status || !strings.Contains(got.Detail, c.words) {
				t.Errorf("%s: %s, want %s with %q", got.Status, got.Detail, c.status, c.words)
			}
		})
	}
}

// TestThePlanIsFrozen: a rule that changes during the run is a new plan; the former one stays visible.
func TestThePlanIsFrozen(t *testing.T) {
	w := weeks(10, 30)
	w.define(strings.Replace(declared(daysWindow+`"decision":{"threshold":0.8},`), `"revision":1`, `"revision":2`, 1))
	w.at(10 * day)
	r := w.readout(t)
	p := r.Decision.Plan
	if p.Number != 2 || p.Threshold != 0.8 || len(p.Former) != 1 || p.Former[0].Threshold != 0.9 || p.Former[0].SHA256 == p.SHA256 {
		t.Errorf("%+v", p)
	}
	if c := check(t, r, "plan_changed"); c.Status != readout.Warning || !strings.Contains(c.Detail, "2 plans") {
		t.Errorf("%s %q", c.Status, c.Detail)
	}
}

// TestUnknownWeights: an experiment that was never declared has a split, and no verdict on it, neither over all nor by day;
// declaring it brings one, with equal weights for variants that say none.
func TestUnknownWeights(t *testing.T) {
	w := &world{}
	for d := range 3 {
		w.daily("control", d, 95, 0, 0)
		w.daily("b", d, 5, 0, 0)
	}
	r := w.readout(t)
	for _, name := range []string{"sample_ratio_mismatch", "sample_ratio_by_day"} {
		c := check(t, r, name)
		if c.Status != readout.NotEnoughData || !strings.Contains(c.Detail, "Weights unknown: set up the experiment") || len(c.Reasons) == 0 {
			t.Errorf("%s: %s %q %v", name, c.Status, c.Detail, c.Reasons)
		}
	}
	if s := check(t, r, "sample_ratio_mismatch").SampleRatio; s.PValue != nil || s.SequentialPValue != nil || len(s.Split) != 2 || s.Split[0].Users+s.Split[1].Users != 300 {
		t.Errorf("%+v", s)
	}
	w.define(declared(daysWindow))
	for _, name := range []string{"sample_ratio_mismatch", "sample_ratio_by_day"} {
		if c := check(t, w.readout(t), name); c.Status != readout.Failed {
			t.Errorf("%s, declared: %s %q", name, c.Status, c.Detail)
		}
	}
}

// TestChangedWeights: a ramp is no mismatch, and weights that were declared wrongly and mended are none either.
func TestChangedWeights(t *testing.T) {
	weighted := func(revision, weight int, at canonical.Time) string {
		return fmt.Sprintf(`{"id":"x","variants":[{"key":"control","weight":%d},{"key":"b"}],"metrics":[],"revision":%d,"changed_at":%q,"runs":[{"run":1,"status":"running","started_at":null,"ended_at":null}]}`,
			weight, revision, (start + at).String())
	}
	w := &world{}
	w.define(weighted(1, 9, 0))
	for d := range 8 {
		users := 90
		if d > 4 {
			users = 30
		}
		w.daily("control", d, users, 0, 0)
		w.daily("b", d, users/9+d/5*27, 0, 0)
	}
	w.define(weighted(2, 1, 4*day+day/2))
	w.at(9 * day)
	r := w.readout(t)
	for _, name := range []string{"sample_ratio_mismatch", "sample_ratio_by_day"} {
		if c := check(t, r, name); c.Status != readout.OK {
			t.Errorf("%s: %s %q", name, c.Status, c.Detail)
		}
	}
}

// TestHistoryAccountedFor: what users did before explains half of what they do, and the adjusted effect is the one that
// the least squares give.
func TestHistoryAccountedFor(t *testing.T) {
	w := &world{}
	w.define(`{"id":"x","variants":[{"key":"control"},{"key":"b"}],"metrics":[{"id":"orders","type":"count","event":"purchase"},{"id":"basket","type":"mean","event":"purchase","field":"value"}],` + runs + `}`)
	type user struct{ arm, before, after float64 }
	var users []user
	for i := range 240 {
		u := user{float64(i % 2), float64((i * 7) % 4), 0}
		u.after = u.before + float64((i*5)%3) + u.arm*float64((i/2)%2)
		id := fmt.Sprintf("u%d", i)
		for n := range int(u.before) {
			w.convert(id, "purchase", -canonical.Time(n+1)*day, worth("1"))
		}
		w.expose(id, []string{"control", "b"}[i%2], 0)
		for n := range int(u.after) {
			w.convert(id, "purchase", canonical.Time(n+1)*1000, worth("1"))
		}
		users = append(users, u)
	}
	w.at(10 * day)
	r := w.readout(t)
	var n, x, y [2]float64
	for _, u := range users {
		a := int(u.arm)
		n[a], x[a], y[a] = n[a]+1, x[a]+u.before, y[a]+u.after
	}
	var xy, xx float64
	for _, u := range users {
		a := int(u.arm)
		dx, dy := u.before-x[a]/n[a], u.after-y[a]/n[a]
		xy, xx = xy+dx*dy, xx+dx*dx
	}
	theta, centre := xy/xx, (x[0]+x[1])/(n[0]+n[1])
	got := r.Metrics[0].Variants[1].CovariateAdjusted
	near(t, "theta", &got.Theta, theta, 1e-12)
	near(t, "control mean", got.ControlMean, y[0]/n[0]-theta*(x[0]/n[0]-centre), 1e-12)
	near(t, "mean", got.Mean, y[1]/n[1]-theta*(x[1]/n[1]-centre), 1e-12)
	if got.Reduction < 0.4 || got.Reduction > 0.9 || got.Days != 14 {
		t.Errorf("%+v", got)
	}
	raw := r.Metrics[0].Variants[1]
	if wide, slim := raw.ConfidenceInterval[1]-raw.ConfidenceInterval[0], got.ConfidenceInterval[1]-got.ConfidenceInterval[0]; slim >= wide {
		t.Errorf("%v is not slimmer than %v", slim, wide)
	}
	if r.Metrics[1].Variants[1].CovariateAdjusted != nil {
		t.Error("a mean has no covariate")
	}
}

// TestManyMetricsAreCorrected: Holm by hand over two secondary metrics of two treatments; the others stand alone.
func TestManyMetricsAreCorrected(t *testing.T) {
	w := &world{}
	w.define(`{"id":"x","variants":[{"key":"control"},{"key":"b"},{"key":"c"}],"metrics":[
 {"id":"purchase","role":"primary","type":"proportion","event":"purchase"},
 {"id":"one","type":"proportion","event":"purchase"},{"id":"two","type":"count","event":"purchase"},
 {"id":"guard","role":"guardrail","type":"count","event":"purchase"}],` + runs + `}`)
	w.arm("control", 300, 30)
	w.arm("b", 300, 45)
	w.arm("c", 300, 36)
	w.at(10 * day)
	r := w.readout(t)
	var ps []float64
	for _, m := range r.Metrics {
		for _, row := range m.Variants[1:] {
			if (row.AdjustedPValue != nil) != (m.Role == registry.Secondary) {
				t.Errorf("%s: %v", m.Metric, row.AdjustedPValue)
			}
			if m.Role == registry.Secondary {
				ps = append(ps, *row.PValue)
			}
		}
	}
	for _, m := range r.Metrics[1:3] {
		for _, row := range m.Variants[1:] {
			want := 0.0
			for _, p := range ps { // the largest of all that are not larger, each times how many are not smaller
				rank := 0
				for _, q := range ps {
					if q >= p {
						rank++
					}
				}
				if p <= *row.PValue {
					want = max(want, math.Min(1, float64(rank)*p))
				}
			}
			near(t, "adjusted p", row.AdjustedPValue, want, 1e-12)
		}
	}
}

// TestAPriorOnTheLift: a sceptical prior draws the probability to one half, and a vague one to the data's.
func TestAPriorOnTheLift(t *testing.T) {
	row := func(prior string, buyers int) readout.Row {
		w := &world{}
		w.define(strings.Replace(declared(""), `"event":"purchase"`, `"event":"purchase"`+prior, 1))
		w.arm("control", 1000, 120)
		w.arm("b", 1000, buyers)
		w.at(10 * day)
		return w.readout(t).Metrics[0].Variants[1]
	}
	probability := func(prior string) float64 { return *row(prior, 140).ProbabilityToBeatControl }
	if r := row(`,"prior":{"mean":0,"sd":0.1}`, 0); r.ProbabilityToBeatControl != nil || r.Reasons["probability_to_beat_control"] != "arm_without_variance" {
		t.Errorf("nobody bought, and the probability is %v (%v)", r.ProbabilityToBeatControl, r.Reasons)
	}
	flat, vague, sceptical := probability(""), probability(`,"prior":{"mean":0,"sd":100}`), probability(`,"prior":{"mean":0,"sd":0.01}`)
	if !(sceptical < 0.56 && sceptical > 0.5 && math.Abs(vague-flat) < 0.03) {
		t.Errorf("flat %v, vague %v, sceptical %v", flat, vague, sceptical)
	}
}
