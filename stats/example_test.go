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
