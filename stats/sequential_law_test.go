package stats

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestBoundsSpendExactlyAlpha(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alpha := rapid.Float64Range(0.001, 0.4).Draw(t, "alpha")
		spending := rapid.SampledFrom([]Spending{SpendPocock(), SpendOBrienFleming(), SpendPower(2), SpendPower(0.5)}).Draw(t, "spending")
		var information, bounds []float64
		for i, steps := 0, rapid.IntRange(1, 8).Draw(t, "looks"); i < steps; i++ {
			information = append(information, float64(i+1)/float64(steps))
		}
		looks := GroupSequential(spending, alpha, OneSided, information)
		for i, l := range looks {
			if !l.Z.OK || l.Z.Value <= 0 {
				t.Skip("nothing to spend yet, or a bound below 0")
			}
			bounds = append(bounds, l.Z.Value)
			near(t, "spent so far", value(t, CrossingProbability(information[:i+1], bounds, OneSided)), value(t, l.Spent), 1e-11)
		}
		near(t, "alpha", looks[len(looks)-1].Spent.Value, alpha, 0)
		// Both sides together: what is counted twice is the crossing of both.
		both := value(t, CrossingProbability(information, bounds, TwoSided))
		if both > 2*alpha+1e-12 || both < alpha {
			t.Fatalf("two-sided %v, one-sided %v", both, alpha)
		}
	})
}

func TestOneLookIsTheFixedTest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alpha := rapid.Float64Range(0.0001, 0.9).Draw(t, "alpha")
		look := GroupSequential(SpendPocock(), alpha, TwoSided, []float64{1})[0]
		near(t, "bound", value(t, look.Z), ZCritical(1-alpha).Value, 1e-10)
		near(t, "p", value(t, look.NominalP), alpha, 1e-12)
	})
}

func TestPeekingGrowsWithLooksAndFallsWithCaution(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Peeking{
			Threshold: rapid.Float64Range(0.8, 0.995).Draw(t, "threshold"), Looks: rapid.IntRange(2, 12).Draw(t, "looks"),
			PriorInformation: rapid.Float64Range(0, 2).Draw(t, "prior"),
		}
		risk := p.Risk()
		win, both := value(t, risk.Win), value(t, risk.WinOrLoss)
		if both < win || both > 2*win+1e-12 {
			t.Fatalf("win %v, win or loss %v", win, both)
		}
		later, surer, prior := p, p, p
		later.FirstLook = 2
		surer.Threshold += 0.004
		prior.PriorInformation += 0.1
		for name, careful := range map[string]Peeking{"fewer looks": later, "threshold": surer, "prior": prior} {
			if got := value(t, careful.Risk().Win); got > win+1e-12 {
				t.Fatalf("%s raised the risk from %v to %v", name, win, got)
			}
		}
		once := Peeking{Threshold: p.Threshold, Looks: p.Looks, FirstLook: p.Looks}
		near(t, "one look", value(t, once.Risk().Win), 1-p.Threshold, 1e-12)
	})
}

func TestMixtureSPRTIsTheConfidenceSequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alpha := rapid.Float64Range(0.001, 0.9).Draw(t, "alpha")
		n := math.Pow(10, rapid.Float64Range(0, 8).Draw(t, "log n"))
		planned := math.Pow(10, rapid.Float64Range(1, 8).Draw(t, "log planned"))
		d, se := rapid.Float64Range(-5, 5).Draw(t, "d"), rapid.Float64Range(0.1, 3).Draw(t, "se")
		s := NewConfidenceSequence(alpha, planned, TwoSided)
		m := NewMixtureSPRT(alpha, s.Rho2().Value*n*se*se)
		near(t, "p", value(t, m.P(d, se*se)), value(t, s.P(d, se, n)), 1e-10)
		a, b := m.Interval(d, se*se), s.Interval(d, se, n)
		near(t, "low", a.Low, b.Low, 1e-9*(1+math.Abs(b.Low)))
		near(t, "high", a.High, b.High, 1e-9*(1+math.Abs(b.High)))
		if p := m.P(d, se*se).Value; math.Abs(p-alpha) > 1e-9 && (p < alpha) == a.Contains(0) {
			t.Fatalf("p %v at alpha %v beside %v", p, alpha, a)
		}
		// No tuning is tighter where it was tuned for.
		tight := value(t, NewTightestSequence(alpha, planned).Multiplier(planned))
		if other := value(t, s.Multiplier(planned)); tight > other*(1+1e-12) {
			t.Fatalf("the tightest multiplier %v, the usual one %v", tight, other)
		}
	})
}

func TestBanditWeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 6).Draw(t, "arms")
		arms := make([]*BetaPosterior, n)
		means := make([]NormalPosterior, n)
		for i := range arms {
			arms[i] = drawPosterior(t, "arm")
			means[i] = NewNormalPosterior(rapid.Float64Range(-50, 50).Draw(t, "mean"), rapid.Float64Range(0.1, 9).Draw(t, "sd"), nil)
		}
		floor := rapid.Float64Range(0, 0.3).Draw(t, "floor")
		for _, best := range [][]Number{ProbBest(arms, HigherIsBetter), ProbBestNormal(means, LowerIsBetter)} {
			thompson, topTwo := ThompsonWeights(best, floor), TopTwoWeights(best, 0.5, floor)
			for _, weights := range [][]Number{thompson, topTwo} {
				var sum float64
				for _, w := range weights {
					sum += value(t, w)
					if w.Value < min(floor, 1/float64(n))-1e-12 {
						t.Fatalf("weight %v below the floor %v", w, floor)
					}
				}
				near(t, "sum", sum, 1, 1e-12)
			}
			for i, w := range TopTwoWeights(best, 1, 0) {
				near(t, "only the leader", w.Value, best[i].Value, 1e-12)
			}
			// Nobody leads more than half of the time plus the other's half.
			for i, w := range TopTwoWeights(best, 0.5, 0) {
				if w.Value > 0.5+best[i].Value/2+1e-12 || w.Value < best[i].Value/2-1e-12 {
					t.Fatalf("top-two %v of an arm with %v", w, best[i])
				}
			}
		}
		var sum float64
		for _, share := range TopTwoShareNormal(means, HigherIsBetter) {
			sum += value(t, share)
			if share.Value > 0.5+1e-12 {
				t.Fatalf("an arm that is first and second: %v", share)
			}
		}
		near(t, "top-two shares", sum, 1, 1e-12)
	})
}

func TestEpochsAreNotPooled(t *testing.T) {
	// Simpson's paradox: the treatment is one point better on both days, but
	// got most of its users on the bad one.
	day1 := Epoch{Control: RateMoments(9000, 1800), Treatment: RateMoments(1000, 210)}
	day2 := Epoch{Control: RateMoments(1000, 100), Treatment: RateMoments(9000, 990)}
	pooled := CompareMoments(RateMoments(10_000, 1900), RateMoments(10_000, 1200)).Diff()
	average := AverageEpochs([]Epoch{day1, {}, day2})
	if pooled.Value >= 0 || math.Abs(average.Diff.Value-0.01) > 1e-12 {
		t.Errorf("pooled %v, averaged %v", pooled, average)
	}
	one := AverageEpochs([]Epoch{day1})
	if c := CompareMoments(day1.Control, day1.Treatment); one.SE != c.DiffSE() || one.Diff != c.Diff() {
		t.Errorf("one epoch is %+v, not its comparison", one)
	}
	if none := AverageEpochs([]Epoch{{Control: RateMoments(5, 1)}, day2}); none.Diff.OK || none.Diff.Reason != ReasonNoUsers {
		t.Errorf("an epoch without treatment: %+v", none)
	}
}

func TestMergedBatchesAreTheUnion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-1000, 1000), 1, 60).Draw(t, "values")
		offset := rapid.SampledFrom([]float64{0, 1e6}).Draw(t, "offset")
		batches := make([]Batch, rapid.IntRange(1, 5).Draw(t, "batches"))
		members := make([][]float64, len(batches))
		for _, v := range values {
			i := rapid.IntRange(0, len(batches)-1).Draw(t, "batch")
			members[i] = append(members[i], v+offset)
		}
		batchOf := func(members []float64) Batch {
			b := Batch{N: int64(len(members))}
			for _, v := range members {
				b.Mean += v / float64(len(members))
			}
			for _, v := range members {
				b.M2 += (v - b.Mean) * (v - b.Mean)
			}
			return b
		}
		var all []float64
		for i := range batches {
			batches[i] = batchOf(members[i])
			all = append(all, members[i]...)
		}
		want, got := batchOf(all), MergeBatches(batches)
		near(t, "mean", value(t, got.Mean), want.Mean, 1e-9*(1+offset))
		near(t, "m2", value(t, got.M2), want.M2, 1e-9*(1+want.M2))
		if got.N != want.N {
			t.Fatalf("n %d, want %d", got.N, want.N)
		}
	})
}

func TestWinsorizingLowersOnlyWhatIsAbove(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-100, 1000), 1, 50).Draw(t, "values")
		p := rapid.Float64Range(0.01, 1).Draw(t, "percentile")
		most := value(t, PercentileCap(values, p, false))
		below := 0
		for _, v := range values {
			if v <= most {
				below++
			}
		}
		if float64(below) < p*float64(len(values))-1e-9 {
			t.Fatalf("%d of %d at or below the %v percentile", below, len(values), p)
		}
		w, whole := Winsorize(values, most), Winsorize(values, 1000)
		if int(w.Capped) != len(values)-below || w.Sum.Value > whole.Sum.Value || whole.Capped != 0 {
			t.Fatalf("%+v of %+v", w, whole)
		}
		again := make([]float64, len(values))
		for i, v := range values {
			again[i] = math.Min(v, most)
		}
		if twice := Winsorize(again, most); twice.Capped != 0 || twice.Sum != w.Sum {
			t.Fatalf("capping twice is not capping once: %+v, %+v", twice, w)
		}
	})
}
