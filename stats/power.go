package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Baseline is what the control is expected to look like before the start. Make
// one with [RateBaseline] or [MeanBaseline].
type Baseline struct {
	mean, variance float64
	rate, valid    bool
}

// RateBaseline expects a conversion rate in (0, 1). The variance of the
// treatment follows from its own rate.
func RateBaseline(rate float64) Baseline {
	return Baseline{mean: rate, variance: rate * (1 - rate), rate: true, valid: rate > 0 && rate < 1}
}

// MeanBaseline expects a mean per user, and a standard deviation sd > 0 of one
// user's value, the same in both arms.
func MeanBaseline(mean, sd float64) Baseline {
	v := sd * sd
	return Baseline{mean: mean, variance: v, valid: finite(mean) && sd > 0 && v > 0 && finite(v)}
}

// treatment is the variance of one user in the treatment at an effect.
func (b Baseline) treatment(effect float64) float64 {
	if !b.rate {
		return b.variance
	}
	p := b.mean + effect
	return p * (1 - p)
}

// Design is a test planned for one look at its end: two-sided, of the
// difference, by the normal distribution, with unpooled variances. The formulas
// are the textbook's (Chow, Shao and Wang, Sample Size Calculations in Clinical
// Research, section 4.2).
type Design struct {
	// Alpha is the probability of a false alarm, in (0, 1).
	Alpha float64
	// Power is the probability of finding the effect planned for, in (0, 1).
	Power float64
	// Ratio is how many users the treatment gets for each of the control's;
	// above 0. 0 means 1.
	Ratio float64
}

// ratio is Ratio with its default.
func (d Design) ratio() float64 {
	if d.Ratio == 0 {
		return 1
	}
	return d.Ratio
}

// reach is z_{1-alpha/2} + z_power: the effect in standard errors.
func (d Design) reach() (float64, Reason) {
	if !(d.Alpha > 0 && d.Alpha < 1) || !(d.Power > 0 && d.Power < 1) {
		return 0, ReasonInvalidInput
	}
	k := mathext.NormalQuantile(d.Power) - mathext.NormalQuantile(d.Alpha/2)
	if !(k > 0) { // less power than chance gives: no users are needed
		return 0, ReasonInvalidInput
	}
	return k, ""
}

// SampleSize is how many users a design needs.
type SampleSize struct {
	// ControlExact is the control's number before rounding up.
	ControlExact Number
	// Control and Treatment are users, rounded up; 0 when ControlExact is
	// undefined.
	Control, Treatment int64
	// Power is what the rounded number achieves, in (0, 1).
	Power Number
}

// SampleSize returns the users needed to find a relative effect (0.05 is five
// per cent of the baseline's mean, of either sign but not 0):
// (z_{1-alpha/2} + z_power)^2 (v_c + v_t/ratio)/d^2 in the control.
func (d Design) SampleSize(b Baseline, relative float64) SampleSize {
	none := func(why Reason) SampleSize {
		return SampleSize{ControlExact: Undefined(why), Power: Undefined(why)}
	}
	k, why := d.reach()
	r := d.ratio()
	switch {
	case why != "":
		return none(why)
	case !b.valid || !(r > 0) || !finite(r) || !finite(relative) || relative == 0:
		return none(ReasonInvalidInput)
	case b.mean == 0:
		return none(ReasonControlMeanZero)
	}
	effect := math.Abs(b.mean) * relative
	after := b.treatment(effect)
	if after < 0 || (b.rate && (b.mean+effect > 1 || b.mean+effect < 0)) {
		return none(ReasonUnreachable)
	}
	k /= math.Abs(effect)
	n := k * k * (b.variance + after/r)
	if !(n < maxPlanned && r*n < maxPlanned) {
		return none(ReasonOutOfRange)
	}
	whole := math.Max(1, math.Ceil(n))
	return SampleSize{
		ControlExact: Known(n), Control: int64(whole), Treatment: int64(math.Max(1, math.Ceil(r*n))),
		Power: d.PowerOf(b, effect, whole, r*whole),
	}
}

// maxPlanned bounds sample sizes and days to what an int64 holds exactly.
const maxPlanned = 1 << 53

// Days returns how many days the sample takes at so many new users a day in
// both arms together (above 0), rounded up, and those rounded up to whole
// weeks, so that every weekday counts the same.
func (s SampleSize) Days(dailyUsers float64) (days, wholeWeeks Number) {
	if !s.ControlExact.OK {
		why := Undefined(orInvalid(s.ControlExact.Reason))
		return why, why
	}
	d := math.Ceil((float64(s.Control) + float64(s.Treatment)) / dailyUsers)
	switch {
	case !(dailyUsers > 0) || math.IsInf(dailyUsers, 0):
		return Undefined(ReasonInvalidInput), Undefined(ReasonInvalidInput)
	case !(d < maxPlanned):
		return Undefined(ReasonOutOfRange), Undefined(ReasonOutOfRange)
	}
	return Known(d), Known(math.Ceil(d/7) * 7)
}

// PowerOf returns the probability that the test rejects when the treatment's
// mean is effect above the control's (in units of the metric, of either sign),
// with so many users in the two arms (above 0, not necessarily whole): in
// [alpha, 1]. Design's own Power and Ratio do not enter. Do not put the
// observed effect in: that power is only the p value once more.
func (d Design) PowerOf(b Baseline, effect, control, treatment float64) Number {
	if !b.valid || !finite(effect) || !(d.Alpha > 0 && d.Alpha < 1) ||
		!(control > 0) || !(treatment > 0) || math.IsInf(control, 0) || math.IsInf(treatment, 0) {
		return Undefined(ReasonInvalidInput)
	}
	after := b.treatment(effect)
	if b.rate && (b.mean+effect > 1 || b.mean+effect < 0) {
		return Undefined(ReasonUnreachable)
	}
	se := math.Sqrt(b.variance/control + math.Max(0, after)/treatment)
	shift := math.Abs(effect) / se
	if math.IsNaN(shift) {
		return Undefined(ReasonOutOfRange)
	}
	z := -mathext.NormalQuantile(d.Alpha / 2)
	return Known(math.Min(1, normalCDF(shift-z)+normalCDF(-shift-z)))
}

// MDE is the smallest effect that a design finds with its power.
type MDE struct {
	// Absolute is in units of the metric, above 0.
	Absolute Number
	// Relative is a fraction of the baseline's mean, above 0.
	Relative Number
}

// MDE returns the minimum detectable effect upwards with so many users in the
// two arms: the inverse of [Design.SampleSize]. For a rate it is the root of
// the quadratic that the treatment's own variance makes of it. It is undefined
// with [ReasonUnreachable] when not even a rate of 1 would do.
func (d Design) MDE(b Baseline, control, treatment float64) MDE {
	k, why := d.reach()
	switch {
	case why != "":
	case !b.valid || !(control > 0) || !(treatment > 0) || math.IsInf(control, 0) || math.IsInf(treatment, 0):
		why = ReasonInvalidInput
	}
	if why != "" {
		return MDE{Absolute: Undefined(why), Relative: Undefined(why)}
	}
	effect := k * math.Sqrt(b.variance/control+b.variance/treatment)
	if b.rate {
		// (1 + k^2/n_t) d^2 - k^2 (1-2p)/n_t d - effect^2 = 0
		perUser := k * k / treatment
		lead, half := 1+perUser, perUser*(1-2*b.mean)/2
		root := math.Sqrt(half*half + lead*effect*effect)
		if half >= 0 {
			effect = (half + root) / lead
		} else {
			effect = effect * effect / (root - half)
		}
		if b.mean+effect > 1 {
			return MDE{Absolute: Undefined(ReasonUnreachable), Relative: Undefined(ReasonUnreachable)}
		}
	}
	out := MDE{Absolute: Known(effect), Relative: Undefined(ReasonControlMeanZero)}
	if b.mean != 0 {
		out.Relative = Known(effect / math.Abs(b.mean))
	}
	return out
}
