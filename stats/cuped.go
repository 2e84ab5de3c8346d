package stats

import "math"

// CovariateMoments are what is known of one arm's metric y and of a covariate x
// that was measured before exposure, per user: CUPED needs nothing else. A
// caller with exact sums computes them exactly; [CovariateSums.Moments] does so
// from rounded ones. With fewer than two users the second moments are ignored.
type CovariateMoments struct {
	// N is the number of users, at least 0.
	N int64
	// MeanY and MeanX are the means per user.
	MeanY, MeanX float64
	// VarianceY and VarianceX, at least 0, and Covariance are of one user's
	// values, with N-1 in the denominator.
	VarianceY, VarianceX, Covariance float64
	why                              Reason
}

// CovariateSums are the sums over one arm's users of the metric y, the
// covariate x, their squares and their product.
type CovariateSums struct {
	N          int64
	Y, X       float64
	YY, XX, XY float64
}

// Moments returns the means, variances and the covariance, the cancelling
// differences formed as in [MeanMoments]. Sums that are not finite, or of a
// negative number of users, make [CUPED] undefined.
func (s CovariateSums) Moments() CovariateMoments {
	m := CovariateMoments{N: s.N}
	for _, v := range []float64{s.Y, s.X, s.YY, s.XX, s.XY} {
		if !finite(v) {
			m.why = ReasonInvalidInput
		}
	}
	if m.why != "" || s.N <= 0 || s.YY < 0 || s.XX < 0 {
		if s.N != 0 {
			m.why = ReasonInvalidInput
		}
		return m
	}
	m.MeanY, m.MeanX = s.Y/float64(s.N), s.X/float64(s.N)
	if s.N < 2 {
		return m
	}
	vy, vx := covariance(s.N, s.Y, s.Y, s.YY), covariance(s.N, s.X, s.X, s.XX)
	xy := covariance(s.N, s.X, s.Y, s.XY)
	if !vy.OK || !vx.OK || !xy.OK {
		m.why = ReasonOutOfRange
		return m
	}
	m.VarianceY, m.VarianceX, m.Covariance = math.Max(0, vy.Value), math.Max(0, vx.Value), xy.Value
	return m
}

// reason says why the arm cannot be adjusted, or nothing.
func (m CovariateMoments) reason() Reason {
	if m.why != "" {
		return m.why
	}
	for _, v := range []float64{m.MeanY, m.MeanX, m.VarianceY, m.VarianceX, m.Covariance} {
		if !finite(v) {
			return ReasonInvalidInput
		}
	}
	if m.N < 0 || m.VarianceY < 0 || m.VarianceX < 0 {
		return ReasonInvalidInput
	}
	return ""
}

// Adjustment is the outcome of [CUPED].
type Adjustment struct {
	// Theta is how much of the metric one unit of the covariate stands for;
	// 0 when the covariate does not vary.
	Theta Number
	// Reduction is the share of the variance within the arms that is gone, in
	// [0, 1]: the squared correlation within the arms.
	Reduction Number
	// Arms are the adjusted moments, in the order of the arms: they go into
	// [CompareMoments] like any other.
	Arms []Moments
	// ArmReductions are each arm's own share. It may be negative, because
	// theta is common to all arms.
	ArmReductions []Number
}

// CUPED adjusts the means of all arms for a covariate measured before exposure
// (Deng et al. 2013, "Improving the sensitivity of online controlled
// experiments by utilizing pre-experiment data"). One theta serves all arms,
// sum S_xy / sum S_xx of the products centred within each arm, so that no effect
// of the treatment enters it: this is the analysis of covariance. The adjusted
// mean is m - theta (x - grand mean of x), re-centred so that a relative lift
// keeps its meaning; the variance s2_y - 2 theta s_xy + theta^2 s2_x.
//
// An arm without users stays empty; an invalid one makes all figures undefined.
func CUPED(arms []CovariateMoments) Adjustment {
	out := Adjustment{Arms: make([]Moments, len(arms)), ArmReductions: make([]Number, len(arms))}
	for _, a := range arms {
		if why := a.reason(); why != "" {
			return out.undefined(arms, why)
		}
	}
	var users float64
	for _, a := range arms {
		users += float64(a.N)
	}
	if users == 0 {
		return out.undefined(arms, ReasonNoUsers)
	}
	var center, sxx, sxy, syy float64
	for _, a := range arms {
		center += float64(a.N) / users * a.MeanX
		if a.N > 1 {
			df := float64(a.N-1) / users // a share, so that no sum overflows
			sxx, sxy, syy = sxx+df*a.VarianceX, sxy+df*a.Covariance, syy+df*a.VarianceY
		}
	}
	theta := 0.0
	if sxx > 0 {
		theta = sxy / sxx
	}
	out.Theta = Known(theta)
	if !out.Theta.OK || !finite(center) {
		return out.undefined(arms, ReasonOutOfRange)
	}
	out.Reduction = Undefined(ReasonNoVariance)
	if syy > 0 {
		out.Reduction = Known(math.Min(1, math.Max(0, theta*(sxy/syy))))
	}
	for i, a := range arms {
		out.Arms[i], out.ArmReductions[i] = a.adjusted(theta, center)
	}
	return out
}

// adjusted returns the moments of y - theta (x - center), and what share of the
// variance that took away.
func (m CovariateMoments) adjusted(theta, center float64) (Moments, Number) {
	switch m.N {
	case 0:
		return undefinedMoments(0, ReasonNoUsers), Undefined(ReasonNoUsers)
	case 1:
		few := Undefined(ReasonTooFewUsers)
		return Moments{N: 1, Mean: Known(m.MeanY - theta*(m.MeanX-center)), Variance: few}, few
	}
	gone := theta * (2*m.Covariance - theta*m.VarianceX)
	out := Moments{
		N:        m.N,
		Mean:     Known(m.MeanY - theta*(m.MeanX-center)),
		Variance: notNegative(Known(m.VarianceY - gone)),
	}
	switch {
	case m.VarianceY == 0:
		return out, Undefined(ReasonNoVariance)
	case !out.Variance.OK:
		out.Variance.Value = 0
		return out, Undefined(ReasonOutOfRange)
	}
	return out, Known(gone / m.VarianceY)
}

func (a Adjustment) undefined(arms []CovariateMoments, why Reason) Adjustment {
	a.Theta, a.Reduction = Undefined(why), Undefined(why)
	for i := range arms {
		a.Arms[i], a.ArmReductions[i] = undefinedMoments(arms[i].N, why), Undefined(why)
	}
	return a
}
