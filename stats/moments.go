package stats

import "math"

// Moments are what is known of one arm's metric: its users, the mean per user
// and the variance of one user's value. Everything in [CompareMoments] is
// computed from them, whatever the metric was. The zero value is an arm without
// users.
type Moments struct {
	// N is the number of users, at least 0.
	N int64
	// Mean is the mean per user, or the ratio of a ratio metric.
	Mean Number
	// Variance is the variance of one user's value, at least 0 (for a ratio
	// metric the linearised one), in squared units of the metric.
	Variance Number
}

func undefinedMoments(n int64, why Reason) Moments {
	return Moments{N: n, Mean: Undefined(why), Variance: Undefined(why)}
}

// RateMoments are the moments of a rate: n users of whom 0 <= x <= n converted.
// The variance is p(1-p), unpooled, in tests as in intervals: a test that pools
// and an interval that does not can contradict each other.
func RateMoments(n, x int64) Moments {
	switch {
	case n < 0 || x < 0 || x > n:
		return undefinedMoments(n, ReasonInvalidInput)
	case n == 0:
		return undefinedMoments(n, ReasonNoUsers)
	}
	p, q := float64(x)/float64(n), float64(n-x)/float64(n)
	return Moments{N: n, Mean: Known(p), Variance: Known(p * q)}
}

// MeanMoments are the moments of a mean: n users with the sum and the sum of
// squares of their values. The variance has n-1 in its denominator and is
// unknown for one user.
//
// Own numerics: n*sumSquares - sum^2 cancels when the mean is large beside the
// spread, so both products are formed with their rounding errors (Dekker 1971,
// with a fused multiply-add). The result is as exact as the sums are; sums that
// were themselves rounded can only be helped by [MomentsOf].
func MeanMoments(n int64, sum, sumSquares float64) Moments {
	switch {
	case n < 0 || !finite(sum) || !finite(sumSquares) || sumSquares < 0:
		return undefinedMoments(n, ReasonInvalidInput)
	case n == 0:
		return undefinedMoments(n, ReasonNoUsers)
	}
	return Moments{
		N:        n,
		Mean:     Known(sum / float64(n)),
		Variance: notNegative(covariance(n, sum, sum, sumSquares)),
	}
}

// MomentsOf are moments that the caller computed: n users, their mean, and the
// variance of one user's value (at least 0). For one user the variance is
// unknown whatever is passed.
func MomentsOf(n int64, mean, variance float64) Moments {
	switch {
	case n < 0 || !finite(mean) || !finite(variance) || variance < 0:
		return undefinedMoments(n, ReasonInvalidInput)
	case n == 0:
		return undefinedMoments(n, ReasonNoUsers)
	case n == 1:
		return Moments{N: n, Mean: Known(mean), Variance: Undefined(ReasonTooFewUsers)}
	}
	return Moments{N: n, Mean: Known(mean), Variance: Known(variance)}
}

// RatioSums are the sums over users of a ratio metric's numerator m and
// denominator d. They need the pair per user (clicks and views of one user),
// not per event.
type RatioSums struct {
	N      int64   // users
	M, D   float64 // sums of m and of d
	MM, DD float64 // sums of their squares
	MD     float64 // sum of their products
}

// RatioMoments are the moments of the ratio R = sum(m)/sum(d), with users as
// the independent units: one user's variance is that of the linearised value,
// (var m - 2 R cov(m,d) + R^2 var d)/mean(d)^2 (the delta method: Deng, Knoblich
// and Lu, KDD 2018, "Applying the delta method in metric analytics").
func RatioMoments(s RatioSums) Moments {
	switch {
	case s.N < 0 || !finite(s.M) || !finite(s.D) || !finite(s.MM) || !finite(s.DD) || !finite(s.MD) ||
		s.MM < 0 || s.DD < 0:
		return undefinedMoments(s.N, ReasonInvalidInput)
	case s.N == 0:
		return undefinedMoments(s.N, ReasonNoUsers)
	case s.D == 0:
		return undefinedMoments(s.N, ReasonDenominatorZero)
	}
	ratio := Known(s.M / s.D)
	if s.N == 1 || !ratio.OK {
		return Moments{N: s.N, Mean: ratio, Variance: Undefined(ReasonTooFewUsers)}
	}
	r, mean := ratio.Value, s.D/float64(s.N)
	vm, vd := covariance(s.N, s.M, s.M, s.MM), covariance(s.N, s.D, s.D, s.DD)
	cov := covariance(s.N, s.M, s.D, s.MD)
	if !vm.OK || !vd.OK || !cov.OK {
		return Moments{N: s.N, Mean: ratio, Variance: Undefined(ReasonOutOfRange)}
	}
	v := (vm.Value - 2*r*cov.Value + r*r*vd.Value) / mean / mean
	return Moments{N: s.N, Mean: ratio, Variance: notNegative(Known(v))}
}

// SE returns the standard error of the mean, in units of the metric.
func (m Moments) SE() Number {
	if why := m.reason(); why != "" {
		return Undefined(why)
	}
	return Known(math.Sqrt(m.Variance.Value / float64(m.N)))
}

// reason says why an arm cannot be compared, or nothing.
func (m Moments) reason() Reason {
	switch {
	case m.N < 0:
		return ReasonInvalidInput
	case m.N == 0 && m.Mean.Reason == "":
		return ReasonNoUsers
	case !m.Mean.OK:
		return orInvalid(m.Mean.Reason)
	case !m.Variance.OK:
		return orInvalid(m.Variance.Reason)
	case !finite(m.Mean.Value), !finite(m.Variance.Value), m.Variance.Value < 0:
		return ReasonInvalidInput
	}
	return ""
}

// orInvalid covers figures that were not computed: they have no reason.
func orInvalid(why Reason) Reason {
	if why == "" {
		return ReasonInvalidInput
	}
	return why
}

// covariance is (n sumXY - sumX sumY)/(n(n-1)), its cancelling difference
// formed with the rounding errors of both products.
func covariance(n int64, sumX, sumY, sumXY float64) Number {
	if n < 2 {
		return Undefined(ReasonTooFewUsers)
	}
	k := float64(n)
	a, b := k*sumXY, sumX*sumY
	errA, errB := math.FMA(k, sumXY, -a), math.FMA(sumX, sumY, -b)
	d := (a - b) + (errA - errB)
	return Known(d / k / (k - 1))
}

// notNegative removes the rounding below 0 of a figure that cannot be negative.
func notNegative(v Number) Number {
	v.Value = math.Max(0, v.Value)
	return v
}
