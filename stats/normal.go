package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// ZCritical returns the two-sided critical value of the standard normal
// distribution at a level in (0, 1): 1.96 for 0.95.
func ZCritical(level float64) Number {
	if !validLevel(level) {
		return Undefined(ReasonInvalidInput)
	}
	return Known(-mathext.NormalQuantile((1 - level) / 2))
}

// normalCDF is Phi(z), from erfc so that small probabilities keep their digits.
func normalCDF(z float64) float64 {
	return math.Erfc(-z/math.Sqrt2) / 2
}

// normalPDF is phi(z).
func normalPDF(z float64) float64 {
	return math.Exp(-z*z/2) / math.Sqrt(2*math.Pi)
}

// twoSidedP is 2(1 - Phi(|z|)), from the tail: 1-cdf would be 0 beyond 1e-16.
func twoSidedP(z float64) float64 {
	return math.Erfc(math.Abs(z) / math.Sqrt2)
}

// NormalPrior is a prior belief N(Mean, SD^2) about an effect, in the units of
// the effect. SD must be positive.
type NormalPrior struct {
	Mean, SD float64
}

// NormalPosterior is what is believed about an effect (a difference, or a lift)
// after the data: N(mean, sd^2). Make one with [NewNormalPosterior] or
// [Comparison.Posterior].
type NormalPosterior struct {
	mean, sd float64
	why      Reason
}

// NewNormalPosterior combines an estimate and its standard error (se > 0) with
// a prior, or with a flat one when prior is nil. The precisions, 1/variance,
// add; the mean is weighted by them (the conjugate update of a normal mean with
// known variance: Gelman et al., Bayesian Data Analysis, section 2.5).
func NewNormalPosterior(estimate, se float64, prior *NormalPrior) NormalPosterior {
	if !finite(estimate) || !finite(se) || se < 0 {
		return NormalPosterior{why: ReasonInvalidInput}
	}
	if se == 0 {
		return NormalPosterior{why: ReasonNoVariance}
	}
	if prior == nil {
		return NormalPosterior{mean: estimate, sd: se}
	}
	if !finite(prior.Mean) || !finite(prior.SD) || prior.SD <= 0 {
		return NormalPosterior{why: ReasonInvalidInput}
	}
	// The same as adding precisions, but without squares that could overflow.
	h := math.Hypot(prior.SD, se)
	onData, onPrior := prior.SD/h, se/h
	return NormalPosterior{
		mean: onData*onData*estimate + onPrior*onPrior*prior.Mean,
		sd:   onData * se,
	}
}

// Mean returns the posterior mean, in units of the effect.
func (p NormalPosterior) Mean() Number {
	return p.number(p.mean)
}

// SD returns the posterior standard deviation, in units of the effect.
func (p NormalPosterior) SD() Number {
	return p.number(p.sd)
}

// ProbBeat returns the probability that the effect is in the good direction:
// Phi(mean/sd), or its complement when lower is better. In [0, 1].
func (p NormalPosterior) ProbBeat(d Direction) Number {
	if d == LowerIsBetter {
		return p.number(normalCDF(-p.mean / p.sd))
	}
	return p.number(normalCDF(p.mean / p.sd))
}

// Losses returns both expected losses, in units of the effect:
// sd phi(k) - mean Phi(-k) with k = mean/sd for shipping the treatment (the
// unit normal loss integral: Raiffa and Schlaifer, Applied Statistical Decision
// Theory, section 11.2).
func (p NormalPosterior) Losses(d Direction) Losses {
	if why := p.reason(); why != "" {
		return undefinedLosses(why)
	}
	k := p.mean / p.sd
	unit := func(k float64) Number {
		loss := p.sd * (normalPDF(k) - k*normalCDF(-k))
		return Known(math.Max(0, loss))
	}
	if d == LowerIsBetter {
		k = -k
	}
	return Losses{Treatment: unit(k), Control: unit(-k)}
}

// Interval returns the equal-tailed credible interval of the effect at a level
// in (0, 1).
func (p NormalPosterior) Interval(level float64) Interval {
	if why := p.reason(); why != "" {
		return noInterval(why)
	}
	z := ZCritical(level)
	if !z.OK {
		return noInterval(z.Reason)
	}
	return between(p.mean-z.Value*p.sd, p.mean+z.Value*p.sd)
}

func (p NormalPosterior) number(v float64) Number {
	if why := p.reason(); why != "" {
		return Undefined(why)
	}
	return Known(v)
}

// reason makes the zero value safe: a posterior that was not made has no sd.
func (p NormalPosterior) reason() Reason {
	if p.why == "" && p.sd <= 0 {
		return ReasonInvalidInput
	}
	return p.why
}
