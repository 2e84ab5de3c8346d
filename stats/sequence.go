package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Sides says whether a confidence sequence bounds an effect on both sides or
// on one.
type Sides int8

const (
	// TwoSided bounds the effect from below and above.
	TwoSided Sides = iota
	// OneSided bounds it on one side only, chosen before the start.
	OneSided
)

// ConfidenceSequence is the plan of an asymptotic confidence sequence: an
// interval that covers the truth at all looks together with probability
// 1-alpha, so that it may be looked at at any time and acted on. Make one with
// [NewConfidenceSequence]. The zero value has no figures.
//
// The plan must be fixed before the start: choosing it from the data voids the
// guarantee. So does a user's value that still changes after it was counted,
// and fewer than about 100 users per arm, where the normal limit does not hold.
type ConfidenceSequence struct {
	alpha float64
	rho2  float64
	sides Sides
}

// NewConfidenceSequence plans a sequence with error probability alpha in (0, 1)
// (in (0, 0.5) when one-sided), tuned to be tightest near plannedUsers > 0, the
// users of both compared arms together at the planned end.
//
// The tuning is rho^2 = (L + ln(L+1))/n with L = -2 ln alpha, and alpha doubled
// when one-sided: Waudby-Smith et al. (2024), "Time-uniform central limit
// theory and asymptotic confidence sequences", appendix on the choice of rho.
// Parameters out of range give a sequence whose figures are all undefined.
func NewConfidenceSequence(alpha, plannedUsers float64, sides Sides) ConfidenceSequence {
	a := alpha
	if sides == OneSided {
		a = 2 * alpha
	}
	if !(a > 0 && a < 1) || !(plannedUsers > 0) || math.IsInf(plannedUsers, 0) {
		return ConfidenceSequence{}
	}
	l := -2 * math.Log(a)
	return ConfidenceSequence{alpha: alpha, rho2: (l + math.Log1p(l)) / plannedUsers, sides: sides}
}

// Rho2 returns the tuning parameter, per user.
func (s ConfidenceSequence) Rho2() Number {
	if s.rho2 == 0 {
		return Undefined(ReasonInvalidInput)
	}
	return Known(s.rho2)
}

// Multiplier returns by how many standard errors the sequence reaches out when
// n > 0 users are in both arms together: it takes the place of 1.96, for a
// difference as for [Comparison.Fieller].
//
// With y = n rho^2 it is sqrt((y+1)/y ln((y+1)/alpha^2)) two-sided, equation 9
// of Waudby-Smith et al. (2024), which is equation 14 of Howard et al. (2021),
// "Time-uniform, nonparametric, nonasymptotic confidence sequences"; one-sided
// sqrt(2(y+1)/y ln(1 + sqrt(y+1)/(2 alpha))).
func (s ConfidenceSequence) Multiplier(n float64) Number {
	y, why := s.information(n)
	if why != "" {
		return Undefined(why)
	}
	if s.sides == OneSided {
		return Known(math.Sqrt(2 * (1 + 1/y) * math.Log1p(math.Sqrt(y+1)/(2*s.alpha))))
	}
	return Known(math.Sqrt((1 + 1/y) * (math.Log1p(y) - 2*math.Log(s.alpha))))
}

// MultiplierOverFixed returns the price of looking at any time: the multiplier
// divided by the critical value of a test with one look, at least 1 in practice.
func (s ConfidenceSequence) MultiplierOverFixed(n float64) Number {
	k := s.Multiplier(n)
	if !k.OK {
		return k
	}
	tail := s.alpha / 2
	if s.sides == OneSided {
		tail = s.alpha
	}
	return Known(k.Value / -mathext.NormalQuantile(tail))
}

// Interval returns the interval of a two-sided sequence around an estimate with
// standard error se > 0 from n > 0 users, in units of the estimate.
func (s ConfidenceSequence) Interval(estimate, se, n float64) Interval {
	if s.sides == OneSided {
		return noInterval(ReasonOneSided)
	}
	return intervalOf(s.Lower(estimate, se, n), s.Upper(estimate, se, n))
}

// Lower returns the lower bound: of the interval when two-sided, the bound
// itself when one-sided.
func (s ConfidenceSequence) Lower(estimate, se, n float64) Number {
	return s.bound(estimate, se, n, -1)
}

// Upper returns the upper bound: of the interval when two-sided, the bound
// itself when one-sided. A one-sided sequence gives either bound, not both.
func (s ConfidenceSequence) Upper(estimate, se, n float64) Number {
	return s.bound(estimate, se, n, 1)
}

func (s ConfidenceSequence) bound(estimate, se, n, side float64) Number {
	if why := estimateReason(estimate, se); why != "" {
		return Undefined(why)
	}
	k := s.Multiplier(n)
	if !k.OK {
		return k
	}
	return Known(estimate + side*k.Value*se)
}

// LnEValue returns the logarithm of the evidence against "no effect", a
// two-sided sequence's e-value y/(y+1) z^2/2 - ln(1+y)/2 with z = estimate/se.
// The interval excludes 0 exactly when it reaches -ln(alpha).
func (s ConfidenceSequence) LnEValue(estimate, se, n float64) Number {
	if s.sides == OneSided {
		return Undefined(ReasonOneSided)
	}
	y, why := s.information(n)
	if why == "" {
		why = estimateReason(estimate, se)
	}
	if why != "" {
		return Undefined(why)
	}
	z := estimate / se
	return Known(z*z/(1+1/y)/2 - math.Log1p(y)/2)
}

// P returns the always-valid p value of "no effect" (one-sided: of "not above
// 0"): the smallest alpha, with rho kept as planned, at which the sequence
// excludes 0; at most 1. It is valid at every look; the running minimum over
// the looks is valid too and does not rise.
func (s ConfidenceSequence) P(estimate, se, n float64) Number {
	y, why := s.information(n)
	if why == "" {
		why = estimateReason(estimate, se)
	}
	if why != "" {
		return Undefined(why)
	}
	z := estimate / se
	exponent := z * z / (1 + 1/y) / 2
	if s.sides == TwoSided {
		return Known(math.Min(1, math.Exp(math.Log1p(y)/2-exponent)))
	}
	if z <= 0 {
		return Known(1)
	}
	return Known(math.Min(1, math.Sqrt(y+1)/2/math.Expm1(exponent)))
}

// information is y = n rho^2, the planned and gathered information.
func (s ConfidenceSequence) information(n float64) (y float64, why Reason) {
	switch {
	case s.rho2 == 0, math.IsNaN(n), n < 0:
		return 0, ReasonInvalidInput
	case n == 0:
		return 0, ReasonNoUsers
	}
	y = n * s.rho2
	if y == 0 || math.IsInf(y, 0) || math.IsInf(1/y, 0) {
		return 0, ReasonOutOfRange
	}
	return y, ""
}

func estimateReason(estimate, se float64) Reason {
	switch {
	case !finite(estimate), !finite(se), se < 0:
		return ReasonInvalidInput
	case se == 0:
		return ReasonNoVariance
	}
	return ""
}
