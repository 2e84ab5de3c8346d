package stats

import "math"

// DailyEffect is the effect on one day, with its standard error: by days since
// exposure (then of first conversions among those who had not yet converted) or
// by the day of exposure. What a cumulative series says on two days is
// correlated and does not belong here.
type DailyEffect struct {
	Day    int
	Effect float64 // of any sign, in units of the metric or relative
	SE     float64 // above 0, in the same units
}

// NoveltyResult says whether an effect changes with time.
type NoveltyResult struct {
	// Pooled is the inverse-variance mean of the daily effects.
	Pooled, PooledSE Number
	// Slope is the change of the effect a day, and its test.
	Slope, SlopeSE, SlopeZ, SlopeP Number
	// Q is Cochran's statistic of heterogeneity, with QDF degrees of freedom.
	Q   Number
	QDF int
	QP  Number
	// Early and Late are the inverse-variance means before the early days end
	// and from then on.
	Early, Late Number
	// LateMinusEarlyZ is their difference in standard errors.
	LateMinusEarlyZ, LateMinusEarlyP Number
}

// Novelty fits a straight line to uncorrelated daily effects by least squares
// with the weights 1/SE^2 (known variances: the inverse-variance method of
// Cochran 1954, "The combination of estimates from different experiments"), and
// contrasts the days before earlyDays with the later ones. A slope needs two
// different days, a contrast a day on either side.
func Novelty(days []DailyEffect, earlyDays int) NoveltyResult {
	least := math.Inf(1)
	for _, d := range days {
		if !finite(d.Effect) || !finite(d.SE) || d.SE <= 0 {
			return noNovelty(ReasonInvalidInput)
		}
		least = math.Min(least, d.SE)
	}
	if len(days) == 0 {
		return noNovelty(ReasonTooFewDays)
	}
	all := poolDays(days, least, func(DailyEffect) bool { return true })
	early := poolDays(days, least, func(d DailyEffect) bool { return d.Day < earlyDays })
	late := poolDays(days, least, func(d DailyEffect) bool { return d.Day >= earlyDays })
	out := noNovelty(ReasonTooFewDays)
	out.QDF = len(days) - 1
	out.Pooled, out.PooledSE = Known(all.mean), Known(all.se())
	out.Early, out.Late = early.number(), late.number()
	out.slope(days, all)
	if out.QDF > 0 {
		var q float64
		for _, d := range days {
			z := (d.Effect - all.mean) / d.SE
			q += z * z
		}
		out.Q, out.QP = Known(q), Undefined(ReasonOutOfRange)
		if out.Q.OK {
			out.QP = Known(chiSquareTail(q, out.QDF))
		}
	}
	if early.weight > 0 && late.weight > 0 {
		out.LateMinusEarlyZ, out.LateMinusEarlyP = test((late.mean - early.mean) / math.Hypot(early.se(), late.se()))
	}
	return out
}

// slope fills in the regression on the day.
func (r *NoveltyResult) slope(days []DailyEffect, all pool) {
	var center, sxx, sxy float64
	for _, d := range days {
		center += all.share(d) * float64(d.Day)
	}
	for _, d := range days {
		x := float64(d.Day) - center
		sxx += all.share(d) * x * x
		sxy += all.share(d) * x * (d.Effect - all.mean)
	}
	// Rounding of the center leaves a trace of sxx when all days are one day.
	if !(sxx > 1e-24*(1+center*center)) {
		return
	}
	se := all.se() / math.Sqrt(sxx)
	r.Slope, r.SlopeSE = Known(sxy/sxx), Known(se)
	if r.Slope.OK && r.SlopeSE.OK {
		r.SlopeZ, r.SlopeP = test(sxy / sxx / se)
	}
}

// test returns a z value and its two-sided p, if the former is finite.
func test(z float64) (value, p Number) {
	value = Known(z)
	if !value.OK {
		return value, value
	}
	return value, Known(twoSidedP(z))
}

// pool is an inverse-variance mean. Weights are relative to the smallest
// standard error, so that none overflows.
type pool struct {
	mean, weight, unit float64
}

func poolDays(days []DailyEffect, unit float64, in func(DailyEffect) bool) pool {
	p := pool{unit: unit}
	for _, d := range days {
		if in(d) {
			p.weight += unit / d.SE * (unit / d.SE)
		}
	}
	for _, d := range days {
		if in(d) && p.weight > 0 {
			p.mean += p.share(d) * d.Effect
		}
	}
	return p
}

func (p pool) share(d DailyEffect) float64 {
	return p.unit / d.SE * (p.unit / d.SE) / p.weight
}

func (p pool) se() float64 {
	return p.unit / math.Sqrt(p.weight)
}

func (p pool) number() Number {
	if p.weight == 0 {
		return Undefined(ReasonTooFewDays)
	}
	return Known(p.mean)
}

func noNovelty(why Reason) NoveltyResult {
	n := Undefined(why)
	return NoveltyResult{
		Pooled: n, PooledSE: n, Slope: n, SlopeSE: n, SlopeZ: n, SlopeP: n, Q: n, QP: n,
		Early: n, Late: n, LateMinusEarlyZ: n, LateMinusEarlyP: n,
	}
}
