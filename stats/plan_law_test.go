package stats

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestCorrectedPAreNotSmallerAndKeepTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 12).Draw(t, "p")
		p := make([]Number, 0, len(raw)+1)
		for _, v := range raw {
			p = append(p, Known(v))
		}
		p = append(p, Undefined(ReasonNoUsers))
		holm, bh, bonferroni := Holm(p), BenjaminiHochberg(p), Bonferroni(p)
		for i := range raw {
			if !(raw[i] <= bh[i].Value && bh[i].Value <= holm[i].Value && holm[i].Value <= bonferroni[i].Value) {
				t.Fatalf("raw %v <= BH %v <= Holm %v <= Bonferroni %v fails", raw[i], bh[i], holm[i], bonferroni[i])
			}
			for j := range raw {
				if raw[i] < raw[j] && (holm[i].Value > holm[j].Value || bh[i].Value > bh[j].Value) {
					t.Fatalf("the correction reversed %v and %v", raw[i], raw[j])
				}
			}
		}
		if last := len(raw); holm[last].OK || holm[last].Reason != ReasonNoUsers || p[last].OK {
			t.Fatalf("the undefined p became %+v", holm[last])
		}
	})
}

func TestCUPEDIsRegression(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slope := rapid.Float64Range(-3, 3).Draw(t, "slope")
		shift, scale := rapid.Float64Range(-50, 50).Draw(t, "shift"), rapid.Float64Range(0.1, 10).Draw(t, "scale")
		arms := make([]CovariateMoments, rapid.IntRange(1, 4).Draw(t, "arms"))
		moved := make([]CovariateMoments, len(arms))
		for i := range arms {
			vx := rapid.Float64Range(0.1, 10).Draw(t, "var x")
			arms[i] = CovariateMoments{
				N: rapid.Int64Range(2, 1000).Draw(t, "n"), MeanX: rapid.Float64Range(-5, 5).Draw(t, "x"),
				MeanY: rapid.Float64Range(-5, 5).Draw(t, "y"), VarianceX: vx, Covariance: slope * vx,
				VarianceY: slope*slope*vx + rapid.Float64Range(0, 5).Draw(t, "rest"),
			}
			moved[i] = arms[i]
			moved[i].MeanX = shift + scale*arms[i].MeanX
			moved[i].VarianceX, moved[i].Covariance = scale*scale*vx, scale*arms[i].Covariance
		}
		a, b := CUPED(arms), CUPED(moved)
		near(t, "theta", value(t, a.Theta), slope, 1e-9)
		// Another unit and origin of the covariate is no other covariate.
		for i := range arms {
			near(t, "mean", value(t, a.Arms[i].Mean), value(t, b.Arms[i].Mean), 1e-8)
			near(t, "variance", value(t, a.Arms[i].Variance), value(t, b.Arms[i].Variance), 1e-8)
			if got := a.Arms[i].Variance.Value; got > arms[i].VarianceY*(1+1e-12) {
				t.Fatalf("a perfect theta added variance: %v from %v", got, arms[i].VarianceY)
			}
		}
		// The users' mean over all arms stays.
		var before, after float64
		for i, m := range a.Arms {
			before += float64(m.N) * arms[i].MeanY
			after += float64(m.N) * m.Mean.Value
		}
		near(t, "sum", after, before, 1e-6)
	})
}

func TestProbabilitiesOfBeingBest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 6).Draw(t, "arms")
		rates := make([]*BetaPosterior, n)
		means := make([]NormalPosterior, n)
		mirrored := make([]NormalPosterior, n)
		for i := range n {
			rates[i] = drawPosterior(t, "arm")
			mean := rapid.Float64Range(-5, 5).Draw(t, "mean")
			sd := math.Pow(10, rapid.Float64Range(-3, 1).Draw(t, "log sd"))
			means[i], mirrored[i] = NewNormalPosterior(mean, sd, nil), NewNormalPosterior(-mean, sd, nil)
		}
		sumTo1 := func(what string, p []Number) {
			var sum float64
			for _, v := range p {
				sum += value(t, v)
			}
			near(t, what, sum, 1, 1e-12)
		}
		for _, d := range []Direction{HigherIsBetter, LowerIsBetter} {
			sumTo1("rates", ProbBest(rates, d))
			sumTo1("means", ProbBestNormal(means, d))
		}
		up, down := ProbBestNormal(means, HigherIsBetter), ProbBestNormal(mirrored, LowerIsBetter)
		for i := range up {
			near(t, "mirrored", up[i].Value, down[i].Value, 1e-10)
		}
		// Of two arms the best is the one that beats the other.
		two := ProbBest(rates[:2], HigherIsBetter)
		near(t, "two rates", two[1].Value, value(t, CompareBeta(rates[0], rates[1]).ProbBeat(HigherIsBetter)), 1e-11)
		pair := NewNormalPosterior(means[1].mean-means[0].mean, math.Hypot(means[0].sd, means[1].sd), nil)
		near(t, "two means", value(t, ProbBestNormal(means[:2], HigherIsBetter)[1]), pair.ProbBeat(HigherIsBetter).Value, 1e-10)
	})
}

// The trapezoid grid and the panels are two ways to one integral.
func TestGridsOfTheRaceAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		arms := make([]*BetaPosterior, rapid.IntRange(2, 10).Draw(t, "arms"))
		for i := range arms {
			x := rapid.Float64Range(0, 500).Draw(t, "x")
			arms[i] = NewBetaPosterior(1+x, 1+x*rapid.Float64Range(0, 50).Draw(t, "others"))
		}
		var breaks []float64
		for _, a := range arms {
			breaks = append(breaks, a.panels[0].low)
			for i := range a.panels {
				breaks = append(breaks, a.panels[i].high)
			}
		}
		r, hints := newRace(len(arms), HigherIsBetter), make([]int, len(arms))
		r.run(panelGrid(breaks, slices.Min(breaks), slices.Max(breaks)), func(i int, t float64) (b, a, d float64) {
			cdf, density := arms[i].read(t, &hints[i])
			return cdf, 1 - cdf, density
		})
		for i, p := range ProbBest(arms, HigherIsBetter) {
			near(t, "arm", value(t, p), r.best[i], 1e-11)
		}
	})
}

func TestMDEInvertsTheSampleSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Design{
			Alpha: rapid.Float64Range(0.001, 0.3).Draw(t, "alpha"), Power: rapid.Float64Range(0.5, 0.99).Draw(t, "power"),
			Ratio: rapid.Float64Range(0.1, 10).Draw(t, "ratio"),
		}
		b := RateBaseline(math.Pow(10, rapid.Float64Range(-6, -0.4).Draw(t, "log rate")))
		if rapid.Bool().Draw(t, "mean") {
			b = MeanBaseline(rapid.Float64Range(1, 100).Draw(t, "mean"), rapid.Float64Range(0.1, 100).Draw(t, "sd"))
		}
		n := value(t, d.SampleSize(b, rapid.Float64Range(0.001, 0.9).Draw(t, "effect")).ControlExact)
		m := d.MDE(b, n, n*d.Ratio)
		back := value(t, d.SampleSize(b, value(t, m.Relative)).ControlExact)
		near(t, "sample size", back/n, 1, 1e-9)
		// At the effect planned for, the power is that planned for, up to the
		// far tail, which adds to it.
		power := value(t, d.PowerOf(b, m.Absolute.Value, n, n*d.Ratio))
		if power < d.Power-1e-9 || power > d.Power+d.Alpha/2 {
			t.Fatalf("power %v, planned %v", power, d.Power)
		}
		if more := value(t, d.PowerOf(b, m.Absolute.Value, 2*n, 2*n*d.Ratio)); more < power {
			t.Fatalf("twice the users have less power: %v, %v", more, power)
		}
	})
}

func TestNoveltyFindsALineAndKnowsNoUnits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slope, start := rapid.Float64Range(-1, 1).Draw(t, "slope"), rapid.Float64Range(-1, 1).Draw(t, "start")
		scale := math.Pow(10, rapid.Float64Range(-6, 6).Draw(t, "log scale"))
		n := rapid.IntRange(2, 20).Draw(t, "days")
		line, noisy, scaled := make([]DailyEffect, n), make([]DailyEffect, n), make([]DailyEffect, n)
		for i := range line {
			se := rapid.Float64Range(0.01, 1).Draw(t, "se")
			line[i] = DailyEffect{Day: i, Effect: start + slope*float64(i), SE: se}
			noisy[i] = line[i]
			noisy[i].Effect += rapid.Float64Range(-1, 1).Draw(t, "noise")
			scaled[i] = DailyEffect{Day: i, Effect: scale * noisy[i].Effect, SE: scale * se}
		}
		near(t, "slope", value(t, Novelty(line, 1).Slope), slope, 1e-10)
		a, b := Novelty(noisy, 1), Novelty(scaled, 1)
		near(t, "p of the slope", value(t, a.SlopeP), value(t, b.SlopeP), 1e-9)
		near(t, "Q", value(t, a.Q), value(t, b.Q), 1e-8*(1+a.Q.Value))
		near(t, "p of the contrast", value(t, a.LateMinusEarlyP), value(t, b.LateMinusEarlyP), 1e-9)
		// Of the heterogeneity a slope explains its z squared at the most.
		if z := value(t, a.SlopeZ); z*z > a.Q.Value+1e-8*(1+a.Q.Value) {
			t.Fatalf("slope z %v, Q %v", z, a.Q)
		}
	})
}

func TestSplitTestsKnowNoOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		observed := rapid.SliceOfN(rapid.Int64Range(0, 12), 2, 4).Draw(t, "observed")
		weights := make([]float64, len(observed))
		for i := range weights {
			weights[i] = rapid.Float64Range(0.1, 10).Draw(t, "weight")
		}
		back, backWeights := slices.Clone(observed), slices.Clone(weights)
		slices.Reverse(back)
		slices.Reverse(backWeights)
		p, q := SRMExact(observed, weights), SRMExact(back, backWeights)
		s, r := SRMSequential(observed, weights, 100), SRMSequential(back, backWeights, 100)
		if p.OK != (slices.Max(observed) > 0) || p.OK != s.P.OK {
			t.Fatalf("%v: %+v, %+v", observed, p, s)
		}
		near(t, "exact", p.Value, q.Value, 1e-9)
		near(t, "sequential", s.P.Value, r.P.Value, 1e-9)
		if p.OK && !(p.Value > 0 && p.Value <= 1) {
			t.Fatalf("p %v", p)
		}
	})
}

// Under no mismatch a Bayes factor expects 1: over all outcomes of n users the
// probability times the factor sums to 1, which is what makes 1/B a p value.
func TestSequentialSplitIsAMartingale(t *testing.T) {
	for _, n := range []int64{1, 5, 40} {
		for _, share := range []float64{0.5, 0.1} {
			var sum float64
			for x := int64(0); x <= n; x++ {
				a, _ := math.Lgamma(float64(n + 1))
				b, _ := math.Lgamma(float64(x + 1))
				c, _ := math.Lgamma(float64(n - x + 1))
				ln := a - b - c + float64(x)*math.Log(share) + float64(n-x)*math.Log(1-share)
				sum += math.Exp(ln + SRMSequential([]int64{x, n - x}, []float64{share, 1 - share}, 30).LnBayesFactor.Value)
			}
			if math.Abs(sum-1) > 1e-12 {
				t.Errorf("%d users at %v: the expected Bayes factor is %v", n, share, sum)
			}
		}
	}
}

func TestMeansKnowNoUnitAndNoOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) Moments {
			return MomentsOf(rapid.Int64Range(2, 100_000).Draw(t, label+" n"), rapid.Float64Range(1, 100).Draw(t, label+" mean"),
				rapid.Float64Range(0.1, 1000).Draw(t, label+" variance"))
		}
		control, treatment := draw("control"), draw("treatment")
		unit := math.Pow(10, rapid.Float64Range(-6, 6).Draw(t, "log unit"))
		in := func(m Moments) Moments { return MomentsOf(m.N, unit*m.Mean.Value, unit*unit*m.Variance.Value) }
		c, scaled := CompareMoments(control, treatment), CompareMoments(in(control), in(treatment))
		near(t, "lift", value(t, scaled.Lift()), value(t, c.Lift()), 1e-9*(1+math.Abs(c.Lift().Value)))
		near(t, "p", value(t, scaled.P()), value(t, c.P()), 1e-9)
		near(t, "Welch's p", value(t, scaled.WelchP()), value(t, c.WelchP()), 1e-9)
		near(t, "difference", value(t, scaled.Diff()), unit*c.Diff().Value, 1e-9*unit*(1+math.Abs(c.Diff().Value)))
		a, b := c.Fieller(ZCritical(0.95)).Lift, scaled.Fieller(ZCritical(0.95)).Lift
		if a.OK && b.OK && a.High < 100 {
			near(t, "Fieller", b.High, a.High, 1e-7*(1+a.High))
		}
		// Swapped arms are the other direction.
		p, q := c.Posterior(), CompareMoments(treatment, control).Posterior()
		near(t, "swapped", value(t, q.ProbBeat(LowerIsBetter)), value(t, p.ProbBeat(HigherIsBetter)), 1e-12)
		near(t, "losses", value(t, q.Losses(LowerIsBetter).Treatment), value(t, p.Losses(HigherIsBetter).Treatment), 1e-12)
		near(t, "flat prior on the lift", value(t, c.LiftPosterior(nil).Mean()), c.Lift().Value, 0)
	})
}

func TestABetterArmIsMoreOftenTheBest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		arms := []*BetaPosterior{drawPosterior(t, "a"), drawPosterior(t, "b"), nil}
		n := rapid.Int64Range(1, 100_000).Draw(t, "n")
		x := rapid.Int64Range(0, n-1).Draw(t, "x")
		best := func(x int64) float64 {
			arms[2] = NewBetaPosterior(1+float64(x), 1+float64(n-x))
			return value(t, ProbBest(arms, HigherIsBetter)[2])
		}
		if fewer, more := best(x), best(x+1); fewer > more+1e-11 {
			t.Fatalf("P(best) fell from %v to %v with one conversion more", fewer, more)
		}
	})
}
