package stats

import "math"

// Comparison compares the means of two arms by their moments. Make one with
// [CompareMoments]. It is a small value; the figures are computed when asked
// for.
type Comparison struct {
	control, treatment Moments
	meanC, meanT       float64 // valid when noMean is empty
	varC, varT         float64 // variances of the means; valid when noVar is empty
	noMean, noVar      Reason
}

// CompareMoments compares a treatment with the control. Either may be undefined
// or empty: then what cannot be computed says why.
func CompareMoments(control, treatment Moments) Comparison {
	c := Comparison{
		control: control, treatment: treatment,
		meanC: control.Mean.Value, meanT: treatment.Mean.Value,
	}
	for _, m := range []Moments{control, treatment} {
		if c.noMean == "" && !(m.Mean.OK && finite(m.Mean.Value)) {
			c.noMean = m.reason()
		}
		if c.noVar == "" {
			c.noVar = m.reason()
		}
	}
	if c.noVar == "" {
		c.varC = control.Variance.Value / float64(control.N)
		c.varT = treatment.Variance.Value / float64(treatment.N)
	}
	return c
}

// Diff returns treatment mean minus control mean, in units of the metric.
func (c Comparison) Diff() Number {
	if c.noMean != "" {
		return Undefined(c.noMean)
	}
	return Known(c.meanT - c.meanC)
}

// DiffSE returns the standard error of the difference, sqrt(V_c + V_t) with V
// the variance of each mean, unpooled. It is 0 when nothing varies.
func (c Comparison) DiffSE() Number {
	if c.noVar != "" {
		return Undefined(c.noVar)
	}
	return Known(math.Sqrt(c.varC + c.varT))
}

// Z returns the difference in standard errors.
func (c Comparison) Z() Number {
	se, why := c.positiveSE()
	if why != "" {
		return Undefined(why)
	}
	return Known((c.meanT - c.meanC) / se)
}

// P returns the two-sided p value of "no difference" from the normal
// distribution, in [0, 1]. [Comparison.DiffInterval] and [Comparison.Fieller]
// with the same critical value exclude 0 exactly when P is below alpha.
func (c Comparison) P() Number {
	z := c.Z()
	if !z.OK {
		return z
	}
	return Known(twoSidedP(z.Value))
}

// DiffInterval returns the interval of the difference that reaches critical
// standard errors to both sides. Critical is [ZCritical] of a level, the
// comparison's own [Comparison.WelchCritical], or a sequence's multiplier.
func (c Comparison) DiffInterval(critical Number) Interval {
	se, why := c.positiveSE()
	if why == "" {
		why = criticalReason(critical)
	}
	if why != "" {
		return noInterval(why)
	}
	d, reach := c.meanT-c.meanC, critical.Value*se
	return between(d-reach, d+reach)
}

// WelchDF returns the degrees of freedom of the difference under unequal
// variances (Welch 1947; Satterthwaite 1946), at least 1.
func (c Comparison) WelchDF() Number {
	if _, why := c.positiveSE(); why != "" {
		return Undefined(why)
	}
	nc, nt := float64(c.control.N), float64(c.treatment.N)
	if nc < 2 || nt < 2 {
		return Undefined(ReasonTooFewUsers)
	}
	// Shares instead of variances: squares of the latter may underflow.
	total := c.varC + c.varT
	sc, st := c.varC/total, c.varT/total
	return Known(1 / (sc*sc/(nc-1) + st*st/(nt-1)))
}

// WelchP returns the two-sided p value of Welch's t test, in [0, 1].
func (c Comparison) WelchP() Number {
	z, df := c.Z(), c.WelchDF()
	switch {
	case !z.OK:
		return z
	case !df.OK:
		return df
	}
	return Known(math.Min(1, 2*studentTail(math.Abs(z.Value), df.Value)))
}

// WelchCritical returns the two-sided critical value of Student's t with
// [Comparison.WelchDF] degrees of freedom at a level in (0, 1).
func (c Comparison) WelchCritical(level float64) Number {
	df := c.WelchDF()
	if !df.OK {
		return df
	}
	if !validLevel(level) {
		return Undefined(ReasonInvalidInput)
	}
	return Known(studentCritical(level, df.Value))
}

// Posterior returns the posterior of the difference under flat priors on the
// means: N(diff, se^2). Its probability to beat control is Phi(diff/se).
func (c Comparison) Posterior() NormalPosterior {
	se, why := c.positiveSE()
	if why != "" {
		return NormalPosterior{why: why}
	}
	d := c.Diff()
	if !d.OK {
		return NormalPosterior{why: d.Reason}
	}
	return NewNormalPosterior(d.Value, se, nil)
}

// LiftPosterior returns the posterior of the lift when its delta-method estimate
// is combined with a prior on the lift, or with a flat one when prior is nil:
// a sceptical N(0, 0.3^2) says that most changes change little. The estimate's
// distribution is taken as normal, which needs a control's mean well away from
// 0; without a prior prefer [Comparison.Fieller].
func (c Comparison) LiftPosterior(prior *NormalPrior) NormalPosterior {
	lift, se := c.Lift(), c.LiftSE()
	switch {
	case !lift.OK:
		return NormalPosterior{why: lift.Reason}
	case !se.OK:
		return NormalPosterior{why: se.Reason}
	}
	return NewNormalPosterior(lift.Value, se.Value, prior)
}

// positiveSE returns the standard error of the difference if it exists and
// there is something to divide by.
func (c Comparison) positiveSE() (float64, Reason) {
	se := c.DiffSE()
	switch {
	case !se.OK:
		return 0, se.Reason
	case se.Value == 0:
		return 0, ReasonNoVariance
	}
	return se.Value, ""
}

// criticalReason checks a critical value from outside.
func criticalReason(critical Number) Reason {
	switch {
	case !critical.OK:
		return orInvalid(critical.Reason)
	case !finite(critical.Value), critical.Value < 0:
		return ReasonInvalidInput
	}
	return ""
}
