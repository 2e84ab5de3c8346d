package readout

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tracklayer/tracklayer/registry"
	"github.com/tracklayer/tracklayer/stats"
)

// Reasons of a null beside those of stats.
const (
	reasonNoConversions  stats.Reason = "no_conversions"       // in neither arm: only the prior would speak
	reasonAllConverted   stats.Reason = "all_converted"        // in both arms: the same
	reasonArmNoVariance  stats.Reason = "arm_without_variance" // everybody in an arm is alike, so its error is unknown
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

// metrics compares every metric in every treatment with the control. No metric depends on another, so that many of
// them are computed at once; the order is the definition's all the same.
func (f *frame) metrics() []Metric {
	all := make([]Metric, len(f.def.Metrics))
	if len(all)*len(f.arms) < sideBySide {
		for i := range all {
			all[i] = f.metric(&f.def.Metrics[i])
		}
	} else {
		f.metricsSideBySide(all)
	}
	adjust(all)
	return all
}

func (f *frame) metricsSideBySide(all []Metric) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(all)) {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(all)); i = next.Add(1) - 1 {
				all[i] = f.metric(&f.def.Metrics[i])
			}
		})
	}
	group.Wait()
}

func (f *frame) metric(m *registry.Metric) Metric {
	out := Metric{Metric: m.ID, Role: m.Role, Type: m.Type, Direction: m.Direction}
	if money, ok := f.money[m.ID]; ok {
		out.Currency, out.AmountsByCurrency = money.currency, money.amounts
	}
	all, closed := f.samples(m, everybody), maturedBy(m, f.now)
	out.Matured = &Matured{Through: f.dayShown(closed)}
	if matured := f.samples(m, closed); same(all, matured) {
		out.Variants = f.rows(m, all, true)
		out.Matured.Variants = again(out.Variants)
	} else {
		out.Variants, out.Matured.Variants = f.rows(m, all, false), f.rows(m, matured, true)
	}
	f.judge(&out, m)
	return out
}

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

// samples are a metric in every arm.
func (f *frame) samples(m *registry.Metric, s scope) []sample {
	all := make([]sample, len(f.arms))
	for i, a := range f.arms {
		all[i] = f.sample(m, f.came[i].through(s.through), s.sums(a, m, f.who()))
	}
	return all
}

// same reports whether the samples are of the same persons, so that all that follows from them is the same too.
func same(a, b []sample) bool {
	return slices.EqualFunc(a, b, func(x, y sample) bool { return x.users == y.users && x.sums == y.sums })
}

// dayShown is the last day of first exposure in a scope, as far as the run has come; nil: nobody is in it.
func (f *frame) dayShown(s scope) *string {
	first, last, ok := f.days()
	if !ok || s.through < first {
		return nil
	}
	text := date(min(s.through, max(dayOf(f.now), last)))
	return &text
}

// rows compare every treatment with the control. Of matured users they say as well whether the run may stop early.
func (f *frame) rows(m *registry.Metric, samples []sample, matured bool) []Row {
	rows := make([]Row, 0, len(f.arms))
	before := adjustmentOf(m, samples)
	for i, a := range f.arms {
		row := samples[i].row(a.key)
		if i != f.control { // where there are arms, one is the control
			c := comparison{metric: m, control: &samples[f.control], treatment: &samples[i], planned: float64(f.rule.SequentialUsers)}
			row.Effect = c.effect(&row)
			row.CovariateAdjusted = c.adjusted(before, f.control, i)
			if matured {
				row.EarlyStop = c.marker(row.SequentialInterval)
			}
		}
		rows = append(rows, row)
	}
	contest(m, samples, rows)
	return rows
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

// number is n for JSON: null where it does not exist, with the reason noted under its name.
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
