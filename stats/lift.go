package stats

import "math"

// Lift returns (treatment mean - control mean)/|control mean|, as a fraction.
func (c Comparison) Lift() Number {
	if why := c.noLift(); why != "" {
		return Undefined(why)
	}
	return Known((c.meanT - c.meanC) / math.Abs(c.meanC))
}

// LiftSE returns the delta method's standard error of the lift,
// sqrt(V_t/m_c^2 + m_t^2 V_c/m_c^4). Its interval is symmetric and so misleads
// when the control's mean is uncertain; prefer [Comparison.Fieller].
func (c Comparison) LiftSE() Number {
	why := c.noLift()
	if why == "" {
		why = c.noVar
	}
	if why != "" {
		return Undefined(why)
	}
	// Hypot of relative errors, so that no square overflows.
	ratio := c.meanT / c.meanC
	return Known(math.Hypot(math.Sqrt(c.varT)/c.meanC, ratio*math.Sqrt(c.varC)/c.meanC))
}

// LiftDeltaInterval returns the delta method's interval of the lift, critical
// standard errors to both sides. Label it as such: its test is not the test of
// the difference.
func (c Comparison) LiftDeltaInterval(critical Number) Interval {
	se := c.LiftSE()
	why := se.Reason
	if why == "" && se.Value == 0 {
		why = ReasonNoVariance
	}
	if why == "" {
		why = criticalReason(critical)
	}
	if why != "" {
		return noInterval(why)
	}
	lift := c.Lift()
	if !lift.OK {
		return noInterval(lift.Reason)
	}
	reach := critical.Value * se.Value
	return between(lift.Value-reach, lift.Value+reach)
}

// FiellerResult is Fieller's set of lifts.
type FiellerResult struct {
	// G is critical^2 V_c/m_c^2, at least 0: the set is an interval when
	// G < 1, that is when the control's mean differs from 0 at this critical
	// value.
	G Number
	// Lift is the set, as fractions, when it is an interval; otherwise it is
	// undefined with [ReasonControlMeanUncertain].
	Lift Interval
}

// Fieller returns the lifts that the data do not reject: all R with
// |m_t - R m_c| <= critical sqrt(V_t + R^2 V_c), minus 1 (Fieller 1954, "Some
// problems in interval estimation").
//
// One routine, three intervals: with [ZCritical] it is the confidence interval
// and the flat-prior credible interval, with [Comparison.WelchCritical] the one
// for small samples, with [ConfidenceSequence.Multiplier] the always-valid one.
// Each excludes 0 exactly when the test of the difference with the same
// critical value rejects, so the three never contradict their tests.
func (c Comparison) Fieller(critical Number) FiellerResult {
	_, why := c.positiveSE()
	if why == "" {
		why = c.noLift()
	}
	if why == "" {
		why = criticalReason(critical)
	}
	if why != "" {
		return FiellerResult{G: Undefined(why), Lift: noInterval(why)}
	}
	// Everything divided by the control's mean: free of units, so nothing
	// overflows, and the difference is taken before it is divided.
	q := critical.Value
	errC := math.Sqrt(c.varC) / math.Abs(c.meanC)
	errT := math.Sqrt(c.varT) / math.Abs(c.meanC)
	ratio, excess := c.meanT/c.meanC, (c.meanT-c.meanC)/c.meanC
	g := q * errC * q * errC
	res := FiellerResult{G: Known(g)}
	switch {
	case !res.G.OK:
		res.Lift = noInterval(ReasonOutOfRange)
	case g >= 1:
		res.Lift = noInterval(ReasonControlMeanUncertain)
	default:
		reach := q * math.Hypot(errT*math.Sqrt(1-g), ratio*errC)
		low, high := (excess+g-reach)/(1-g), (excess+g+reach)/(1-g)
		if c.meanC < 0 {
			low, high = -high, -low
		}
		res.Lift = between(low, high)
	}
	return res
}

// LogRatioResult is the comparison on the logarithmic scale.
type LogRatioResult struct {
	// LogRatio is ln(m_t/m_c).
	LogRatio Number
	// SE is its delta-method standard error, sqrt(V_t/m_t^2 + V_c/m_c^2).
	SE Number
	// Lift is exp(LogRatio -+ critical SE) - 1, as fractions.
	Lift Interval
}

// LogRatio returns the comparison of two positive means on the logarithmic
// scale (Katz et al. 1978, "Obtaining confidence intervals for the risk ratio
// in cohort studies"). Its interval is never below -1.
func (c Comparison) LogRatio(critical Number) LogRatioResult {
	why := c.noLift()
	if why == "" {
		why = c.noVar
	}
	if why == "" && (c.meanC <= 0 || c.meanT <= 0) {
		why = ReasonMeanNotPositive
	}
	if why != "" {
		return LogRatioResult{LogRatio: Undefined(why), SE: Undefined(why), Lift: noInterval(why)}
	}
	// The logarithm of 1 + lift keeps the digits of a small lift; a quotient
	// that overflowed or vanished is still a difference of logarithms.
	log := math.Log1p((c.meanT - c.meanC) / c.meanC)
	if c.meanT < c.meanC/2 || !finite(log) {
		log = math.Log(c.meanT) - math.Log(c.meanC)
	}
	se := math.Hypot(math.Sqrt(c.varT)/c.meanT, math.Sqrt(c.varC)/c.meanC)
	res := LogRatioResult{LogRatio: Known(log), SE: Known(se)}
	switch why := criticalReason(critical); {
	case why != "":
		res.Lift = noInterval(why)
	default:
		reach := critical.Value * se
		res.Lift = between(math.Expm1(log-reach), math.Expm1(log+reach))
	}
	return res
}

// noLift says why there is no relative figure, or nothing.
func (c Comparison) noLift() Reason {
	if c.noMean != "" {
		return c.noMean
	}
	if c.meanC == 0 {
		return ReasonControlMeanZero
	}
	return ""
}
