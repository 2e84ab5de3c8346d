package stats

import (
	"math"
	"reflect"
	"testing"
)

// everything computes every figure of the package from six numbers.
func everything(nc, xc, nt, xt int64, level, f float64) []any {
	con := NewBetaPosterior(1+float64(xc), 1+float64(nc-xc))
	tre := NewBetaPosterior(f+float64(xt), f+float64(nt-xt))
	b := CompareBeta(con, tre)
	out := []any{
		con.Mean(), con.Interval(level), con.Quantile(f), con.CDF(f), tre.Interval(level),
		b.ProbBeat(HigherIsBetter), b.Losses(HigherIsBetter), b.Losses(LowerIsBetter), b.LiftMean(),
		b.DiffMedian(), b.DiffInterval(level), b.LiftMedian(), b.LiftInterval(level), b.LiftQuantile(f),
		SRM([]int64{nc, nt, xc}, []float64{1, f, level}, 0.001), SRM([]int64{nc, xt}, []float64{1, f}, f),
	}
	for _, sides := range []Sides{TwoSided, OneSided} {
		s := NewConfidenceSequence(1-level, f, sides)
		n := float64(nc) + float64(nt)
		out = append(out, s.Rho2(), s.Multiplier(n), s.MultiplierOverFixed(n), s.Interval(f, level, n),
			s.Lower(f, level, n), s.Upper(f, level, n), s.P(f, level, n), s.LnEValue(f, level, n))
	}
	for _, pair := range [][2]Moments{
		{RateMoments(nc, xc), RateMoments(nt, xt)},
		{MeanMoments(nc, f, f*f), MeanMoments(nt, float64(xt), f)},
		{MomentsOf(nc, f, level), MomentsOf(nt, level, f)},
		{
			RatioMoments(RatioSums{N: nc, M: f, D: float64(xc), MM: f * f, DD: f, MD: level}),
			RatioMoments(RatioSums{N: nt, M: float64(xt), D: f, MM: level, DD: f * f, MD: f}),
		},
		{{}, RateMoments(nt, xt)},
	} {
		out = append(out, pair[1], pair[0].SE())
		out = append(out, allMoments(CompareMoments(pair[0], pair[1]), level, f)...)
	}
	return out
}

func allMoments(c Comparison, level, f float64) []any {
	out := []any{c.Diff(), c.DiffSE(), c.Z(), c.P(), c.WelchDF(), c.WelchP(), c.Lift(), c.LiftSE()}
	s := NewConfidenceSequence(1-level, 1000, TwoSided)
	for _, critical := range []Number{
		ZCritical(level), c.WelchCritical(level), s.Multiplier(f), {}, {Value: f, OK: true},
	} {
		out = append(out, critical.OK && finite(critical.Value), c.DiffInterval(critical),
			c.LiftDeltaInterval(critical), c.Fieller(critical), c.LogRatio(critical))
	}
	for _, p := range []NormalPosterior{
		c.Posterior(),
		{},
		NewNormalPosterior(f, level, &NormalPrior{Mean: f, SD: level}),
		NewNormalPosterior(level, f, &NormalPrior{Mean: level, SD: f}),
	} {
		out = append(out, p.Mean(), p.SD(), p.ProbBeat(LowerIsBetter), p.Losses(HigherIsBetter), p.Interval(level))
	}
	return out
}

// everyPlan computes what does not belong to one comparison.
func everyPlan(nc, xc, nt, xt int64, level, f float64) []any {
	x, y := float64(xc), float64(xt)
	design := Design{Alpha: 1 - level, Power: level, Ratio: f}
	out := []any{
		Holm([]Number{Known(level), Known(f), Undefined(ReasonNoUsers), {}}),
		BenjaminiHochberg([]Number{Known(level), Known(f)}), Bonferroni([]Number{Known(level), {}, Known(f)}),
		SRMSequential([]int64{nc, nt, xc}, []float64{1, f, level}, f), SRMSequential([]int64{nc, nt}, []float64{level, 1}, 100),
		SRMExact([]int64{nc % 50, nt % 50, xc}, []float64{1, f, level}), SRMExact([]int64{nc, nt}, []float64{1, f}),
		Novelty([]DailyEffect{{0, f, level}, {1, level, 1}, {int(xc), f, f}}, int(xt)), Novelty([]DailyEffect{{int(nc), f, 1}}, 0),
		CovariateSums{N: nc, Y: x, X: f, YY: f, XX: f, XY: level}.Moments(),
	}
	for _, arms := range [][]CovariateMoments{
		{{N: nc, MeanY: x, MeanX: f, VarianceY: level, VarianceX: f, Covariance: y}, {N: nt, MeanY: f, VarianceY: y, VarianceX: level, Covariance: f}},
		{CovariateSums{N: nc, Y: x, X: f, YY: x, XX: f * f, XY: f}.Moments(), CovariateSums{N: nt, Y: f, X: y, YY: f * f, XX: y, XY: level}.Moments()},
	} {
		out = append(out, CUPED(arms))
	}
	for _, b := range []Baseline{RateBaseline(f), RateBaseline(level), MeanBaseline(x, f), MeanBaseline(f, level), {}} {
		size := design.SampleSize(b, level)
		days, weeks := size.Days(f)
		out = append(out, size, days, weeks, design.MDE(b, f, y), design.MDE(b, float64(nc), float64(nt)),
			design.PowerOf(b, f, float64(nc), float64(nt)), Design{Alpha: 0.05, Power: 0.8}.SampleSize(b, f))
	}
	arms := []NormalPosterior{NewNormalPosterior(f, level, nil), NewNormalPosterior(level, f, nil), NewNormalPosterior(x, math.Abs(y), nil)}
	rates := []*BetaPosterior{
		NewBetaPosterior(1+x, 1+float64(nc-xc)), NewBetaPosterior(math.Abs(f), 1+y), NewBetaPosterior(1, 1+math.Abs(float64(nt))),
	}
	for _, d := range []Direction{HigherIsBetter, LowerIsBetter} {
		out = append(out, ProbBestNormal(arms, d), ProbBestNormal(arms[:1], d), ProbBest(rates, d), ProbBest(rates[2:], d), ProbBest(nil, d))
	}
	return out
}

// everySequence computes what is looked at more than once, and bandits.
func everySequence(nc, xc, nt, xt int64, level, f float64) []any {
	x, y := float64(xc), float64(xt)
	m, s := NewMixtureSPRT(level, f), NewTightestSequence(level, f)
	values := []float64{x, y, f, level, 0}
	most := PercentileCap(values, level, xc > 3)
	out := []any{
		m.P(x, f), m.LnLikelihoodRatio(f, level), m.Interval(x, level), NewMixtureSPRT(0.05, 1).Interval(f, y), MixtureSPRT{}.P(1, 1),
		s.Rho2(), s.Multiplier(float64(nc)), s.Interval(f, level, y),
		GroupSequential(SpendPower(f), level, TwoSided, []float64{level, f}), GroupSequential(Spending{}, 0.05, OneSided, []float64{f, 1}),
		GroupSequential(SpendOBrienFleming(), level, OneSided, []float64{f, f + 1}), GroupSequential(SpendPocock(), level, TwoSided, []float64{0.5, 1}),
		CrossingProbability([]float64{f, x}, []float64{level, f}, TwoSided), CrossingProbability([]float64{1, 2}, []float64{f, level}, OneSided),
		Peeking{Threshold: level, Looks: int(xc % 9), FirstLook: int(xt % 5), PriorInformation: f}.Risk(),
		MergeBatches([]Batch{{nc, f, level}, {nt, x, f}, {xt, level, y}}), MergeBatches([]Batch{{nc, f, level}}).Moments(),
		most, PercentileCap(values[:2], 0.5, true), Winsorize(values, most.Value), Winsorize(values[:1], f),
		AverageEpochs([]Epoch{{RateMoments(nc, xc), RateMoments(nt, xt)}, {MomentsOf(nc, f, level), MomentsOf(nt, x, f)}, {}}),
	}
	best := []Number{Known(level), Known(1 - level), Known(f)}
	arms := []NormalPosterior{NewNormalPosterior(f, level, nil), NewNormalPosterior(x, f, nil), NewNormalPosterior(0, 1, nil)}
	rates := []*BetaPosterior{NewBetaPosterior(1+x, 1+y), NewBetaPosterior(f, 1)}
	for _, d := range []Direction{HigherIsBetter, LowerIsBetter} {
		out = append(out, ThompsonWeights(best, f), ThompsonWeights(best[:2], level), TopTwoWeights(best[:2], level, f), TopTwoWeights(best[:1], f, 0),
			TopTwoShareNormal(arms, d), TopTwoShareNormal(arms[2:], d), TopTwoShare(rates, d), TopTwoShare(nil, d),
			ThompsonWeights(ProbBestNormal(arms, d), f), TopTwoWeights(ProbBestNormal(arms, d), level, level))
	}
	c := CompareBeta(rates[0], rates[1])
	rows := CompareMoments(RateMoments(nc, xc), MomentsOf(nt, f, level))
	return append(out, c.LiftIntervals(0.8, level, 0.95), c.LiftQuantiles(f, level), c.LiftQuantiles(level),
		rows.LiftPosterior(&NormalPrior{Mean: f, SD: level}).Mean(), rows.LiftPosterior(nil).Interval(level))
}

// checkFigures walks any result and finds figures that are not finite, ordered,
// or explained.
func checkFigures(t *testing.T, v reflect.Value) {
	t.Helper()
	if !v.CanInterface() {
		return
	}
	switch x := v.Interface().(type) {
	case Number:
		if !finite(x.Value) || (!x.OK && (x.Reason == "" || x.Value != 0)) || (x.OK && x.Reason != "") {
			t.Errorf("%#v", x)
		}
	case Interval:
		if !finite(x.Low) || !finite(x.High) || x.Low > x.High || (!x.OK && x.Reason == "") {
			t.Errorf("%#v", x)
		}
	case float64:
		if !finite(x) {
			t.Errorf("%v", x)
		}
	default:
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				checkFigures(t, v.Field(i))
			}
		case reflect.Slice:
			for i := range v.Len() {
				checkFigures(t, v.Index(i))
			}
		}
	}
}

func FuzzNothingIsEverNaNOrPanics(f *testing.F) {
	huge := math.MaxFloat64
	for _, n := range []int64{0, 1, 2, 100, 1_000_000, 1_000_000_000, math.MaxInt64, -1} {
		for _, x := range []int64{0, 1, n / 2, n - 1, n, -5} {
			for _, v := range []float64{0.5, 0.1, 0, -3, 1e-300, huge, -huge, math.Inf(1), math.NaN()} {
				f.Add(n, x, int64(100), int64(3), 0.95, v)
			}
			f.Add(int64(1000), int64(120), n, x, 0.999999, 1.0)
		}
	}
	for _, level := range []float64{0, 1, -1, 2, 1e-300, 1 - 1e-16, 5e-324, huge, math.NaN()} {
		f.Add(int64(1000), int64(120), int64(1000), int64(140), level, 2.0)
	}
	f.Fuzz(func(t *testing.T, nc, xc, nt, xt int64, level, v float64) {
		for _, figure := range everything(nc, xc, nt, xt, level, v) {
			checkFigures(t, reflect.ValueOf(figure))
		}
		for _, figure := range everySequence(nc, xc, nt, xt, level, v) {
			checkFigures(t, reflect.ValueOf(figure))
		}
		for _, figure := range everyPlan(nc, xc, nt, xt, level, v) {
			checkFigures(t, reflect.ValueOf(figure))
		}
	})
}

func TestTheZeroValuesAreUndefinedNotWrong(t *testing.T) {
	if p := CompareBeta(nil, &BetaPosterior{}).ProbBeat(HigherIsBetter); p.OK || p.Reason == "" {
		t.Errorf("posterior of nobody: %+v", p)
	}
	if p := (BetaComparison{}).ProbBeat(HigherIsBetter); p.OK {
		t.Errorf("comparison of nobody: %+v", p)
	}
	if m := (Moments{}).SE(); m.Reason != ReasonNoUsers {
		t.Errorf("an arm of nobody: %+v", m)
	}
	if i := CompareMoments(Moments{}, Moments{}).DiffInterval(ZCritical(0.95)); i.OK || i.Reason != ReasonNoUsers {
		t.Errorf("comparison of nobody: %+v", i)
	}
}
