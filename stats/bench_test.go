package stats

import "testing"

func BenchmarkNewBetaPosterior(b *testing.B) {
	for b.Loop() {
		NewBetaPosterior(121, 881)
	}
}

// BenchmarkProbBeat includes the tabulation of both arms.
func BenchmarkProbBeat(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		c := CompareBeta(NewBetaPosterior(121, 881), NewBetaPosterior(141, 861))
		if p := c.ProbBeat(HigherIsBetter); !p.OK {
			b.Fatal(p)
		}
	}
}

// BenchmarkCompareProportions is every figure of a rate's comparison, from the
// counts: the exact posteriors, the tests, and the always-valid interval.
func BenchmarkCompareProportions(b *testing.B) {
	for _, arms := range []struct {
		name           string
		nc, xc, nt, xt int64
	}{
		{"typical", 1000, 120, 1000, 140},
		{"million", 1_000_000, 50_000, 1_000_000, 50_500},
		{"no_conversions", 100, 0, 100, 0},
		{"no_users", 0, 0, 0, 0},
		{"unequal", 1_000_000, 50_000, 50, 0},
	} {
		b.Run(arms.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				con := NewBetaPosterior(1+float64(arms.xc), 1+float64(arms.nc-arms.xc))
				tre := NewBetaPosterior(1+float64(arms.xt), 1+float64(arms.nt-arms.xt))
				allOfBeta(CompareBeta(con, tre))
				allOfMoments(CompareMoments(RateMoments(arms.nc, arms.xc), RateMoments(arms.nt, arms.xt)))
			}
		})
	}
}

func allOfBeta(c BetaComparison) {
	c.ProbBeat(HigherIsBetter)
	c.Losses(HigherIsBetter)
	c.DiffMedian()
	c.DiffInterval(0.95)
	c.LiftMedian()
	c.LiftInterval(0.95)
	c.LiftMean()
}

func allOfMoments(c Comparison) {
	z := ZCritical(0.95)
	s := NewConfidenceSequence(0.05, 10000, TwoSided)
	k := s.Multiplier(2000)
	c.P()
	c.DiffInterval(z)
	c.Fieller(z)
	c.Fieller(k)
	c.LogRatio(z)
	c.LiftSE()
	c.DiffInterval(k)
	s.P(c.Diff().Value, c.DiffSE().Value, 2000)
}

// BenchmarkReadout is one readout of ten variants and ten metrics: ten tables
// a metric, nine comparisons each with probability, losses, median and interval
// of the lift.
func BenchmarkReadout(b *testing.B) {
	for b.Loop() {
		for m := range 10 {
			var arms [10]*BetaPosterior
			for i := range arms {
				x := float64(300 + 40*m + 5*i)
				arms[i] = NewBetaPosterior(1+x, 10_001-x)
			}
			for _, t := range arms[1:] {
				c := CompareBeta(arms[0], t)
				c.ProbBeat(HigherIsBetter)
				c.Losses(HigherIsBetter)
				c.LiftMedian()
				c.LiftInterval(0.95)
			}
		}
	}
}

// BenchmarkPair is what a readout needs of one treatment beside its control,
// the tables already made: the probability, both losses, and the intervals of
// the lift at three levels.
func BenchmarkPair(b *testing.B) {
	for _, arms := range []struct {
		name           string
		nc, xc, nt, xt float64
	}{
		{"typical", 1000, 120, 1000, 140},
		{"million", 1e6, 50_000, 1e6, 50_500},
		{"few", 1000, 3, 1000, 5},
		{"none", 1000, 0, 1000, 0},
		{"nearly_all", 1000, 997, 1000, 995},
		{"no_users", 0, 0, 0, 0},
		{"unequal", 1e6, 50_000, 50, 0},
	} {
		b.Run(arms.name, func(b *testing.B) {
			c := CompareBeta(NewBetaPosterior(1+arms.xc, 1+arms.nc-arms.xc), NewBetaPosterior(1+arms.xt, 1+arms.nt-arms.xt))
			b.ReportAllocs()
			for b.Loop() {
				c.ProbBeat(HigherIsBetter)
				c.Losses(HigherIsBetter)
				c.LiftIntervals(0.8, 0.9, 0.95)
			}
		})
	}
}

func BenchmarkProbBest(b *testing.B) {
	var arms [10]*BetaPosterior
	var means [10]NormalPosterior
	for i := range arms {
		x := float64(300 + 5*i)
		arms[i] = NewBetaPosterior(1+x, 10_001-x)
		means[i] = NewNormalPosterior(x, 10, nil)
	}
	b.Run("rates", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ProbBest(arms[:], HigherIsBetter)
		}
	})
	b.Run("means", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ProbBestNormal(means[:], HigherIsBetter)
		}
	})
}

func BenchmarkSRM(b *testing.B) {
	observed := []int64{1010, 985, 1002, 1033, 968, 990, 1005, 1011, 979, 1017}
	weights := []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	b.ReportAllocs()
	for b.Loop() {
		SRM(observed, weights, 0.001)
	}
}

// BenchmarkWholeReadout is the mathematics of ten variants and ten metrics, for
// all users and for the matured ones: the tables, nine comparisons a metric with
// intervals at three levels, and who is best.
func BenchmarkWholeReadout(b *testing.B) {
	for _, rate := range []struct {
		name string
		x    float64
	}{{"hundreds", 300}, {"few", 3}, {"none", 0}} {
		b.Run(rate.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for range 20 {
					var arms [10]*BetaPosterior
					for i := range arms {
						arms[i] = NewBetaPosterior(1+rate.x+float64(i)*rate.x/50, 10_001-rate.x)
					}
					for _, t := range arms[1:] {
						c := CompareBeta(arms[0], t)
						c.ProbBeat(HigherIsBetter)
						c.Losses(HigherIsBetter)
						c.LiftIntervals(0.8, 0.9, 0.95)
					}
					ProbBest(arms[:], HigherIsBetter)
				}
			}
		})
	}
}

func BenchmarkCUPED(b *testing.B) {
	arms := make([]CovariateMoments, 10)
	for i := range arms {
		arms[i] = CovariateMoments{N: 1000, MeanY: 3, MeanX: 2, VarianceY: 5, VarianceX: 4, Covariance: 3}
	}
	b.ReportAllocs()
	for b.Loop() {
		CUPED(arms)
	}
}

func BenchmarkHolm(b *testing.B) {
	p := make([]Number, 90)
	for i := range p {
		p[i] = Known(float64(i*37%90) / 90)
	}
	b.ReportAllocs()
	for b.Loop() {
		Holm(p)
	}
}

func BenchmarkSequentialSRM(b *testing.B) {
	observed, weights := []int64{1010, 985, 1002}, []float64{1, 1, 1}
	b.ReportAllocs()
	for b.Loop() {
		SRMSequential(observed, weights, 10_000)
	}
}

func BenchmarkNovelty(b *testing.B) {
	days := make([]DailyEffect, 90)
	for i := range days {
		days[i] = DailyEffect{Day: i, Effect: 0.1 / float64(1+i), SE: 0.02}
	}
	b.ReportAllocs()
	for b.Loop() {
		Novelty(days, 7)
	}
}

// BenchmarkPeeking and BenchmarkGroupSequential are recursions over 28 looks.
func BenchmarkPeeking(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Peeking{Threshold: 0.9, Looks: 28}.Risk()
	}
}

func BenchmarkGroupSequential(b *testing.B) {
	information := make([]float64, 28)
	for i := range information {
		information[i] = float64(i+1) / 28
	}
	b.ReportAllocs()
	for b.Loop() {
		GroupSequential(SpendPocock(), 0.05, TwoSided, information)
	}
}
