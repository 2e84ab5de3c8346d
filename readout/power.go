package readout

import (
	"math"

	"github.com/tracklayer/tracklayer/registry"
	"github.com/tracklayer/tracklayer/stats"
)

// reasonNoPlan: the definition names no planned effect.
const reasonNoPlan stats.Reason = "no_planned_effect"

// reasonHorizonReached: there is nothing left to wait for.
const reasonHorizonReached stats.Reason = "horizon_reached"

// reasonNoPace: no user was exposed in the last week, so no day can be forecast.
const reasonNoPace stats.Reason = "no_pace"

// test is the one that power is computed for: two-sided at 5%, with a power of 0.8.
var test = stats.Design{Alpha: 0.05, Power: 0.8}

// power is how far the primary metric's matured users reach. Never does the effect that was measured enter it: that
// would be the p value once more.
func (f *measured) power(m *registry.Metric, rows []Row) *Power {
	if f.control < 0 {
		return nil
	}
	p := &Power{PlannedUnitsPerVariant: f.rule.UnitsPerVariant, MaturedUnitsPerVariant: f.smallest(rows), PlannedEffect: f.rule.PlannedEffect}
	control := &rows[f.control]
	mde, reached := stats.Undefined(stats.ReasonNoUsers), stats.Undefined(stats.ReasonNoUsers)
	if base, why := baseline(m, control); why != "" {
		mde, reached = stats.Undefined(why), stats.Undefined(why)
	} else if n := f.smallestTreatment(rows); n > 0 {
		mde = test.MDE(base, float64(control.Users), n).Relative
		if e := p.PlannedEffect; e != nil {
			reached = test.PowerOf(base, *e*math.Abs(*control.Mean), float64(control.Users), n)
		}
	}
	if p.PlannedEffect == nil {
		reached = stats.Undefined(reasonNoPlan)
		p.Reasons.note("planned_effect", reasonNoPlan)
	}
	p.MinimumDetectableEffect = p.Reasons.number("minimum_detectable_effect", mde)
	p.Reached = p.Reasons.number("reached", reached)
	f.daysLeft(p, m, rows)
	return p
}

func (f *measured) daysLeft(p *Power, m *registry.Metric, rows []Row) {
	first, _, ok := f.days()
	end, known := f.allReach(m, f.rule.UnitsPerVariant)
	switch {
	case f.horizon(rows):
		p.Reasons.note("days_left", reasonHorizonReached)
	case !ok || !known || !f.running():
		p.Reasons.note("days_left", reasonNoPace)
	default:
		left := max(end, first+f.rule.Days) - f.today()
		p.DaysLeft = &left
	}
}

// baseline is the control as it is, or why there is none.
func baseline(m *registry.Metric, control *Row) (stats.Baseline, stats.Reason) {
	switch {
	case control.Mean == nil || control.Variance == nil:
		return stats.Baseline{}, fewer(control.Users)
	case *control.Mean == 0:
		return stats.Baseline{}, stats.ReasonControlMeanZero
	case *control.Variance == 0:
		return stats.Baseline{}, stats.ReasonNoVariance
	case m.Type == registry.Proportion:
		return stats.RateBaseline(*control.Mean), ""
	}
	return stats.MeanBaseline(*control.Mean, math.Sqrt(*control.Variance)), ""
}
