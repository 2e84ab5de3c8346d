package stats_test

import (
	"fmt"

	"github.com/tracklayer/tracklayer/stats"
)

func ExampleCompareBeta() {
	// 120 of 1000 users converted in the control, 140 of 1000 in the
	// treatment; flat priors.
	control := stats.NewBetaPosterior(1+120, 1+1000-120)
	treatment := stats.NewBetaPosterior(1+140, 1+1000-140)
	c := stats.CompareBeta(control, treatment)

	lift := c.LiftInterval(0.95)
	fmt.Printf("probability to beat control: %.3f\n", c.ProbBeat(stats.HigherIsBetter).Value)
	fmt.Printf("lift: %+.1f %%, 95 %% of it in [%+.1f, %+.1f] %%\n",
		100*c.LiftMedian().Value, 100*lift.Low, 100*lift.High)
	fmt.Printf("expected loss: %.5f\n", c.Losses(stats.HigherIsBetter).Treatment.Value)
	// Output:
	// probability to beat control: 0.908
	// lift: +16.6 %, 95 % of it in [-7.0, +46.4] %
	// expected loss: 0.00065
}

func ExampleCompareMoments() {
	control := stats.MeanMoments(3000, 4100.5, 61000.25)
	treatment := stats.MeanMoments(3100, 5650.75, 95500.5)
	c := stats.CompareMoments(control, treatment)

	f := c.Fieller(stats.ZCritical(0.95))
	fmt.Printf("lift %+.3f in [%+.3f, %+.3f], p = %.5f\n", c.Lift().Value, f.Lift.Low, f.Lift.High, c.P().Value)
	fmt.Printf("probability to beat control: %.4f\n", c.Posterior().ProbBeat(stats.HigherIsBetter).Value)
	// Output:
	// lift +0.334 in [+0.147, +0.555], p = 0.00020
	// probability to beat control: 0.9999
}

func ExampleConfidenceSequence_Multiplier() {
	// Planned before the start: 10,000 users in the two arms together.
	sequence := stats.NewConfidenceSequence(0.05, 10_000, stats.TwoSided)
	c := stats.CompareMoments(stats.RateMoments(5000, 500), stats.RateMoments(5000, 590))

	k := sequence.Multiplier(10_000)
	lift := c.Fieller(k).Lift
	fmt.Printf("%.3f standard errors, not 1.960\n", k.Value)
	fmt.Printf("always-valid interval of the lift: [%+.3f, %+.3f]\n", lift.Low, lift.High)
	// Output:
	// 3.035 standard errors, not 1.960
	// always-valid interval of the lift: [-0.008, +0.408]
}

func ExampleSRM() {
	r := stats.SRM([]int64{5300, 4700, 0}, []float64{50, 50, 0}, 0.001)
	fmt.Printf("chi-square %.0f, p = %.1e, mismatch: %t\n", r.ChiSquare.Value, r.P.Value, r.Mismatch)
	// Output:
	// chi-square 36, p = 2.0e-09, mismatch: true
}

func ExampleNumber() {
	// Nobody converted in the control: there is no lift to report.
	lift := stats.CompareMoments(stats.RateMoments(400, 0), stats.RateMoments(400, 6)).Lift()
	if !lift.OK {
		fmt.Println("null:", lift.Reason)
	}
	// Output:
	// null: control_mean_zero
}

func ExampleBetaComparison_LiftIntervals() {
	control := stats.NewBetaPosterior(1+120, 1+1000-120)
	treatment := stats.NewBetaPosterior(1+140, 1+1000-140)
	levels := []float64{0.8, 0.9, 0.95}
	for i, lift := range stats.CompareBeta(control, treatment).LiftIntervals(levels...) {
		fmt.Printf("%.0f %%: [%+.1f, %+.1f] %%\n", 100*levels[i], 100*lift.Low, 100*lift.High)
	}
	// Output:
	// 80 %: [+0.5, +35.3] %
	// 90 %: [-3.6, +41.1] %
	// 95 %: [-7.0, +46.4] %
}

func ExampleHolm() {
	for _, p := range stats.Holm([]stats.Number{stats.Known(0.03), stats.Known(0.002), stats.Undefined(stats.ReasonNoUsers)}) {
		if p.OK {
			fmt.Printf("%.3f\n", p.Value)
		} else {
			fmt.Println("null:", p.Reason)
		}
	}
	// Output:
	// 0.030
	// 0.004
	// null: no_users
}

func ExampleCUPED() {
	// The covariate is what the same users did in the two weeks before.
	adjusted := stats.CUPED([]stats.CovariateMoments{
		{N: 1000, MeanY: 10.0, MeanX: 9.0, VarianceY: 50, VarianceX: 40, Covariance: 30},
		{N: 1000, MeanY: 10.6, MeanX: 9.4, VarianceY: 50, VarianceX: 40, Covariance: 30},
	})
	c := stats.CompareMoments(adjusted.Arms[0], adjusted.Arms[1])
	fmt.Printf("theta %.2f, variance down by %.0f %%\n", adjusted.Theta.Value, 100*adjusted.Reduction.Value)
	fmt.Printf("difference %.2f, not 0.60\n", c.Diff().Value)
	// Output:
	// theta 0.75, variance down by 45 %
	// difference 0.30, not 0.60
}

func ExampleProbBest() {
	best := stats.ProbBest([]*stats.BetaPosterior{
		stats.NewBetaPosterior(51, 451), stats.NewBetaPosterior(61, 421), stats.NewBetaPosterior(45, 467),
	}, stats.HigherIsBetter)
	weights := stats.ThompsonWeights(best, 0.01)
	for i := range best {
		fmt.Printf("best %.3f, next day's share %.3f\n", best[i].Value, weights[i].Value)
	}
	// Output:
	// best 0.104, next day's share 0.111
	// best 0.879, next day's share 0.863
	// best 0.017, next day's share 0.026
}

func ExampleDesign_SampleSize() {
	design := stats.Design{Alpha: 0.05, Power: 0.8}
	size := design.SampleSize(stats.RateBaseline(0.05), 0.1)
	_, days := size.Days(4300)
	fmt.Printf("%d users an arm, %.0f days\n", size.Control, days.Value)
	// Output:
	// 31231 users an arm, 21 days
}

func ExampleGroupSequential() {
	looks := stats.GroupSequential(stats.SpendOBrienFleming(), 0.05, stats.TwoSided, []float64{0.25, 0.5, 0.75, 1})
	for _, l := range looks {
		fmt.Printf("%.2f: |z| > %.3f\n", l.Information, l.Z.Value)
	}
	// Output:
	// 0.25: |z| > 4.333
	// 0.50: |z| > 2.963
	// 0.75: |z| > 2.359
	// 1.00: |z| > 2.014
}

func ExamplePeeking_Risk() {
	once := stats.Peeking{Threshold: 0.9, Looks: 28, FirstLook: 28}.Risk()
	daily := stats.Peeking{Threshold: 0.9, Looks: 28}.Risk()
	fmt.Printf("false winners: %.1f %% with one look, %.1f %% with one a day\n", 100*once.Win.Value, 100*daily.Win.Value)
	// Output:
	// false winners: 10.0 % with one look, 38.4 % with one a day
}
