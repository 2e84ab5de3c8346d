package stats

import (
	"math"
	"sync"

	"gonum.org/v1/gonum/integrate/quad"
)

// The tabulation of one Beta(a, b) posterior.
//
// Own numerics, because neither gonum nor anyone's closed form is exact and
// fast over the whole range: Miller's finite sum costs one term a conversion,
// the incomplete beta function loses digits at a million users, and the normal
// approximation is off by 3e-5 at 500 conversions. On the logit axis
// t = ln(p/(1-p)) the density p^a (1-p)^b is smooth and log-concave for every
// a, b > 0, so it is integrated once per arm, in panels, and kept as the
// polynomials that the panels' Gauss-Legendre nodes define. All comparisons of
// the arm then only evaluate polynomials.

const (
	// nodes per panel. Panels are at most 1.25 standard deviations wide, so
	// that the first neglected term of a Gaussian is next to the last digit.
	nodes = 16
	// depth is how far below its peak the log density is followed:
	// exp(-38) = 3e-17 of the peak is below the last digit of a probability.
	depth = 38
	// minShape and maxShape bound a and b. A prior worth less than a tenth of
	// a user has tails beyond float64's range on the way to p = 0.
	minShape, maxShape = 0.1, 1e13
)

// shape is a Beta(a, b) density on the logit axis, relative to its peak: d is
// the distance to the peak t0 = ln(a/b), where p = a/(a+b), the mean.
type shape struct {
	a, b   float64
	p0, q0 float64 // mean and 1-mean
	t0     float64
}

func newShape(a, b float64) shape {
	return shape{a: a, b: b, p0: a / (a + b), q0: b / (a + b), t0: math.Log(a / b)}
}

// at returns the log density relative to the peak, and p minus the mean.
// The larger of a and b multiplies the logarithm that is computed from a small
// argument: so there is no lgamma and no cancellation at any size.
func (s shape) at(d float64) (logDensity, centred float64) {
	if s.b >= s.a {
		e := math.Expm1(d)
		l := math.Log1p(s.p0 * e)
		return s.a*(d-l) - s.b*l, s.p0 * s.q0 * e / (1 + s.p0*e)
	}
	e := math.Expm1(-d)
	l := math.Log1p(s.q0 * e)
	return -s.b*(d+l) - s.a*l, -s.p0 * s.q0 * e / (1 + s.q0*e)
}

// reach returns the distance from the peak, on the given side (-1 or 1), at
// which the log density has fallen to -depth or a little further. The density
// is log-concave: from outside, Newton's tangents approach from outside.
func (s shape) reach(side float64) float64 {
	d := side * 2 * math.Sqrt(1/s.a+1/s.b)
	l, centred := s.at(d)
	for l > -depth {
		d *= 2
		l, centred = s.at(d)
	}
	for range 50 {
		// The slope of the log density is -(a+b)(p - mean).
		step := (l + depth) / ((s.a + s.b) * centred)
		d += step
		l, centred = s.at(d)
		if math.Abs(l+depth) < 0.5 {
			break
		}
	}
	return d
}

// panelWidth is how far a panel that starts at d may go to the given side: 1.25
// local standard deviations at either end, a part of the distance to the logit
// axis's singularities at t = +-i pi, and a few e-folds; more of them where the
// density is small and so may be less exact.
func (s shape) panelWidth(d, side float64) float64 {
	l, centred := s.at(d)
	slope := (s.a + s.b) * math.Abs(centred)
	width := min(s.localSD(d)*1.25, 1+math.Abs(s.t0+d)/3, (3-0.2*l)/slope)
	for width > s.localSD(d+side*width)*1.6 {
		width *= 0.8
	}
	return width
}

// localSD is the standard deviation of the Gaussian that bends like the density
// at d.
func (s shape) localSD(d float64) float64 {
	p, q := expit(s.t0 + d)
	return 1 / math.Sqrt((s.a+s.b)*p*q)
}

// edges returns the panels' boundaries as distances from the peak, ascending.
func (s shape) edges() []float64 {
	low, high := s.reach(-1), s.reach(1)
	left := make([]float64, 0, 64)
	for d := 0.0; d > low; {
		d = math.Max(low, d-s.panelWidth(d, -1))
		left = append(left, d)
	}
	out := make([]float64, 0, 2*len(left)+1)
	for i := len(left) - 1; i >= 0; i-- {
		out = append(out, left[i])
	}
	out = append(out, 0)
	for d := 0.0; d < high; {
		d = math.Min(high, d+s.panelWidth(d, 1))
		out = append(out, d)
	}
	return out
}

// expit returns p and 1-p on the logit axis, each with all its digits.
func expit(t float64) (p, q float64) {
	if t < 0 {
		e := math.Exp(t)
		return e / (1 + e), 1 / (1 + e)
	}
	e := math.Exp(-t)
	return 1 / (1 + e), e / (1 + e)
}

// panel holds, on [mid-half, mid+half] of the logit axis, polynomials in
// x = (t-mid)/half: the cdf, and the partial moment, the integral of
// (p - mean) up to t.
type panel struct {
	low, high float64
	mid, inv  float64
	cdf       [nodes + 1]float64
	moment    [nodes + 1]float64
}

// at returns the cdf and the density (per unit of t) at t.
func (p *panel) at(t float64) (cdf, density float64) {
	x := (t - p.mid) * p.inv
	x2 := x * x
	// Even and odd powers apart: two short chains instead of a long one.
	c := &p.cdf
	even, dEven := c[nodes], 0.0
	odd, dOdd := c[nodes-1], 0.0
	for k := nodes - 2; k > 0; k -= 2 {
		dEven = dEven*x2 + even
		even = even*x2 + c[k]
		dOdd = dOdd*x2 + odd
		odd = odd*x2 + c[k-1]
	}
	dEven = dEven*x2 + even
	even = even*x2 + c[0]
	return even + x*odd, (odd + 2*x*dEven + 2*x2*dOdd) * p.inv
}

// momentAt returns the partial moment at t.
func (p *panel) momentAt(t float64) float64 {
	x := (t - p.mid) * p.inv
	x2 := x * x
	c := &p.moment
	even, odd := c[nodes], c[nodes-1]
	for k := nodes - 2; k > 0; k -= 2 {
		even = even*x2 + c[k]
		odd = odd*x2 + c[k-1]
	}
	even = even*x2 + c[0]
	return even + x*odd
}

// rule is the Gauss-Legendre rule on [-1, 1] and the matrix that turns a
// function's values at the nodes into the monomial coefficients of its integral
// from -1.
type rule struct {
	x, w      [nodes]float64
	integrate [nodes + 1][nodes]float64
}

var gauss = sync.OnceValue(newRule)

func newRule() *rule {
	r := new(rule)
	quad.Legendre{}.FixedLocations(r.x[:], r.w[:], -1, 1)
	// Monomial coefficients of the Legendre polynomials, and of their
	// integrals from -1: (P[k+1]-P[k-1])/(2k+1), or x+1 for k = 0.
	var poly [nodes + 2][nodes + 2]float64
	poly[0][0], poly[1][1] = 1, 1
	for k := 1; k <= nodes; k++ {
		n := float64(k)
		for i := range nodes + 1 {
			poly[k+1][i+1] = (2*n + 1) * poly[k][i] / (n + 1)
		}
		for i := range nodes + 1 {
			poly[k+1][i] -= n * poly[k-1][i] / (n + 1)
		}
	}
	for j, x := range r.x {
		value, next := 1.0, x // P[k](x), P[k+1](x)
		for k := range nodes {
			n := float64(k)
			coef := r.w[j] * value * (2*n + 1) / 2
			for i := range nodes + 1 {
				if k == 0 {
					r.integrate[i][j] += coef * (poly[0][i] + poly[1][i])
				} else {
					r.integrate[i][j] += coef * (poly[k+1][i] - poly[k-1][i]) / (2*n + 1)
				}
			}
			value, next = next, ((2*n+3)*x*next-(n+1)*value)/(n+2)
		}
	}
	return r
}

// integral sets the coefficients of the integral from -1 of a function with the
// values f. Odd powers of the integral come from the even part of the function
// and even ones from the odd part, which halves the work.
func (r *rule) integral(f *[nodes]float64, coef *[nodes + 1]float64) {
	const pairs = nodes / 2
	var even, odd [pairs]float64
	for j := range pairs {
		even[j], odd[j] = f[j]+f[nodes-1-j], f[j]-f[nodes-1-j]
	}
	for k := 1; k < nodes; k += 2 {
		row, next := &r.integrate[k], &r.integrate[k+1]
		var a, b float64
		for j := range pairs {
			a += row[j] * even[j]
			b += next[j] * odd[j]
		}
		coef[k], coef[k+1] = a, b
	}
	var constant float64
	for j, v := range r.integrate[0] {
		constant += v * f[j]
	}
	coef[0] = constant
}

// tabulate integrates the density and the centred moment panel by panel.
func (s shape) tabulate() []panel {
	r := gauss()
	edges := s.edges()
	panels := make([]panel, len(edges)-1)
	var total, moment float64
	for i := range panels {
		p := &panels[i]
		low, high := edges[i], edges[i+1]
		mid, half := low+(high-low)/2, (high-low)/2
		p.low, p.high = s.t0+low, s.t0+high
		p.mid, p.inv = s.t0+mid, 1/half
		var f, m [nodes]float64
		for j, x := range r.x {
			l, centred := s.at(mid + half*x)
			f[j] = math.Exp(l) * half
			m[j] = f[j] * centred
		}
		r.integral(&f, &p.cdf)
		r.integral(&m, &p.moment)
		p.cdf[0] += total
		p.moment[0] += moment
		for j, w := range r.w {
			total += w * f[j]
			moment += w * m[j]
		}
	}
	for i := range panels {
		for k := range panels[i].cdf {
			panels[i].cdf[k] /= total
			panels[i].moment[k] /= total
		}
	}
	return panels
}
