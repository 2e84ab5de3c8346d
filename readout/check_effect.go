package readout

import (
	"fmt"
	"math"

	"github.com/tracklayer/tracklayer/registry"
)

// twyman is the relative lift beyond which a mistake is likelier than an effect.
const twyman = 0.5

// outcomes are the checks of the primary metric's figures.
func (f checker) outcomes(r *Readout) []Check {
	m, figures := f.primary(), r.Primary()
	if m == nil || f.control < 0 {
		return nil
	}
	rows := figures.Matured.Variants
	return []Check{f.traffic(m, rows), f.overrun(m, rows), f.powered(figures), suspicious(figures), drifting(figures), f.policySensitive(r, figures)}
}

// powered asks whether the planned effect can be seen.
func (f checker) powered(m *Metric) Check {
	c := Check{Check: "power", Status: NotEnoughData}
	p := m.Power
	switch {
	case p.PlannedEffect == nil:
		c.Detail = "The plan names no effect to detect, so it is not known whether there are enough users. Set decision.planned_effect before the start."
	case p.MinimumDetectableEffect == nil:
		c.Detail = "What the matured users can show is not known yet."
	case math.Abs(*p.PlannedEffect) >= *p.MinimumDetectableEffect:
		c.Status = OK
		c.Detail = fmt.Sprintf("The matured users can detect a lift of %s with a power of 0.8; the planned lift is %s.", percent(*p.MinimumDetectableEffect), percent(math.Abs(*p.PlannedEffect)))
	case !f.horizon(m.Matured.Variants):
		c.Detail = fmt.Sprintf("The matured users can detect a lift of %s with a power of 0.8, not yet the planned %s. The planned end is not reached.", percent(*p.MinimumDetectableEffect), percent(math.Abs(*p.PlannedEffect)))
	default:
		c.Status = Warning
		c.Detail = fmt.Sprintf("The planned end is reached, but its users can only detect a lift of %s with a power of 0.8, not the planned %s. Finding no effect means little. Plan a new run with more users.", percent(*p.MinimumDetectableEffect), percent(math.Abs(*p.PlannedEffect)))
	}
	return c
}

// suspicious points at lifts that are too good to be true (Twyman's law: any figure that looks interesting or different
// is usually wrong).
func suspicious(m *Metric) Check {
	c := Check{Check: "suspicious_lift", Status: NotEnoughData, Detail: "There are too few matured users to judge a large lift."}
	for i := range m.Matured.Variants {
		row := &m.Matured.Variants[i]
		if row.Effect == nil || row.Lift.Relative == nil || row.ConfidenceInterval == nil || row.Users < sequenceMinimum || !enough(m.Type, row) {
			continue
		}
		if c.Status == NotEnoughData {
			c.Status, c.Detail = OK, fmt.Sprintf("No lift in %s is beyond %s.", m.Metric, percent(twyman))
		}
		if i := row.ConfidenceInterval; math.Abs(*row.Lift.Relative) > twyman && (i[0] > 0 || i[1] < 0) {
			c.Status = Warning
			c.Detail = fmt.Sprintf("The lift of %s in %s is %s. A lift this large is more often a measurement error than an effect. Check a few users with GET /v1/units, and what each variant reports.",
				row.Variant, m.Metric, signed(*row.Lift.Relative))
			return c
		}
	}
	return c
}

// drifting says whether the effect of the leading variant changes with time.
func drifting(m *Metric) Check {
	c := Check{Check: "novelty", Status: NotEnoughData, Detail: fmt.Sprintf("Whether the effect changes over time is not known yet: %d days with enough matured users are needed.", noveltyDays)}
	n := m.Novelty
	if n == nil {
		return c
	}
	c.Status, c.Detail = OK, fmt.Sprintf("The effect of %s does not visibly change over time: %s.", n.Variant, n.sentence())
	if n.drifts() {
		c.Status = Warning
		c.Detail = fmt.Sprintf("The effect of %s changes over time: %s.", n.Variant, n.sentence())
		if n.Suspected {
			c.Detail += " The change is larger than chance explains: look at the effect on later days before you decide."
		} else {
			c.Detail += " The change is too small to be certain with these users: keep the run going and check again."
		}
	}
	return c
}

// policySensitive asks whether the other crossover policy would have said something else.
func (f checker) policySensitive(r *Readout, m *Metric) Check {
	c := Check{Check: "crossover_policy", Status: NotEnoughData, Detail: "The policies cannot be compared yet: no lift is known."}
	for i := range m.Variants {
		row, other := &m.Variants[i], &r.OtherPolicy.Variants[i]
		if row.Effect == nil || row.Lift.Relative == nil || other.RelativeLift == nil {
			continue
		}
		if c.Status == NotEnoughData {
			c.Status, c.Detail = OK, fmt.Sprintf("Under the crossover policy %s every lift has the same sign, and the same variants reach the required probability.", r.OtherPolicy.CrossoverPolicy)
		}
		mine, theirs := *row.Lift.Relative, *other.RelativeLift
		sign := mine*theirs < 0
		if sign || f.likely(row.ProbabilityToBeatControl) != f.likely(other.ProbabilityToBeatControl) {
			c.Status = Warning
			c.Detail = fmt.Sprintf("Under the crossover policy %s the lift of %s in %s would be %s instead of %s, and its probability to beat %s %s instead of %s: the result depends on who is counted. Find out why users are exposed to several variants before you decide.",
				r.OtherPolicy.CrossoverPolicy, row.Variant, m.Metric, signed(theirs), signed(mine), f.def.Control, orNone(other.ProbabilityToBeatControl), orNone(row.ProbabilityToBeatControl))
			return c
		}
	}
	return c
}

func orNone(p *float64) string {
	if p == nil {
		return "unknown"
	}
	return probability(*p)
}

// overrun asks whether people go on looking after the planned end, when each further look is another chance of a false
// alarm.
func (f checker) overrun(m *registry.Metric, rows []Row) Check {
	c := Check{Check: "overrun", Status: OK, Detail: "The planned end is not reached yet."}
	reached, ok := f.plannedEnd(m)
	switch {
	case !f.running():
		c.Detail = "The run has ended."
		return c
	case !ok || !f.horizon(rows):
		return c
	}
	c.Detail = fmt.Sprintf("The planned end was reached on %s.", date(reached))
	if past := f.today() - reached; past >= lastWeek {
		c.Status = Warning
		c.Detail = fmt.Sprintf("The planned end was reached on %s, %s ago. For later analyses only the always-valid interval is valid. Record a decision, or stop the run.", date(reached), days(past))
	}
	return c
}
