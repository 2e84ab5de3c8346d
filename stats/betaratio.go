package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Many quantiles of one ratio at once.
//
// On the scale of z = Phi^-1(cdf) the quantile function of ln(p_t/p_c) is
// nearly a straight line and analytic. So the cdf and its density are read once
// near each wanted quantile, and Hermite's polynomial through all those points
// and slopes gives all the quantiles: as many integrals as quantiles, not three
// times as many. A quantile on which the polynomial and the one without the
// last point do not agree is integrated once more where they point to.

// LiftQuantiles returns the values below which the lift lies with the
// probabilities q, each in (0, 1), in their order. It agrees with
// [BetaComparison.LiftQuantile] and costs a third.
func (c BetaComparison) LiftQuantiles(q ...float64) []Number {
	out := make([]Number, len(q))
	why := c.reason()
	for _, p := range q {
		if why == "" && !(p > 0 && p < 1) {
			why = ReasonInvalidInput
		}
	}
	if why != "" {
		for i := range out {
			out[i] = Undefined(why)
		}
		return out
	}
	var fit hermite
	// Priors below half a user make a density without bound, of which a slope
	// says nothing.
	if len(q) <= maxFit && min(c.control.a, c.control.b, c.treatment.a, c.treatment.b) >= 0.5 {
		fit = c.fitRatio(q)
	}
	for i, p := range q {
		if s, ok := c.ratioQuantile(&fit, p); ok {
			out[i] = Known(math.Expm1(s))
		} else {
			out[i] = c.LiftQuantile(p)
		}
	}
	return out
}

// LiftIntervals returns the equal-tailed credible intervals of the lift at
// several levels, each in (0, 1), in their order; it is
// [BetaComparison.LiftInterval] for each, at the price of about one.
func (c BetaComparison) LiftIntervals(levels ...float64) []Interval {
	q := make([]float64, 0, 2*len(levels))
	for _, level := range levels {
		q = append(q, (1-level)/2, (1+level)/2)
	}
	at := c.LiftQuantiles(q...)
	out := make([]Interval, len(levels))
	for i := range out {
		out[i] = intervalOf(at[2*i], at[2*i+1])
	}
	return out
}

// fitRatio reads the distribution near the wanted quantiles.
func (c BetaComparison) fitRatio(q []float64) hermite {
	meanC, varC := c.control.logMoments()
	meanT, varT := c.treatment.logMoments()
	center, scale := meanT-meanC, math.Sqrt(varC+varT)
	fit := hermite{scale: scale}
	for _, p := range q {
		s := center + scale*mathext.NormalQuantile(p)
		cdf, density := c.cdf(s, shiftByRatio)
		if !(cdf > 1e-9 && cdf < 1-1e-9 && density > 0) {
			continue
		}
		z := mathext.NormalQuantile(cdf)
		fit.add(z, s, normalPDF(z)/density)
	}
	return fit
}

// ratioQuantile reads one quantile off the fit, or says that it must be
// searched for. Where the fit doubts itself the distribution is read once or
// twice more; beside a point that was read, the fit need only know how the
// curve bends, of which its error is the square of the distance times the error
// of that bend.
func (c BetaComparison) ratioQuantile(fit *hermite, p float64) (s float64, ok bool) {
	if fit.n < 2 {
		return 0, false
	}
	z := mathext.NormalQuantile(p)
	s, slope, doubt := fit.at(z)
	if doubt <= 1e-10*fit.scale {
		return s, true
	}
	for range 3 {
		if !(slope > 0 && doubt <= fit.scale) {
			return 0, false
		}
		cdf, density := c.cdf(s, shiftByRatio)
		if !(cdf > 0 && cdf < 1 && density > 0) {
			return 0, false
		}
		at := mathext.NormalQuantile(cdf)
		there, slopeThere, _ := fit.at(at)
		wanted, _, _ := fit.at(z)
		s += wanted - there + (normalPDF(at)/density-slopeThere)*(z-at)
		if math.Abs(z-at) <= 2e-5 {
			return s, true
		}
	}
	return 0, false
}

// logMoments are the mean and the variance of ln p: psi(a) - psi(a+b) and
// psi'(a) - psi'(a+b) (Johnson, Kotz and Balakrishnan, Continuous Univariate
// Distributions, section 25.2), or their leading terms where those are exact
// enough to start from.
func (b *BetaPosterior) logMoments() (mean, variance float64) {
	if b.a > 50 {
		return math.Log(b.p0) - b.q0/b.a/2, b.q0 / b.a * (1 + b.q0/b.a/2)
	}
	n := b.a + b.b
	return mathext.Digamma(b.a) - mathext.Digamma(n), mathext.Zeta(2, b.a) - mathext.Zeta(2, n)
}

// maxFit is how many points the polynomial takes.
const maxFit = 8

// hermite is the polynomial through points with slopes, in Newton's form with
// every node twice.
type hermite struct {
	scale float64
	n     int
	z     [2 * maxFit]float64
	coef  [2 * maxFit]float64
	edge  [2 * maxFit]float64 // the last diagonal of the divided differences
}

// add puts in the point (z, s) with the slope ds/dz, unless it is so close to
// another one that their difference says nothing.
func (h *hermite) add(z, s, slope float64) {
	for i := 0; i < h.n; i += 2 {
		if math.Abs(h.z[i]-z) < 1e-3 {
			return
		}
	}
	for twice := range 2 {
		n := h.n
		h.z[n] = z
		d := s
		for k := range n + 1 {
			// d is now the divided difference over nodes n-k..n.
			old := h.edge[k]
			h.edge[k] = d
			if k == n {
				break
			}
			if twice == 1 && k == 0 {
				d = slope
			} else {
				d = (d - old) / (z - h.z[n-k-1])
			}
		}
		h.coef[n] = d
		h.n++
	}
}

// at returns the polynomial's value and slope, and how far it is from the one
// that knows one point less.
func (h *hermite) at(z float64) (s, slope, doubt float64) {
	product := 1.0
	for i := range h.n {
		if i >= h.n-2 {
			doubt += math.Abs(h.coef[i] * product)
		}
		product *= z - h.z[i]
	}
	for i := h.n - 1; i >= 0; i-- {
		slope = slope*(z-h.z[i]) + s
		s = s*(z-h.z[i]) + h.coef[i]
	}
	return s, slope, doubt
}
