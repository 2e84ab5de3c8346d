package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/tracklayer/tracklayer/canonical"
)

// Plan is the stopping rule of a run: what was fixed before anybody could look. It is frozen when the run starts, and a
// definition that changes any of it while the run is running begins a new plan; the ones before stay visible, because a
// rule that was chosen after looking is worth less.
type Plan struct {
	Number   int            `json:"plan"` // of the run, from 1
	SHA256   string         `json:"sha256"`
	FrozenAt canonical.Time `json:"frozen_at"`
	Revision int            `json:"revision"` // of the definition that it was frozen with
	StoppingRule
}

// StoppingRule is what a Plan fixes and its SHA-256 is of, as JSON in this order.
type StoppingRule struct {
	Metric          string      `json:"metric"` // the primary one; "": none
	Type            MetricType  `json:"type,omitempty"`
	Direction       string      `json:"direction,omitempty"`
	Window          Window      `json:"window"`
	Cap             *float64    `json:"cap,omitempty"`
	Prior           *Prior      `json:"prior,omitempty"`
	UnitsPerVariant int64       `json:"units_per_variant"` // matured users of every arm
	Days            int64       `json:"days"`              // in whole weeks
	Threshold       float64     `json:"threshold"`
	MaxExpectedLoss float64     `json:"max_expected_loss"` // relative to the control's mean
	PlannedEffect   *float64    `json:"planned_effect,omitempty"`
	SequentialUsers int64       `json:"sequential_users"` // n*: of two arms together, for which the always-valid interval is tuned
	Crossover       Crossover   `json:"crossover"`
	Control         string      `json:"control"`
	Variants        []Allotment `json:"variants"`
}

// Allotment is the share of a variant.
type Allotment struct {
	Variant string  `json:"variant"`
	Weight  float64 `json:"weight"`
}

const (
	// DefaultMaxExpectedLoss is a quarter of a per cent of the control's mean.
	DefaultMaxExpectedLoss = 0.0025
	// LeastSequentialUsers is the smallest n*: below it the interval is asymptotic in name only.
	LeastSequentialUsers = 2000
)

// StoppingRule is the rule that the definition stands for.
func (d *Definition) StoppingRule() StoppingRule {
	r := StoppingRule{
		UnitsPerVariant: *d.Decision.MinUnitsPerVariant, Days: WholeWeeks(*d.Decision.MinDays), Threshold: *d.Decision.Threshold,
		MaxExpectedLoss: DefaultMaxExpectedLoss, PlannedEffect: d.Decision.PlannedEffect,
		SequentialUsers: max(LeastSequentialUsers, 2**d.Decision.MinUnitsPerVariant),
		Crossover:       d.Crossover, Control: d.Control, Variants: make([]Allotment, 0, len(d.Variants)),
	}
	if l := d.Decision.MaxExpectedLoss; l != nil {
		r.MaxExpectedLoss = *l
	}
	for i := range d.Metrics {
		if m := &d.Metrics[i]; m.Role == Primary {
			r.Metric, r.Type, r.Direction, r.Window, r.Cap, r.Prior = m.ID, m.Type, m.Direction, *m.Window, m.Cap, m.Prior
		}
	}
	for _, v := range d.Variants {
		r.Variants = append(r.Variants, Allotment{v.Key, *v.Weight})
	}
	return r
}

// WholeWeeks rounds days up to full weeks, so that every day of the week weighs the same.
func WholeWeeks(days int64) int64 { return (days + 6) / 7 * 7 }

// hash is the SHA-256 of the rule's JSON.
func (r *StoppingRule) hash() string {
	data, err := json.Marshal(r)
	if err != nil { // numbers are finite, see Normalize
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// plan carries the plans of the experiment before over, and adds one for a run that starts and for a rule that changes
// while its run is running.
func (e *Experiment) plan(before *Experiment) {
	e.plans = map[int][]Plan{}
	rule := e.StoppingRule()
	hash := rule.hash()
	for i := range e.Runs {
		run := &e.Runs[i]
		var plans []Plan
		if before != nil {
			plans = before.plans[run.Number]
		}
		n := len(plans)
		if n == 0 || run.Status == Running && plans[n-1].SHA256 != hash {
			plans = append(plans[:n:n], Plan{n + 1, hash, e.At, e.Revision, rule})
		}
		e.plans[run.Number] = plans
	}
}

// Plans are the stopping rules of a run in the order in which they were frozen: the last one is in force.
func (e *Experiment) Plans(run int) []Plan { return e.plans[run] }
