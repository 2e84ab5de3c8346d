package sim_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/tracklayer/tracklayer/readout"
)

const (
	looks      = 28 // one at the end of every day
	windowDays = 3  // of every metric
	horizon    = 28 // days, the planned end unless a scenario says otherwise
	soon       = 14 // days, a planned end after which people go on looking
)

// The planned users of an arm lie below those who will have matured, so that chance in the arrivals does not move the
// planned end: 30 a day come to an arm, 750 have matured on day 28 and 330 on day 14.
const (
	perArm    = 30
	units     = 660
	soonUnits = 280
)

// scenario is a kind of experiment.
type scenario struct {
	name       string
	about      string
	treatments int
	perArm     float64 // users a day and arm
	rate       float64 // share of the control that converts within the window
	lift       lift
	units      int64 // planned per variant
	days       int64 // planned
	loss       float64
	revenue    bool    // the primary metric is a sum of heavy-tailed values
	lost       float64 // share of the first treatment's users whose exposure is never reported
	crossed    float64 // share of users who are shown a second variant
	guardrail  float64 // relative lift of a guardrail that half of all reach; 0: no guardrail
	tenths     int     // of the experiments of the claim
}

// lift is a relative lift, of the users of a treatment (from 0) first exposed on a day (from 0), in the conversions of
// an age (whole days after the exposure).
type lift func(treatment, day, age int) float64

func none(int, int, int) float64 { return 0 }

func always(by float64) lift { return func(int, int, int) float64 { return by } }

// anyLoss is a limit of the expected loss that never binds.
const anyLoss = 1

// base has one treatment without an effect.
func base(name, about string) scenario {
	return scenario{
		name: name, about: about, treatments: 1, perArm: perArm, rate: 0.2, lift: none,
		units: units, days: horizon, tenths: 2,
	}
}

func (s scenario) with(change func(*scenario)) scenario {
	change(&s)
	return s
}

// planned is the relative lift that the planned users find by `tracklayer plan`: two-sided at 5 %, with a power of 0.8.
func planned(t testing.TB, rate float64) float64 {
	t.Helper()
	n := int64(units)
	answer, err := readout.Plan(readout.PlanQuestion{Baseline: &rate, UnitsPerVariant: &n})
	if err != nil || answer.Effect == nil {
		t.Fatalf("the plan of %d users at a rate of %g names no effect: %v", units, rate, err)
	}
	return *answer.Effect
}

// noEffect are the scenarios in which whatever is eligible is so by mistake. The first ones are the claim.
func noEffect() []scenario {
	sure := func(s *scenario) { s.rate, s.loss, s.tenths = 0.5, anyLoss, 10 }
	early := func(s *scenario) { s.units, s.days = soonUnits, soon }
	return []scenario{
		base("end-28", "planned end on day 28; rate 50 %, no limit of the loss").with(sure),
		base("end-28-default", "planned end on day 28; rate 20 %, default limit of the loss").with(func(s *scenario) { s.tenths = 6 }),
		base("two", "as `end-28`, with 2 treatments").with(sure).with(func(s *scenario) { s.treatments, s.tenths = 2, 4 }),
		base("five", "as `end-28`, with 5 treatments").with(sure).with(func(s *scenario) { s.treatments, s.tenths = 5, 4 }),
		base("rare", "rate 1 %, 100 users a day and arm, no limit of the loss").with(func(s *scenario) {
			s.rate, s.perArm, s.units, s.loss, s.tenths = 0.01, 100, 2300, anyLoss, 4
		}),
		base("revenue", "revenue of 10 % who buy, log-normal (sigma 1), no limit of the loss").with(func(s *scenario) {
			s.rate, s.revenue, s.loss, s.tenths = 0.1, true, anyLoss, 6
		}),
		base("end-14", "planned end on day 14, looked at for 14 days more; rate 50 %, no limit of the loss").with(sure).with(early).with(func(s *scenario) { s.tenths = 6 }),
		base("end-14-default", "as `end-14`; rate 20 %, default limit of the loss").with(early).with(func(s *scenario) { s.tenths = 4 }),
	}
}

// effects are the scenarios with something to find, or to hold back.
func effects(t testing.TB) []scenario {
	t.Helper()
	all := []scenario{}
	size := planned(t, 0.2)
	for _, times := range []float64{0.5, 1, 2, -1} {
		all = append(all, base(fmt.Sprintf("effect%+g", times), fmt.Sprintf("a lift of %+.1f %%, %+g times the planned one", 100*times*size, times)).
			with(func(s *scenario) { s.lift = always(times * size) }))
	}
	return append(
		all,
		base("effect-sure", fmt.Sprintf("rate 50 %%, no limit of the loss, a lift of %+.1f %%, the planned one", 100*planned(t, 0.5))).with(func(s *scenario) {
			s.rate, s.loss, s.lift = 0.5, anyLoss, always(planned(t, 0.5))
		}),
		base("one-of-two", "2 treatments, the planned lift in the first alone").with(func(s *scenario) {
			s.treatments, s.lift = 2, func(treatment, _, _ int) float64 { return []float64{size, 0}[treatment] }
		}),
		base("fades", "twice the planned lift for those who come in the first 7 days, none for those after").with(func(s *scenario) {
			s.lift = func(_, day, _ int) float64 {
				if day < 7 {
					return 2 * size
				}
				return 0
			}
		}),
		base("first-day", "twice the planned lift on the day after a user's exposure, the reverse on the 2 days that follow").with(func(s *scenario) {
			s.lift = func(_, _, age int) float64 { return []float64{2 * size, -2 * size, -2 * size}[age] }
		}),
		base("guardrail", "the planned lift, and a guardrail at 50 % that falls by 25 %").with(func(s *scenario) {
			s.lift, s.guardrail = always(size), -0.25
		}),
	)
}

// faults are the scenarios whose data are not to be trusted.
func faults() []scenario {
	losing := func(s *scenario) { s.lost, s.units = 0.1, 550 }
	return []scenario{
		base("loses", "10 % of the treatment's exposures are lost").with(losing),
		base("loses-large", "as `loses`, with 160 users a day and arm; rate 5 %").with(losing).with(func(s *scenario) {
			s.perArm, s.units, s.rate, s.tenths = 160, 3000, 0.05, 1
		}),
		base("crosses", "3 % of the users are shown both variants").with(func(s *scenario) { s.crossed = 0.03 }),
	}
}

// treatmentKey is the key of a treatment, from 0.
func treatmentKey(i int) string { return fmt.Sprintf("t%d", i+1) }

// keys are the variants, the control first.
func (s *scenario) keys() []string {
	all := []string{"control"}
	for i := range s.treatments {
		all = append(all, treatmentKey(i))
	}
	return all
}

// right are the treatments that are better than the control, whenever it is.
func (s *scenario) right() []string {
	var all []string
	for i := range s.treatments {
		if total := s.lift(i, looks, 0)*shares[0] + s.lift(i, looks, 1)*shares[1] + s.lift(i, looks, 2)*shares[2]; total > 0 {
			all = append(all, treatmentKey(i))
		}
	}
	return all
}

// definition is the record that declares the experiment and freezes its plan.
func (s *scenario) definition() ([]byte, error) {
	type fields map[string]any
	var variants []fields
	for _, key := range s.keys() {
		variants = append(variants, fields{"key": key})
	}
	primary := fields{"id": "bought", "role": "primary", "type": "proportion", "event": "bought", "window": fmt.Sprintf("%dd", windowDays)}
	if s.revenue {
		primary["type"], primary["field"] = "sum", "value"
	}
	metrics := []fields{primary}
	if s.guardrail != 0 {
		metrics = append(metrics, fields{"id": "returned", "role": "guardrail", "type": "proportion", "event": "returned", "window": fmt.Sprintf("%dd", windowDays)})
	}
	decision := fields{"threshold": 0.9, "min_units_per_variant": s.units, "min_days": s.days}
	if s.loss != 0 {
		decision["max_expected_loss"] = s.loss
	}
	return json.Marshal(fields{
		"id": experiment, "control": "control", "variants": variants, "metrics": metrics, "decision": decision, "revision": 1, "change": "created",
		"runs": []fields{{"run": 1, "status": "running", "started_at": nil, "ended_at": nil}},
	})
}
