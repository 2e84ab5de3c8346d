package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// SRMResult is the outcome of a test for sample ratio mismatch.
type SRMResult struct {
	// ChiSquare is Pearson's statistic over the arms with a positive weight.
	ChiSquare Number
	// DF is the number of arms with a positive weight, minus 1, at least 0.
	DF int
	// P is the upper tail of the chi-square distribution at ChiSquare.
	P Number
	// MinExpected is the smallest expected count, in users. Below 5 the
	// chi-square approximation is not to be relied on.
	MinExpected Number
	// Leaks are the indices of the arms that have users but weight 0. It is
	// never nil.
	Leaks []int
	// Mismatch is P < threshold, or any leak.
	Mismatch bool
}

// SRM tests whether the observed users per arm fit the intended weights, by
// Pearson's chi-square test of goodness of fit (Fabijan et al., KDD 2019,
// recommend it for experiments). observed are users, at least 0; weights are
// the configured shares in any unit, at least 0; the two run in parallel.
// threshold is the p value below which the split counts as broken, usually
// 0.001, because the test is looked at every day.
//
// An arm that was configured but got no users counts: that is the mismatch to
// find. An arm of weight 0 is no arm: it takes no degree of freedom, and users
// in it are a leak, which is a mismatch whatever the rest looks like. The
// figures are undefined while no arm with a weight has users.
func SRM(observed []int64, weights []float64, threshold float64) SRMResult {
	res := SRMResult{Leaks: []int{}}
	if len(observed) != len(weights) || math.IsNaN(threshold) {
		return res.undefined(ReasonInvalidInput)
	}
	var users, weight float64
	arms := 0
	for i, w := range weights {
		if !finite(w) || w < 0 || observed[i] < 0 {
			return res.undefined(ReasonInvalidInput)
		}
		if w == 0 {
			if observed[i] > 0 {
				res.Leaks = append(res.Leaks, i)
			}
			continue
		}
		arms++
		users += float64(observed[i])
		weight += w
	}
	res.Mismatch = len(res.Leaks) > 0
	res.DF = max(arms-1, 0)
	switch {
	case arms < 2:
		return res.undefined(ReasonTooFewArms)
	case users == 0:
		return res.undefined(ReasonNoUsers)
	case math.IsInf(weight, 0):
		return res.undefined(ReasonOutOfRange)
	}
	res.fit(observed, weights, users, weight)
	res.Mismatch = res.Mismatch || (res.P.OK && res.P.Value < threshold)
	return res
}

// fit fills in the statistic and its p value.
func (r *SRMResult) fit(observed []int64, weights []float64, users, weight float64) {
	var chi2 float64
	least := math.Inf(1)
	for i, w := range weights {
		if w == 0 {
			continue
		}
		// Divided first only when the product would overflow: 7000 of
		// 70/30 must expect exactly 7000.
		expected := users * w / weight
		if math.IsInf(expected, 0) {
			expected = users * (w / weight)
		}
		d := float64(observed[i]) - expected
		chi2 += d * d / expected
		least = math.Min(least, expected)
	}
	r.ChiSquare, r.MinExpected = Known(chi2), Known(least)
	if !r.ChiSquare.OK {
		r.P = Undefined(ReasonOutOfRange)
		return
	}
	r.P = Known(chiSquareTail(chi2, r.DF))
}

// chiSquareTail is P(X > x) for df >= 1 degrees of freedom, from the tail
// functions. One degree of freedom, the common case, is a squared normal.
func chiSquareTail(x float64, df int) float64 {
	if df == 1 {
		return math.Erfc(math.Sqrt(x / 2))
	}
	return mathext.GammaIncRegComp(float64(df)/2, x/2)
}

func (r SRMResult) undefined(why Reason) SRMResult {
	none := Undefined(why)
	r.ChiSquare, r.P, r.MinExpected = none, none, none
	return r
}
