package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// search is where a quantile is looked for.
type search struct {
	target    float64 // the probability, in (0, 1)
	start     float64 // first guess
	low, high float64 // the bracket
	scale     float64 // the distribution's width, which says when to stop
}

// solve finds the quantile of a distribution whose cdf and density are given by
// f. Newton's method on the z scale, Phi^-1(cdf), where the cdf of anything
// like a normal is nearly straight: two or three evaluations instead of fifty.
// The bracket catches what is not like a normal.
//
// A density may be unbounded at a point (two arms with most of their belief at
// a rate of 0 have nearly equal rates), where Newton's steps are tiny far from
// the answer. So a step ends the search only from within 1e-8 on the z scale,
// of which Newton leaves nothing that matters; otherwise the bracket is halved.
// Beside such a point Newton may also cycle: after eight steps every other one
// halves the bracket, so the search always ends.
// gonum has no bracketing root finder.
func solve(f func(float64) (cdf, density float64), s search) float64 {
	x := min(max(s.start, s.low), s.high)
	z := mathext.NormalQuantile(s.target)
	low, high := s.low, s.high
	for step := range 200 {
		cdf, density := f(x)
		if cdf < s.target {
			low = x
		} else {
			high = x
		}
		next := low + (high-low)/2
		if cdf > 0 && cdf < 1 && density > 0 {
			at := mathext.NormalQuantile(cdf)
			newton := x + (z-at)*normalPDF(at)/density
			within := newton >= low && newton <= high
			halve := step >= 8 && step%2 == 0
			switch {
			case within && math.Abs(z-at) <= 1e-8:
				return newton
			case within && !halve && math.Abs(newton-x) > 1e-10*s.scale:
				next = newton
			}
		}
		if next == x || high-low <= 1e-15*s.scale {
			return next
		}
		x = next
	}
	return x
}
