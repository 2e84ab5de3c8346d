package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Spending says how much of alpha may be used up when a share of the planned
// information is in (Lan and DeMets 1983, "Discrete sequential boundaries for
// clinical trials"). The zero value spends nothing before the end.
type Spending struct {
	spent func(alpha, t float64) float64
}

// SpendOBrienFleming spends almost nothing early, 2(1 - Phi(z_{1-alpha/2}/sqrt t)),
// like the boundary of O'Brien and Fleming 1979.
func SpendOBrienFleming() Spending {
	return Spending{spent: func(alpha, t float64) float64 {
		return math.Erfc(-mathext.NormalQuantile(alpha/2) / math.Sqrt(2*t))
	}}
}

// SpendPocock spends about evenly, alpha ln(1 + (e-1)t), like the boundary of
// Pocock 1977.
func SpendPocock() Spending {
	return Spending{spent: func(alpha, t float64) float64 {
		return alpha * math.Log1p((math.E-1)*t)
	}}
}

// SpendPower spends alpha t^exponent, for an exponent above 0 (Kim and DeMets
// 1987, "Design and analysis of group sequential tests based on the type I error
// spending rate function").
func SpendPower(exponent float64) Spending {
	if !(exponent > 0) || math.IsInf(exponent, 0) {
		return Spending{spent: func(float64, float64) float64 { return math.NaN() }}
	}
	return Spending{spent: func(alpha, t float64) float64 { return alpha * math.Pow(t, exponent) }}
}

// at is what may be spent up to a share t of the information.
func (s Spending) at(alpha, t float64) float64 {
	switch {
	case t >= 1:
		// Also where a formula would return alpha but for its rounding.
		if s.spent != nil && math.IsNaN(s.spent(alpha, 1)) {
			return math.NaN()
		}
		return alpha
	case s.spent == nil:
		return 0
	}
	return s.spent(alpha, t)
}

// SequentialLook is one planned look of a group-sequential test.
type SequentialLook struct {
	// Information is the share of the planned information that is in.
	Information float64
	// Spent is the error probability used up to this look, per side.
	Spent Number
	// Z is the bound: the test rejects when |z| (one-sided: z) exceeds it.
	// It is undefined with [ReasonNothingToSpend] where nothing is left.
	Z Number
	// NominalP is the p value of one look at the bound.
	NominalP Number
}

// maxLooks bounds the work of the recursion: half a second at the most.
const maxLooks = 365

// GroupSequential returns the bounds of a test that looks when the given shares
// of its information are in, ascending and above 0, at most 365 of them, and
// whose error probability over all looks is alpha in (0, 1), spent as told. A
// two-sided test is two one-sided ones with half of alpha each, which ignores
// that both bounds may be crossed. The probabilities are exact, by the recursion
// of Armitage, McPherson and Rowe (1969, "Repeated significance tests on
// accumulating data") with Gauss-Legendre quadrature. Where the sample overruns
// its plan nothing is left to spend. A plan out of range gives looks without
// figures.
func GroupSequential(spending Spending, alpha float64, sides Sides, information []float64) []SequentialLook {
	side, count := alpha, 1.0
	if sides == TwoSided {
		side, count = alpha/2, 2
	}
	looks := make([]SequentialLook, len(information))
	why := informationReason(information)
	if !(alpha > 0 && alpha < 1) || (why == "" && len(looks) > 0 && math.IsNaN(spending.at(side, 0.5))) {
		why = ReasonInvalidInput
	}
	if why != "" {
		for i := range looks {
			looks[i] = SequentialLook{Spent: Undefined(why), Z: Undefined(why), NominalP: Undefined(why)}
		}
		return looks
	}
	w := walk{}
	var before float64
	for k, t := range information {
		spent := math.Max(before, spending.at(side, t))
		looks[k] = SequentialLook{
			Information: t, Spent: Known(spent),
			Z: Undefined(ReasonNothingToSpend), NominalP: Undefined(ReasonNothingToSpend),
		}
		bound := math.Inf(1)
		if increment := spent - before; increment > 1e-300 {
			bound = w.boundFor(t, increment)
			looks[k].Z, looks[k].NominalP = Known(bound), Known(math.Min(1, count*normalCDF(-bound)))
		}
		w.step(t, math.Inf(-1), bound)
		before = spent
	}
	return looks
}

// CrossingProbability returns the probability, when there is no effect, that z
// exceeds its bound at any of the looks (two-sided: |z|), with the given shares
// of information, in any unit, ascending and above 0, at most 365 of them. The
// bounds run in parallel and are above 0.
func CrossingProbability(information, bounds []float64, sides Sides) Number {
	if why := informationReason(information); why != "" || len(bounds) != len(information) {
		return Undefined(ReasonInvalidInput)
	}
	var p float64
	w := walk{}
	for k, t := range information {
		if !(bounds[k] > 0) || math.IsInf(bounds[k], 0) {
			return Undefined(ReasonInvalidInput)
		}
		p += w.above(t, bounds[k])
		if sides == TwoSided {
			p += w.above(t, bounds[k]) // the lower bound, by symmetry
			w.step(t, -bounds[k], bounds[k])
		} else {
			w.step(t, math.Inf(-1), bounds[k])
		}
	}
	return Known(math.Min(1, p))
}

func informationReason(information []float64) Reason {
	if len(information) > maxLooks {
		return ReasonInvalidInput
	}
	before := 0.0
	for _, t := range information {
		// Looks closer than this are the same look.
		if !finite(t) || t-before <= 1e-6*t || t < 1e-100 || t > 1e100 {
			return ReasonInvalidInput
		}
		before = t
	}
	return ""
}

// Peeking is the habit of declaring a winner at the first of several equally
// spaced looks at which the posterior probability to be better reaches a
// threshold.
type Peeking struct {
	// Threshold is the posterior probability, in (0.5, 1).
	Threshold float64
	// Looks is how many looks the plan has, FirstLook the first that is
	// taken, from 1; 0 means 1.
	Looks, FirstLook int
	// PriorInformation is the precision of the prior on the effect, which is
	// centred at 0, in units of that of the data at the last look; 0 is flat.
	PriorInformation float64
}

// PeekingRisk is what a habit of peeking costs.
type PeekingRisk struct {
	// Win is the probability to declare a winner at any look although there
	// is no effect.
	Win Number
	// WinOrLoss is the same when losers are declared too.
	WinOrLoss Number
}

// Risk returns the exact probabilities of a false decision, for a normal
// posterior: P reaches the threshold when z reaches
// z_threshold sqrt(1 + prior/data), the chance of which is that of
// [CrossingProbability].
func (p Peeking) Risk() PeekingRisk {
	first := max(1, p.FirstLook)
	if !(p.Threshold > 0.5 && p.Threshold < 1) || p.Looks < first || p.Looks-first >= maxLooks ||
		p.FirstLook < 0 || !(p.PriorInformation >= 0) || p.PriorInformation > 1e9 {
		return PeekingRisk{Win: Undefined(ReasonInvalidInput), WinOrLoss: Undefined(ReasonInvalidInput)}
	}
	z := mathext.NormalQuantile(p.Threshold)
	var information, bounds []float64
	for k := first; k <= p.Looks; k++ {
		information = append(information, float64(k))
		bounds = append(bounds, z*math.Sqrt(1+p.PriorInformation*float64(p.Looks)/float64(k)))
	}
	return PeekingRisk{
		Win:       CrossingProbability(information, bounds, OneSided),
		WinOrLoss: CrossingProbability(information, bounds, TwoSided),
	}
}
