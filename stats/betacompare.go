package stats

import "math"

// BetaComparison compares the conversion rates of two arms by their posteriors.
// Make one with [CompareBeta].
type BetaComparison struct {
	control, treatment *BetaPosterior
}

// CompareBeta compares a treatment with the control. The posteriors are shared,
// not copied. Where either is undefined, so is every figure.
//
// Beside an arm without users or conversions the figures exist and say what a
// flat prior says, P(beat) = 0.93 over 13 of 200: gate on the sample before
// showing them.
func CompareBeta(control, treatment *BetaPosterior) BetaComparison {
	return BetaComparison{control: control, treatment: treatment}
}

// reason says why there is no comparison, or nothing.
func (c BetaComparison) reason() Reason {
	if why := c.control.reason(); why != "" {
		return why
	}
	return c.treatment.reason()
}

// rule returns the arm to sum over, the other one, and the trapezoid rule's
// stride. The rule resolves functions as wide as the arm's own density at
// stride 2, half as wide at stride 1; so it belongs on the narrower arm.
func (c BetaComparison) rule(width func(*BetaPosterior) float64) (over, other *BetaPosterior) {
	if width(c.control) <= width(c.treatment) {
		return c.control, c.treatment
	}
	return c.treatment, c.control
}

// ProbBeat returns the posterior probability that the treatment's rate is the
// better one, in [0, 1]: the integral of one arm's density times the other's
// cdf (Miller 2015, "Formulas for Bayesian A/B testing", whose finite sum
// agrees).
func (c BetaComparison) ProbBeat(d Direction) Number {
	if why := c.reason(); why != "" {
		return Undefined(why)
	}
	over, other := c.rule((*BetaPosterior).logitSD)
	var below, above float64 // probability that other is below, above over
	hint := 0
	for i := 0; i < len(over.points); i += 2 {
		pt := &over.points[i]
		cdf, _ := other.read(pt.t, &hint)
		below += pt.w * cdf
		above += pt.w * (1 - cdf)
	}
	higher := below // treatment is over: control is below it
	if over == c.control {
		higher = above
	}
	if d == LowerIsBetter {
		higher = below + above - higher
	}
	return Known(math.Min(1, math.Max(0, higher/(below+above))))
}

// Losses returns both expected losses, in units of the rate (0.01 is one
// percentage point): E max(p_c - p_t, 0) for shipping the treatment, the
// reverse for keeping the control, exchanged when lower is better (Stucchio
// 2014, "Bayesian A/B testing at VWO").
//
// The inner expectation is read from the partial moments about the mean, so
// that nothing of the size of the rates cancels.
func (c BetaComparison) Losses(d Direction) Losses {
	if why := c.reason(); why != "" {
		return undefinedLosses(why)
	}
	over, other := c.rule((*BetaPosterior).logitSD)
	var below, above, total float64 // E max(over-other, 0), E max(other-over, 0)
	hint := 0
	for i := 0; i < len(over.points); i += 2 {
		pt := &over.points[i]
		cdf, moment := other.readMoment(pt.t, &hint)
		gap := pt.p - other.p0
		below += pt.w * (gap*cdf - moment)
		above += pt.w * (-gap*(1-cdf) - moment)
		total += pt.w
	}
	below, above = math.Max(0, below/total), math.Max(0, above/total)
	if (over == c.treatment) != (d == LowerIsBetter) {
		below, above = above, below
	}
	// Over is now the control in effect: what lies below it is lost by leaving.
	return Losses{Treatment: Known(below), Control: Known(above)}
}

// LiftMean returns the posterior mean of the lift,
// E[p_t] (a_c+b_c-1)/(a_c-1) - 1. It does not exist when the control's alpha is
// at most 1 (no conversion under a flat prior); the median always does, and is
// what to show.
func (c BetaComparison) LiftMean() Number {
	why := c.reason()
	switch {
	case why != "":
		return Undefined(why)
	case c.control.a <= 1:
		return Undefined(ReasonMeanInfinite)
	}
	return Known(c.treatment.p0*((c.control.a-1+c.control.b)/(c.control.a-1)) - 1)
}

// DiffMedian returns the median of p_t - p_c, in (-1, 1).
func (c BetaComparison) DiffMedian() Number {
	return c.DiffQuantile(0.5)
}

// DiffInterval returns the equal-tailed credible interval of p_t - p_c at a
// level in (0, 1).
func (c BetaComparison) DiffInterval(level float64) Interval {
	return intervalOf(c.DiffQuantile((1-level)/2), c.DiffQuantile((1+level)/2))
}

// DiffQuantile returns the value below which p_t - p_c lies with probability q,
// for q in (0, 1).
func (c BetaComparison) DiffQuantile(q float64) Number {
	return c.quantile(q, shiftByDiff)
}

// LiftMedian returns the median of the lift p_t/p_c - 1, above -1.
func (c BetaComparison) LiftMedian() Number {
	return c.LiftQuantile(0.5)
}

// LiftInterval returns the equal-tailed credible interval of the lift
// p_t/p_c - 1 at a level in (0, 1). It always exists, but may reach to +23,000 %
// when the control has no conversions.
func (c BetaComparison) LiftInterval(level float64) Interval {
	return intervalOf(c.LiftQuantile((1-level)/2), c.LiftQuantile((1+level)/2))
}

// LiftQuantile returns the value below which the lift lies with probability q,
// for q in (0, 1). It is found on the scale of ln(p_t/p_c).
func (c BetaComparison) LiftQuantile(q float64) Number {
	log := c.quantile(q, shiftByRatio)
	if !log.OK {
		return log
	}
	return Known(math.Expm1(log.Value))
}

// logitSD is about the standard deviation of ln(p/(1-p)).
func (b *BetaPosterior) logitSD() float64 {
	return math.Sqrt(1/b.a + 1/b.b)
}
