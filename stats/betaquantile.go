package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// The distribution of the difference and of the ratio of two Beta posteriors.
//
// P(p_t <= p_c + s) is the mean over the control of the treatment's cdf at a
// shifted rate, or one minus the mean over the treatment of the control's cdf
// at the rate shifted back. Either way the mean is a trapezoid sum over the
// narrower arm's points, unless the shift pushes the rate past 0 or 1 within
// that arm's range: there the integrand has a kink, which only happens to small
// samples or rates next to 0 or 1. Then the sum is taken over the other arm, or
// if that has a kink too, or is too wide, by Gauss-Legendre over both arms'
// panels, which end at the kink.

// smoothEnd is the parameter from which a cdf ends so smoothly, like the
// distance to the end to that power, that there is no kink to see.
const smoothEnd = 40

// shift is a family of increasing maps of a rate.
type shift struct {
	// by returns the map by s of a rate p (with q = 1-p) to y (with z = 1-y).
	// y may leave (0, 1): the cdf is 0 or 1 there.
	by func(s float64) func(p, q float64) (y, z float64)
	// slope is the derivative of logit(y) by s, at y and z = 1-y.
	slope func(y, z float64) float64
	// smooth reports whether no point of b maps onto a rate of 0 or 1 where
	// the other arm's cdf has a kink that matters.
	smooth func(b, other *BetaPosterior, s float64) bool
	// location and width describe one arm on the scale of s.
	location func(b *BetaPosterior) float64
	width    func(b *BetaPosterior) float64
	// end is where a rate lies on the scale of s.
	end func(p float64) float64
}

// shiftByDiff is y = p + s.
var shiftByDiff = shift{
	by: func(s float64) func(p, q float64) (y, z float64) {
		return func(p, q float64) (y, z float64) { return p + s, q - s }
	},
	slope: func(y, z float64) float64 { return 1 / (y * z) },
	smooth: func(b, other *BetaPosterior, s float64) bool {
		return (other.a >= smoothEnd || b.points[0].p+s > 0) &&
			(other.b >= smoothEnd || b.points[len(b.points)-1].q-s > 0)
	},
	location: func(b *BetaPosterior) float64 { return b.p0 },
	width:    func(b *BetaPosterior) float64 { return math.Sqrt(b.p0 * b.q0 / (b.a + b.b + 1)) },
	end:      func(p float64) float64 { return p },
}

// shiftByRatio is y = p e^s. The complement 1-y is built from 1-p, which keeps
// its digits when the rate is next to 1; y itself from e^s, not from e^s - 1,
// for the same reason at 0.
var shiftByRatio = shift{
	by: func(s float64) func(p, q float64) (y, z float64) {
		grow, excess := math.Exp(s), math.Expm1(s)
		return func(p, q float64) (y, z float64) { return p * grow, q - p*excess }
	},
	slope: func(_, z float64) float64 { return 1 / z },
	smooth: func(b, other *BetaPosterior, s float64) bool {
		last := &b.points[len(b.points)-1]
		return other.b >= smoothEnd || last.q-last.p*math.Expm1(s) > 0
	},
	location: func(b *BetaPosterior) float64 { return math.Log(b.p0) },
	width:    func(b *BetaPosterior) float64 { return math.Sqrt(b.q0 / b.a) },
	end:      math.Log,
}

// quantile finds the s with P(p_t <= shift(p_c, s)) = q.
func (c BetaComparison) quantile(q float64, by shift) Number {
	if why := c.reason(); why != "" {
		return Undefined(why)
	}
	if !(q > 0 && q < 1) {
		return Undefined(ReasonInvalidInput)
	}
	con, tre := c.control, c.treatment
	scale := math.Hypot(by.width(con), by.width(tre))
	z := mathext.NormalQuantile(q)
	ends := func(b *BetaPosterior) (low, high float64) {
		return by.end(b.points[0].p), by.end(b.points[len(b.points)-1].p)
	}
	lowC, highC := ends(con)
	lowT, highT := ends(tre)
	return Known(solve(
		func(s float64) (float64, float64) { return c.cdf(s, by) },
		search{
			target: q, start: by.location(tre) - by.location(con) + z*scale,
			low: lowT - highC, high: highT - lowC, scale: scale,
		}))
}

// cdf returns P(p_t <= shift(p_c, s)) and its derivative by s.
func (c BetaComparison) cdf(s float64, by shift) (cdf, density float64) {
	con, tre := c.control, c.treatment
	wc, wt := by.width(con), by.width(tre)
	// The widths are those at the means. On the logit axis, too, the other arm
	// must not be much narrower: where a rate next to 1 falls to a usual one,
	// the axes of the two are as long as one another.
	lc, lt := con.logitSD(), tre.logitSD()
	smoothC, smoothT := by.smooth(con, tre, s), by.smooth(tre, con, -s)
	overC, overT := smoothC && lc <= 2*lt, smoothT && lt <= 2*lc
	switch {
	case overC && wc <= wt:
		return shiftedCDF(con, tre, s, by, 2)
	case overT && wt <= wc:
		return complement(shiftedCDF(tre, con, -s, by, 2))
	case overC && wc <= 2*wt:
		return shiftedCDF(con, tre, s, by, 1)
	case overT && wt <= 2*wc:
		return complement(shiftedCDF(tre, con, -s, by, 1))
	case smoothT && !smoothC:
		// A kink costs digits, too, of rates that are next to 1.
		return complement(kinkedCDF(tre, con, -s, by))
	}
	return kinkedCDF(con, tre, s, by)
}

func complement(cdf, density float64) (rest, same float64) {
	return 1 - cdf, density
}

// shiftedCDF is the mean over one arm of the other's cdf at the shifted rate.
func shiftedCDF(over, other *BetaPosterior, s float64, by shift, stride int) (cdf, density float64) {
	var total float64
	to := by.by(s)
	hint := 0
	for i := 0; i < len(over.points); i += stride {
		pt := &over.points[i]
		total += pt.w
		y, z := to(pt.p, pt.q)
		if y <= 0 {
			continue
		}
		if z <= 0 {
			cdf += pt.w
			continue
		}
		f, d := other.read(math.Log(y/z), &hint)
		cdf += pt.w * f
		if d > 0 {
			density += pt.w * d * by.slope(y, z)
		}
	}
	return cdf / total, density / total
}

// kinkedCDF is the same mean by Gauss-Legendre over the union of one arm's
// panels and the other's, mapped back: within each piece the integrand is
// smooth, and the other arm's panels crowd towards the kink.
func kinkedCDF(over, other *BetaPosterior, s float64, by shift) (cdf, density float64) {
	breaks := unionOfPanels(over, other, by.by(-s))
	to, r := by.by(s), gauss()
	hintOver, hintOther := 0, 0
	for i := 1; i < len(breaks); i++ {
		mid, half := breaks[i-1]+(breaks[i]-breaks[i-1])/2, (breaks[i]-breaks[i-1])/2
		for j, x := range r.x {
			t := mid + half*x
			_, weight := over.read(t, &hintOver)
			weight *= half * r.w[j]
			y, z := to(expit(t))
			switch {
			case y <= 0:
			case z <= 0:
				cdf += weight
			default:
				f, d := other.read(math.Log(y/z), &hintOther)
				cdf += weight * f
				if d > 0 {
					density += weight * d * by.slope(y, z)
				}
			}
		}
	}
	return cdf, density
}

// unionOfPanels returns the boundaries of one arm's panels and of the other's,
// mapped back, ascending.
func unionOfPanels(over, other *BetaPosterior, from func(p, q float64) (y, z float64)) []float64 {
	breaks := make([]float64, 0, 4*(len(over.panels)+len(other.panels)))
	low, high := over.panels[0].low, over.panels[len(over.panels)-1].high
	breaks = append(breaks, low)
	for i := range over.panels {
		breaks = append(breaks, over.panels[i].high)
	}
	back := func(t float64) {
		if y, z := from(expit(t)); y > 0 && z > 0 {
			if at := math.Log(y / z); at > low && at < high {
				breaks = append(breaks, at)
			}
		}
	}
	back(other.panels[0].low)
	for i := range other.panels {
		p := &other.panels[i]
		// Near the kink the integrand is a power of the distance to it: the
		// pieces must shrink geometrically, by e^2 at most.
		parts := math.Ceil((p.high - p.low) / 2)
		for j := 1.0; j <= parts; j++ {
			back(p.low + (p.high-p.low)*j/parts)
		}
	}
	slices.Sort(breaks)
	return breaks
}
