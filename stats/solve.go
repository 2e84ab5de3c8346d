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
// The loop ends on a step of 1e-7 of the width, which Newton's next error
// squares. gonum has no bracketing root finder.
func solve(f func(float64) (cdf, density float64), s search) float64 {
	x := math.Min(math.Max(s.start, s.low), s.high)
	z := mathext.NormalQuantile(s.target)
	low, high := s.low, s.high
	for range 100 {
		cdf, density := f(x)
		if cdf < s.target {
			low = x
		} else {
			high = x
		}
		next := low + (high-low)/2
		if cdf > 0 && cdf < 1 && density > 0 {
			at := mathext.NormalQuantile(cdf)
			if newton := x + (z-at)*normalPDF(at)/density; newton >= low && newton <= high {
				next = newton
			}
		}
		if math.Abs(next-x) <= 1e-7*s.scale || next == x {
			return next
		}
		x = next
	}
	return x
}
