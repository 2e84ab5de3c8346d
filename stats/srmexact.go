package stats

import (
	"math"
)

// maxOutcomes bounds what [SRMExact] enumerates: some milliseconds.
const maxOutcomes = 200_000

// SRMExact returns the p value of the exact multinomial test of the split: the
// probability, under the weights, of an outcome that is at most as probable as
// the observed one (Read and Cressie 1988, Goodness-of-Fit Statistics for
// Discrete Multivariate Data, section 4.4). It is for the few users for whom
// [SRMResult.MinExpected] is below 5. Arguments and arms of weight 0 are as in
// [SRM]. Undefined with [ReasonTooManyOutcomes] when there are more than 200,000
// ways to divide the users among the arms: then there are enough users for
// chi-square in all but the smallest arm.
func SRMExact(observed []int64, weights []float64) Number {
	split, why := newSplit(observed, weights)
	if why != "" {
		return Undefined(why)
	}
	arms := len(split.observed)
	// The number of outcomes is the binomial coefficient of users+arms-1 over
	// arms-1.
	outcomes := 1.0
	for i := 1; i < arms; i++ {
		outcomes *= (split.users + float64(i)) / float64(i)
	}
	if !(outcomes <= maxOutcomes) {
		return Undefined(ReasonTooManyOutcomes)
	}
	users := int(split.users)
	e := exactSplit{share: make([]float64, arms), lnFactorial: make([]float64, users+1)}
	for i := 2; i <= users; i++ {
		e.lnFactorial[i] = e.lnFactorial[i-1] + math.Log(float64(i))
	}
	seen := e.lnFactorial[users]
	for i, s := range split.share {
		e.share[i] = math.Log(s)
		seen += split.observed[i]*e.share[i] - e.lnFactorial[int(split.observed[i])]
	}
	// Outcomes of the same probability must not be told apart by rounding.
	e.limit = seen + 1e-9*(1+math.Abs(seen))
	e.walk(0, users, e.lnFactorial[users])
	return Known(math.Min(1, e.p))
}

// exactSplit walks through all outcomes.
type exactSplit struct {
	share       []float64 // logarithms of the shares
	lnFactorial []float64
	limit       float64 // log probability up to which an outcome counts
	p           float64
}

func (e *exactSplit) walk(arm, left int, ln float64) {
	if arm == len(e.share)-1 {
		ln += float64(left)*e.share[arm] - e.lnFactorial[left]
		if ln <= e.limit {
			e.p += math.Exp(ln)
		}
		return
	}
	for n := 0; n <= left; n++ {
		e.walk(arm+1, left-n, ln+float64(n)*e.share[arm]-e.lnFactorial[n])
	}
}

// SequentialSRMResult is the outcome of [SRMSequential].
type SequentialSRMResult struct {
	// LnBayesFactor is the logarithm of the evidence for another split than
	// the intended one.
	LnBayesFactor Number
	// P is min(1, 1/Bayes factor).
	P Number
}

// SRMSequential tests the split so that it may be looked at after every user:
// the Bayes factor of a Dirichlet prior around the weights, worth concentration
// users (above 0, usually 10,000), against the weights themselves, and the
// always-valid p value 1/B (Lindon and Malek 2022, "Anytime-valid inference for
// multinomial count data"). Of several looks the smallest p is valid too.
// Observed, weights and arms of weight 0 are as in [SRM].
//
// Own numerics: the log-gamma functions of a billion users differ by less than
// their own rounding error, so Stirling's leading terms are cancelled on paper,
// which leaves (users+concentration) times a relative entropy.
func SRMSequential(observed []int64, weights []float64, concentration float64) SequentialSRMResult {
	none := func(why Reason) SequentialSRMResult {
		return SequentialSRMResult{LnBayesFactor: Undefined(why), P: Undefined(why)}
	}
	split, why := newSplit(observed, weights)
	if why == "" && (!finite(concentration) || concentration <= 0) {
		why = ReasonInvalidInput
	}
	if why != "" {
		return none(why)
	}
	total := split.users + concentration
	var entropy, small float64
	for i, share := range split.share {
		prior := concentration * share
		if prior == 0 {
			return none(ReasonOutOfRange)
		}
		after := prior + split.observed[i]
		delta := (split.observed[i] - split.users*share) / (total * share)
		entropy += share * entropyTerm(delta)
		small += (math.Log(prior)-math.Log(after))/2 + stirlingRest(after) - stirlingRest(prior)
	}
	small += (math.Log(total)-math.Log(concentration))/2 + stirlingRest(concentration) - stirlingRest(total)
	ln := Known(total*entropy + small)
	if !ln.OK {
		return none(ReasonOutOfRange)
	}
	return SequentialSRMResult{LnBayesFactor: ln, P: Known(math.Min(1, math.Exp(-ln.Value)))}
}

// entropyTerm is (1+d) ln(1+d) - d for d >= -1, by its series where the two
// cancel.
func entropyTerm(d float64) float64 {
	switch {
	case d <= -1:
		return 1
	case math.Abs(d) > 0.01:
		return (1+d)*math.Log1p(d) - d
	}
	// sum over k >= 2 of (-d)^k / (k(k-1))
	var sum float64
	power := d * d
	for k := 2.0; k <= 10; k++ {
		sum += power / (k * (k - 1))
		power *= -d
	}
	return sum
}

// stirlingRest is ln Gamma(x) - (x-1/2) ln x + x - ln(2 pi)/2 for x > 0
// (Abramowitz and Stegun 6.1.41).
func stirlingRest(x float64) float64 {
	if x < 10 {
		lg, _ := math.Lgamma(x)
		return lg - (x-0.5)*math.Log(x) + x - math.Log(2*math.Pi)/2
	}
	y := 1 / (x * x)
	return (1.0/12 - y*(1.0/360-y*(1.0/1260-y*(1.0/1680-y/1188)))) / x
}

// split is a checked split without the arms of weight 0.
type split struct {
	observed, share []float64 // shares sum to 1
	users           float64
}

func newSplit(observed []int64, weights []float64) (split, Reason) {
	if len(observed) != len(weights) {
		return split{}, ReasonInvalidInput
	}
	var s split
	var most, total float64
	for i, w := range weights {
		if !finite(w) || w < 0 || observed[i] < 0 {
			return split{}, ReasonInvalidInput
		}
		most = math.Max(most, w)
	}
	for i, w := range weights {
		if w == 0 {
			continue
		}
		// Relative to the largest, so that no sum overflows.
		s.share = append(s.share, w/most)
		s.observed = append(s.observed, float64(observed[i]))
		s.users += float64(observed[i])
		total += w / most
	}
	switch {
	case len(s.share) < 2:
		return split{}, ReasonTooFewArms
	case s.users == 0:
		return split{}, ReasonNoUsers
	}
	for i := range s.share {
		s.share[i] /= total
		if s.share[i] == 0 {
			return split{}, ReasonOutOfRange
		}
	}
	return s, ""
}
