package stats

import "math"

// Reason says why a figure does not exist. The strings are stable: an API may
// pass them on next to its null.
type Reason string

// The reasons that this package gives. The zero Reason belongs to figures that
// exist (and to the zero [Number], which was not computed).
const (
	// ReasonInvalidInput: a parameter is outside its documented range (a
	// negative count, more conversions than users, a level of 1).
	ReasonInvalidInput Reason = "invalid_input"
	// ReasonNoUsers: an arm has no users, so it has no mean.
	ReasonNoUsers Reason = "no_users"
	// ReasonTooFewUsers: an arm has one user, so its variance is unknown.
	ReasonTooFewUsers Reason = "too_few_users"
	// ReasonNoVariance: nothing varies, so there is no error to compare with.
	ReasonNoVariance Reason = "no_variance"
	// ReasonControlMeanZero: a relative figure divides by the control's mean.
	ReasonControlMeanZero Reason = "control_mean_zero"
	// ReasonControlMeanUncertain: the control's mean is not distinguishable
	// from zero at this level, so the set of plausible lifts is unbounded.
	ReasonControlMeanUncertain Reason = "control_mean_uncertain"
	// ReasonMeanNotPositive: a logarithm needs positive means in both arms.
	ReasonMeanNotPositive Reason = "mean_not_positive"
	// ReasonMeanInfinite: the posterior mean of the lift diverges because the
	// control's rate may be arbitrarily close to zero; its median exists.
	ReasonMeanInfinite Reason = "mean_infinite"
	// ReasonDenominatorZero: a ratio metric whose denominators sum to zero.
	ReasonDenominatorZero Reason = "denominator_zero"
	// ReasonTooFewArms: a split needs two arms with a positive weight.
	ReasonTooFewArms Reason = "too_few_arms"
	// ReasonOneSided: the figure exists only for a two-sided sequence.
	ReasonOneSided Reason = "one_sided"
	// ReasonTooFewDays: a slope or a contrast needs days on both sides.
	ReasonTooFewDays Reason = "too_few_days"
	// ReasonUnreachable: the effect asked about would need a rate beyond 0 or
	// 1.
	ReasonUnreachable Reason = "unreachable"
	// ReasonNothingToSpend: a look at which the plan leaves no error
	// probability has no bound.
	ReasonNothingToSpend Reason = "nothing_to_spend"
	// ReasonTooManyOutcomes: there are too many outcomes to enumerate.
	ReasonTooManyOutcomes Reason = "too_many_outcomes"
	// ReasonOutOfRange: the figure is finite in mathematics, not in float64.
	ReasonOutOfRange Reason = "out_of_range"
)

// Number is a figure that may not exist. When OK is false Value is 0 and must
// not be shown; Reason says why.
type Number struct {
	Value  float64
	OK     bool
	Reason Reason
}

// Known returns v as an existing figure, or an undefined one with
// [ReasonOutOfRange] when v is not finite: the last guard that keeps NaN and
// infinities inside this package.
func Known(v float64) Number {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return Undefined(ReasonOutOfRange)
	}
	return Number{Value: v, OK: true}
}

// Undefined returns a figure that does not exist for the given reason.
func Undefined(why Reason) Number {
	return Number{Reason: why}
}

// Interval is a closed interval that may not exist. When OK is false the bounds
// are 0 and must not be shown; Reason says why. When OK, Low <= High.
type Interval struct {
	Low, High float64
	OK        bool
	Reason    Reason
}

// Contains reports whether the interval exists and v lies in it.
func (i Interval) Contains(v float64) bool {
	return i.OK && i.Low <= v && v <= i.High
}

// between makes an interval of two finite bounds in either order.
func between(a, b float64) Interval {
	if a > b {
		a, b = b, a
	}
	return intervalOf(Known(a), Known(b))
}

// intervalOf makes an interval of two figures if both exist.
func intervalOf(low, high Number) Interval {
	switch {
	case !low.OK:
		return noInterval(low.Reason)
	case !high.OK:
		return noInterval(high.Reason)
	}
	return Interval{Low: low.Value, High: math.Max(low.Value, high.Value), OK: true}
}

func noInterval(why Reason) Interval {
	return Interval{Reason: why}
}

// Direction says which way a metric should move. It decides what "beats" and
// "loss" mean and nothing else: differences and lifts keep their sign.
type Direction int8

const (
	// HigherIsBetter is the default: more conversions, more revenue.
	HigherIsBetter Direction = iota
	// LowerIsBetter is for errors, refunds, latencies.
	LowerIsBetter
)

// Losses are the two expected losses of a decision, in units of the metric
// (not relative), each at least 0.
type Losses struct {
	// Treatment is what is lost on average by shipping the treatment, over
	// the cases in which the control is the better one.
	Treatment Number
	// Control is what is lost on average by keeping the control.
	Control Number
}

func undefinedLosses(why Reason) Losses {
	return Losses{Treatment: Undefined(why), Control: Undefined(why)}
}

// validLevel reports whether level may be the coverage of an interval.
func validLevel(level float64) bool {
	return level > 0 && level < 1
}

// finite reports whether v is a number that arithmetic may start from.
func finite(v float64) bool {
	return !math.IsNaN(v) && !math.IsInf(v, 0)
}
