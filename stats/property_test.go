package stats

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// arm draws users and conversions: from nobody to a billion users, at rates
// from 1e-6 to 1, each on a logarithmic scale.
func drawArm(t *rapid.T, label string) (n, x int64) {
	if rapid.IntRange(0, 9).Draw(t, label+" empty") == 0 {
		return 0, 0
	}
	n = int64(math.Pow(10, rapid.Float64Range(0, 9).Draw(t, label+" log n")))
	rate := math.Pow(10, rapid.Float64Range(-6, 0).Draw(t, label+" log rate"))
	return n, min(n, int64(math.Round(rate*float64(n))))
}

// drawPrior stops at half a user (Jeffreys'). Beneath it belief piles up at rates
// within 1e-16 of 0 and 1, which a difference of rates in float64 cannot tell
// apart, so that its identities hold to a few digits only; the fuzz test goes
// there to see that nothing breaks.
func drawPrior(t *rapid.T) (a, b float64) {
	prior := rapid.SampledFrom([][2]float64{{1, 1}, {0.5, 0.5}, {20, 180}, {3, 0.7}}).Draw(t, "prior")
	return prior[0], prior[1]
}

func drawPosterior(t *rapid.T, label string) *BetaPosterior {
	a, b := drawPrior(t)
	n, x := drawArm(t, label)
	return NewBetaPosterior(a+float64(x), b+float64(n-x))
}

func value(t *rapid.T, n Number) float64 {
	if !n.OK {
		t.Fatalf("undefined: %s", n.Reason)
	}
	return n.Value
}

func near(t *rapid.T, what string, got, want, tol float64) {
	if !(math.Abs(got-want) <= tol) {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func TestBetaComparisonIsAntisymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := drawPosterior(t, "x"), drawPosterior(t, "y")
		c, r := CompareBeta(x, y), CompareBeta(y, x)
		beat := value(t, c.ProbBeat(HigherIsBetter))
		near(t, "P(y>x) + P(x>y)", beat+value(t, r.ProbBeat(HigherIsBetter)), 1, 1e-12)
		near(t, "P when lower is better", value(t, c.ProbBeat(LowerIsBetter)), 1-beat, 1e-12)
		l, back := c.Losses(HigherIsBetter), r.Losses(HigherIsBetter)
		near(t, "losses exchanged", value(t, l.Treatment), value(t, back.Control), 1e-12)
		lower := c.Losses(LowerIsBetter)
		near(t, "losses when lower is better", value(t, lower.Treatment), value(t, l.Control), 0)
		// E max(X,0) - E max(-X,0) = E X
		near(t, "losses against the means", value(t, l.Control)-value(t, l.Treatment), y.p0-x.p0, 1e-12)
		q := rapid.Float64Range(0.01, 0.99).Draw(t, "q")
		near(t, "difference mirrored", value(t, c.DiffQuantile(q)), -value(t, r.DiffQuantile(1-q)), 1e-9)
		// Not the lifts: a ratio of 1e-20 is a lift of exactly -1.
		up, down := value(t, c.quantile(q, shiftByRatio)), value(t, r.quantile(1-q, shiftByRatio))
		near(t, "ratio inverted", up+down, 0, 1e-8)
	})
}

func TestEqualArmsAreATie(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := drawPosterior(t, "x")
		c := CompareBeta(x, x)
		near(t, "P", value(t, c.ProbBeat(HigherIsBetter)), 0.5, 1e-12)
		near(t, "median difference", value(t, c.DiffMedian()), 0, 1e-11)
		near(t, "median lift", value(t, c.LiftMedian()), 0, 1e-10)
		l := c.Losses(HigherIsBetter)
		near(t, "losses", value(t, l.Treatment), value(t, l.Control), 1e-13)
	})
}

func TestMoreConversionsBeatMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		control := drawPosterior(t, "control")
		n := rapid.Int64Range(1, 1_000_000).Draw(t, "n")
		x := rapid.Int64Range(0, n-1).Draw(t, "x")
		p := func(x int64) float64 {
			return value(t, CompareBeta(control, NewBetaPosterior(1+float64(x), 1+float64(n-x))).ProbBeat(HigherIsBetter))
		}
		if fewer, more := p(x), p(x+1); fewer > more+1e-12 {
			t.Fatalf("P fell from %v to %v with one conversion more", fewer, more)
		}
	})
}

func TestIntervalsNestByLevel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := drawPosterior(t, "x"), drawPosterior(t, "y")
		narrow := rapid.Float64Range(0.1, 0.9).Draw(t, "narrow")
		wide := narrow + rapid.Float64Range(0.01, 0.099).Draw(t, "more")
		c := CompareBeta(x, y)
		nested(t, "rate", x.Interval(narrow), x.Interval(wide))
		nested(t, "difference", c.DiffInterval(narrow), c.DiffInterval(wide))
		nested(t, "lift", c.LiftInterval(narrow), c.LiftInterval(wide))
		nc, xc := drawArm(t, "control")
		nt, xt := drawArm(t, "treatment")
		m := CompareMoments(RateMoments(nc, xc), RateMoments(nt, xt))
		nested(t, "z", m.DiffInterval(ZCritical(narrow)), m.DiffInterval(ZCritical(wide)))
		nested(t, "Welch", m.DiffInterval(m.WelchCritical(narrow)), m.DiffInterval(m.WelchCritical(wide)))
		nested(t, "Fieller", m.Fieller(ZCritical(narrow)).Lift, m.Fieller(ZCritical(wide)).Lift)
	})
}

func nested(t *rapid.T, what string, inner, outer Interval) {
	if !outer.OK {
		return // a wider set may be unbounded
	}
	eps := 1e-9 * (outer.High - outer.Low)
	if !inner.OK || inner.Low < outer.Low-eps || inner.High > outer.High+eps {
		t.Fatalf("%s: %+v is not within %+v", what, inner, outer)
	}
}

func TestQuantileInvertsCDF(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := drawPosterior(t, "x")
		q := rapid.Float64Range(0.001, 0.999).Draw(t, "q")
		rate := value(t, x.Quantile(q))
		if rate < 1-1e-6 { // beyond that a rate in float64 is too coarse to invert
			near(t, "cdf", value(t, x.CDF(rate)), q, 1e-8)
		}
	})
}

// The two ways to the distribution of a difference or a ratio are independent:
// where both apply they must agree. The tolerance is for the worst that is drawn,
// thirty users beside a million; it is 1e-12 for the reference cases.
func TestTrapezoidAgreesWithPanels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := drawPosterior(t, "x"), drawPosterior(t, "y")
		q := rapid.Float64Range(0.01, 0.99).Draw(t, "q")
		c := CompareBeta(x, y)
		for name, by := range map[string]shift{"difference": shiftByDiff, "ratio": shiftByRatio} {
			s := value(t, c.quantile(q, by))
			exact, _ := kinkedCDF(x, y, s, by)
			near(t, name, exact, q, 1e-7)
			other, _ := kinkedCDF(y, x, -s, by)
			near(t, name+" over the other arm", other, 1-q, 1e-7)
		}
	})
}

func TestQuantilesTogetherAreThoseApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := CompareBeta(drawPosterior(t, "x"), drawPosterior(t, "y"))
		levels := rapid.SliceOfN(rapid.Float64Range(0.1, 0.999), 1, 4).Draw(t, "levels")
		for i, got := range c.LiftIntervals(levels...) {
			want := c.LiftInterval(levels[i])
			scale := 1e-8 * (1 + math.Log1p(want.High) - math.Log1p(want.Low))
			near(t, "low", math.Log1p(got.Low), math.Log1p(want.Low), scale)
			near(t, "high", math.Log1p(got.High), math.Log1p(want.High), scale)
		}
	})
}

func TestFiellerAgreesWithItsTest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := CompareMoments(drawMoments(t, "control"), drawMoments(t, "treatment"))
		alpha := rapid.Float64Range(0.001, 0.3).Draw(t, "alpha")
		sequence := NewConfidenceSequence(alpha, 10_000, TwoSided)
		n := float64(c.control.N + c.treatment.N)
		d, se := c.Diff(), c.DiffSE()
		for name, test := range map[string]struct{ critical, p Number }{
			"z":          {ZCritical(1 - alpha), c.P()},
			"Welch":      {c.WelchCritical(1 - alpha), c.WelchP()},
			"sequential": {sequence.Multiplier(n), sequence.P(d.Value, se.Value, n)},
		} {
			f := c.Fieller(test.critical)
			if !f.Lift.OK || math.Abs(test.p.Value-alpha) < 1e-9 {
				continue
			}
			if rejects := test.p.Value < alpha; rejects == f.Lift.Contains(0) {
				t.Fatalf("%s: p = %v at alpha %v, interval %+v", name, test.p, alpha, f.Lift)
			}
		}
	})
}

func drawMoments(t *rapid.T, label string) Moments {
	if rapid.Bool().Draw(t, label+" is a rate") {
		return RateMoments(drawArm(t, label))
	}
	n := rapid.Int64Range(0, 1_000_000).Draw(t, label+" n")
	mean := rapid.Float64Range(-100, 100).Draw(t, label+" mean")
	return MomentsOf(n, mean, rapid.Float64Range(0, 1000).Draw(t, label+" variance"))
}

func TestSumsMergeIntoTheUnion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(-10_000, 10_000), 2, 60).Draw(t, "cents")
		cut := rapid.IntRange(0, len(values)).Draw(t, "cut")
		sums := func(v []int64) (n, sum, squares int64) {
			for _, x := range v {
				n, sum, squares = n+1, sum+x, squares+x*x
			}
			return n, sum, squares
		}
		n1, s1, q1 := sums(values[:cut])
		n2, s2, q2 := sums(values[cut:])
		got := MeanMoments(n1+n2, float64(s1+s2), float64(q1+q2))
		var mean, m2 float64
		for _, v := range values {
			mean += float64(v) / float64(len(values))
		}
		for _, v := range values {
			m2 += (float64(v) - mean) * (float64(v) - mean)
		}
		near(t, "mean", value(t, got.Mean), mean, 1e-9)
		near(t, "variance", value(t, got.Variance), m2/float64(len(values)-1), 1e-6+1e-12*m2)
	})
}

func TestLargeMeanDoesNotCancel(t *testing.T) {
	// Values 1e8, 1e8+1, 1e8+2: the naive difference of sums of squares is
	// within its own rounding error.
	const a = 100_000_000.0
	sum, squares := 3*a+3, 3*a*a+6*a+5
	if v := MeanMoments(3, sum, squares).Variance; math.Abs(v.Value-1) > 1 {
		t.Errorf("variance %v, want 1 within the rounding of its inputs", v)
	}
	// With sums that float64 holds exactly, the result is exact.
	const b = 10_000_000.0
	if v := MeanMoments(3, 3*b+3, 3*b*b+6*b+5).Variance; v.Value != 1 {
		t.Errorf("variance %v, want 1", v)
	}
}

func TestSequenceShrinksToItsPlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alpha := rapid.Float64Range(0.001, 0.49).Draw(t, "alpha")
		n := math.Pow(10, rapid.Float64Range(0, 9).Draw(t, "log n"))
		planned := math.Pow(10, rapid.Float64Range(1, 9).Draw(t, "log planned"))
		for _, sides := range []Sides{TwoSided, OneSided} {
			s := NewConfidenceSequence(alpha, planned, sides)
			if ratio := value(t, s.MultiplierOverFixed(n)); alpha < 0.2 && ratio < 1 {
				t.Fatalf("looking at any time is cheaper than looking once: %v", ratio)
			}
			// The p value and the bound are two views of one sequence.
			z := rapid.Float64Range(-8, 8).Draw(t, "z")
			p := value(t, s.P(z, 1, n))
			excludes := value(t, s.Lower(z, 1, n)) > 0
			if sides == TwoSided {
				excludes = excludes || value(t, s.Upper(z, 1, n)) < 0
			}
			if math.Abs(p-alpha) > 1e-9 && excludes != (p < alpha) {
				t.Fatalf("p %v and the bounds contradict each other at alpha %v", p, alpha)
			}
		}
	})
}

func TestQuantileBesideAnUnboundedDensity(t *testing.T) {
	// The difference of these two has an unbounded density at 0, a hair below
	// the answer: Newton's steps cycled there and stopped at -0.0132.
	c := CompareBeta(NewBetaPosterior(0.1, 1.1), NewBetaPosterior(0.5, 0.5))
	if got := c.DiffQuantile(0.119758820917923); math.Abs(got.Value-0.000937856258983254) > 1e-12 {
		t.Errorf("got %v", got)
	}
}
