package stats

import (
	"math"
	"slices"
)

// Batch is a number of users whose values were summed up apart from others: a
// day, a shard.
type Batch struct {
	N    int64   // users, at least 0
	Mean float64 // of their values
	M2   float64 // the sum of squared distances from the mean, at least 0
}

// Merged is the union of disjoint batches.
type Merged struct {
	N        int64
	Mean, M2 Number
}

// MergeBatches returns the union of disjoint batches, exactly as if all their
// users had been summed up together: m2 = m2_a + m2_b + d^2 n_a n_b/n for means
// that are d apart (Chan, Golub and LeVeque 1983, "Algorithms for computing the
// sample variance"). Nothing cancels, whatever the mean is beside the spread.
func MergeBatches(batches []Batch) Merged {
	var n int64
	var mean, m2 float64
	for _, b := range batches {
		if b.N < 0 || !finite(b.Mean) || !finite(b.M2) || b.M2 < 0 || n+b.N < n {
			return Merged{Mean: Undefined(ReasonInvalidInput), M2: Undefined(ReasonInvalidInput)}
		}
		if b.N == 0 {
			continue
		}
		d, share := b.Mean-mean, float64(b.N)/float64(n+b.N)
		m2 += b.M2 + d*share*d*float64(n)
		mean += d * share
		n += b.N
	}
	if n == 0 {
		return Merged{Mean: Undefined(ReasonNoUsers), M2: Undefined(ReasonNoUsers)}
	}
	return Merged{N: n, Mean: Known(mean), M2: Known(m2)}
}

// Moments returns what [CompareMoments] needs, the variance with N-1 in its
// denominator.
func (m Merged) Moments() Moments {
	switch {
	case !m.Mean.OK:
		return undefinedMoments(m.N, orInvalid(m.Mean.Reason))
	case m.N < 2:
		return Moments{N: m.N, Mean: m.Mean, Variance: Undefined(ReasonTooFewUsers)}
	}
	return Moments{N: m.N, Mean: m.Mean, Variance: m.M2.then(func(v float64) float64 { return v / float64(m.N-1) })}
}

// PercentileCap returns the cap below which the share percentile in (0, 1] of
// the values lies, by the nearest rank: the ceil(percentile k)-th smallest of k
// (Hyndman and Fan 1996, "Sample quantiles in statistical packages", definition
// 1). With ignoreZeros only users with a value count, for a metric that most
// users have nothing of. Take it over all arms together and before any arm is
// looked at.
func PercentileCap(values []float64, percentile float64, ignoreZeros bool) Number {
	if !(percentile > 0 && percentile <= 1) {
		return Undefined(ReasonInvalidInput)
	}
	sorted := make([]float64, 0, len(values))
	for _, v := range values {
		if !finite(v) {
			return Undefined(ReasonInvalidInput)
		}
		if v != 0 || !ignoreZeros {
			sorted = append(sorted, v)
		}
	}
	if len(sorted) == 0 {
		return Undefined(ReasonNoUsers)
	}
	slices.Sort(sorted)
	k := float64(len(sorted))
	// 0.07 of 100 is the 7th, not the 8th, though the product is above 7.
	rank := int(math.Ceil(percentile*k - 1e-9))
	return Known(sorted[min(max(rank, 1), len(sorted))-1])
}

// Winsorized are the sums of values of which none is above a cap.
type Winsorized struct {
	N, Capped       int64 // values, and those that the cap lowered
	Sum, SumSquares Number
}

// Winsorize sums values up with those above the cap lowered to it (Tukey 1962,
// "The future of data analysis"): one user who buys for a thousand others no
// longer decides. The sums go into [MeanMoments].
func Winsorize(values []float64, atMost float64) Winsorized {
	w := Winsorized{N: int64(len(values))}
	var sum, squares float64
	for _, v := range values {
		if !finite(v) || !finite(atMost) {
			return Winsorized{Sum: Undefined(ReasonInvalidInput), SumSquares: Undefined(ReasonInvalidInput)}
		}
		if v > atMost {
			v = atMost
			w.Capped++
		}
		sum += v
		squares += v * v
	}
	w.Sum, w.SumSquares = Known(sum), Known(squares)
	return w
}
