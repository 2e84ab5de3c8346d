package stats

import "math"

// NewTightestSequence is [NewConfidenceSequence], two-sided, with the exact
// tuning: its multiplier at plannedUsers is the smallest that any tuning has
// there, some thousandths below the other's. rho^2 = (-W(-alpha^2/e) - 1)/n with
// the branch W_-1 of Lambert's function (Waudby-Smith et al. 2024, appendix on
// the choice of rho). Fix before the start which of the two is used.
func NewTightestSequence(alpha, plannedUsers float64) ConfidenceSequence {
	if !(alpha > 0 && alpha < 1) || !(plannedUsers > 0) || math.IsInf(plannedUsers, 0) {
		return ConfidenceSequence{}
	}
	// With y = -W-1 the equation is y - ln(1+y) = L: convex, and y starts
	// above its root, so Newton's steps only go down.
	l := -2 * math.Log(alpha)
	y := l + math.Sqrt(2*l)
	for range 100 {
		next := y - (y-math.Log1p(y)-l)*(1+y)/y
		if !(next < y) {
			break
		}
		y = next
	}
	return ConfidenceSequence{alpha: alpha, rho2: y / plannedUsers, sides: TwoSided}
}

// MixtureSPRT is the plan of a mixture sequential probability ratio test of "no
// effect" against effects drawn from N(0, tau^2) (Robbins 1970; Johari et al.
// 2022, "Always valid inference: continuous monitoring of A/B tests"). With
// tau^2 = rho^2 n V it is [ConfidenceSequence]. Make one with [NewMixtureSPRT];
// the zero value has no figures.
type MixtureSPRT struct {
	alpha, tau2 float64
}

// NewMixtureSPRT plans a test with error probability alpha in (0, 1) and the
// variance tau2 > 0 of the effects it looks for, in squared units of the
// effect. tau2 must be fixed before the start: one that shrinks as users come
// gives a boundary that guarantees nothing.
func NewMixtureSPRT(alpha, tau2 float64) MixtureSPRT {
	if !(alpha > 0 && alpha < 1) || !(tau2 > 0) || math.IsInf(tau2, 0) {
		return MixtureSPRT{}
	}
	return MixtureSPRT{alpha: alpha, tau2: tau2}
}

// LnLikelihoodRatio returns the logarithm of the evidence against "no effect":
// ln(V/(V+tau^2))/2 + tau^2 d^2/(2V(V+tau^2)) for an estimate d with variance
// V > 0, the square of its standard error.
func (m MixtureSPRT) LnLikelihoodRatio(estimate, variance float64) Number {
	r, why := m.ratio(estimate, variance)
	if why != "" {
		return Undefined(why)
	}
	z := estimate / math.Sqrt(variance)
	return Known(z*z/(1+1/r)/2 - math.Log1p(r)/2)
}

// P returns the always-valid p value, min(1, 1/likelihood ratio).
func (m MixtureSPRT) P(estimate, variance float64) Number {
	ln := m.LnLikelihoodRatio(estimate, variance)
	if !ln.OK {
		return ln
	}
	return Known(math.Min(1, math.Exp(-ln.Value)))
}

// Interval returns the always-valid interval of the effect, in its units: the
// effects that the test, were they the hypothesis, would not reject. Its half
// width is sqrt(V(V+tau^2)/tau^2 (ln((V+tau^2)/V) - 2 ln alpha)).
func (m MixtureSPRT) Interval(estimate, variance float64) Interval {
	r, why := m.ratio(estimate, variance)
	if why != "" {
		return noInterval(why)
	}
	reach := math.Sqrt(variance) * math.Sqrt((1+1/r)*(math.Log1p(r)-2*math.Log(m.alpha)))
	return between(estimate-reach, estimate+reach)
}

// ratio is tau^2/V: what was gathered in units of what is looked for.
func (m MixtureSPRT) ratio(estimate, variance float64) (float64, Reason) {
	switch {
	case m.tau2 == 0, !finite(estimate), !finite(variance), variance < 0:
		return 0, ReasonInvalidInput
	case variance == 0:
		return 0, ReasonNoVariance
	}
	r := m.tau2 / variance
	if r == 0 || math.IsInf(r, 0) || math.IsInf(1/r, 0) {
		return 0, ReasonOutOfRange
	}
	return r, ""
}
