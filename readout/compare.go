package readout

import (
	"slices"

	"github.com/tracklayer/tracklayer/stats"
)

// Reasons of a null beside those of stats.
const (
	reasonNoConversions  stats.Reason = "no_conversions"       // in neither arm: only the prior would speak
	reasonAllConverted   stats.Reason = "all_converted"        // in both arms: the same
	reasonArmNoVariance  stats.Reason = "arm_without_variance" // all users of an arm have the same value, so its error is unknown
	reasonSequenceStarts stats.Reason = "under_100_users"      // of an arm: too early for the always-valid interval
	reasonBeliefStarts   stats.Reason = "under_10_users"       // of an arm: the prior would speak louder than the data
	reasonMixed          stats.Reason = "mixed_currencies"     // the amounts cannot be added up
)

const (
	sequenceMinimum = 100 // users of an arm
	beliefMinimum   = 10  // users of an arm
	welchBelow      = 200 // degrees of freedom
)

// levels of every interval, two-sided; those of the interval beside a figure are the last one.
var levels = [...]float64{0.8, 0.9, 0.95}

const level = 0.95

// sideBySide is the number of rows from which metrics are worth a goroutine each.
const sideBySide = 16

// again copies rows, whose p values are corrected for the number of metrics apart.
func again(rows []Row) []Row {
	rows = slices.Clone(rows)
	for i := range rows {
		if e := rows[i].Effect; e != nil {
			copied := *e
			rows[i].Effect = &copied
		}
	}
	return rows
}

// same reports whether the samples are of the same persons, so that all that follows from them is the same too.
func same(a, b []sample) bool {
	return slices.EqualFunc(a, b, func(x, y sample) bool { return x.users == y.users && x.sums == y.sums })
}

// marker says that the always-valid interval excludes no effect, and on which side.
func (c *comparison) marker(sequential *[2]float64) string {
	up, down := Win, Harm
	if c.direction() == stats.LowerIsBetter {
		up, down = down, up
	}
	switch {
	case sequential == nil:
		return ""
	case sequential[0] > 0:
		return up
	case sequential[1] < 0:
		return down
	}
	return ""
}

func (s *sample) row(key string) Row {
	r := Row{Variant: key, Users: s.users, ConvertedUsers: s.converted, Denominator: s.under}
	if s.void {
		r.Reasons.note("sum", reasonMixed)
	} else {
		r.Sum = &s.sum
	}
	rate := stats.Undefined(stats.ReasonNoUsers)
	if s.users > 0 {
		rate = stats.Known(float64(s.converted) / float64(s.users))
	}
	r.ConversionRate = r.Reasons.number("conversion_rate", rate)
	r.Mean = r.Reasons.number("mean", s.mean)
	r.Variance = r.Reasons.number("variance", s.variance)
	return r
}

// number is n for JSON: null if it does not exist, with the reason noted under its name.
func (r *Reasons) number(name string, n stats.Number) *float64 {
	if n.OK {
		return &n.Value
	}
	r.note(name, n.Reason)
	return nil
}

// interval is the same of an interval.
func (r *Reasons) interval(name string, i stats.Interval) *[2]float64 {
	if i.OK {
		return &[2]float64{i.Low, i.High}
	}
	r.note(name, i.Reason)
	return nil
}

func (r *Reasons) note(name string, why stats.Reason) {
	if *r == nil {
		*r = Reasons{}
	}
	(*r)[name] = why
}
