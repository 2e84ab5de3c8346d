package readout

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/tracklayer/tracklayer/registry"
	"github.com/tracklayer/tracklayer/stats"
)

// metrics compares every metric in every treatment with the control. No metric depends on another, so that many of
// them are computed at once; the order is the definition's all the same.
func (f *measured) metrics() []Metric {
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

func (f *measured) metricsSideBySide(all []Metric) {
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

func (f *measured) metric(m *registry.Metric) Metric {
	out := Metric{Metric: m.ID, Role: m.Role, Type: m.Type, Direction: m.Direction}
	if money, ok := f.money[m.ID]; ok {
		out.Currency, out.AmountsByCurrency = money.currency, money.amounts
	}
	all, closed := f.samples(m, allCounted), maturedBy(m, f.now)
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

// samples are a metric in every arm.
func (f *measured) samples(m *registry.Metric, s scope) []sample {
	all := make([]sample, len(f.arms))
	for i, a := range f.arms {
		all[i] = f.sample(m, f.came[i].through(s.through), s.sums(a, m, f.who()))
	}
	return all
}

// dayShown is the last day of first exposure in a scope, as far as the run has come; nil: it has no users.
func (f *measured) dayShown(s scope) *string {
	first, last, ok := f.days()
	if !ok || s.through < first {
		return nil
	}
	text := date(min(s.through, max(dayOf(f.now), last)))
	return &text
}

// rows compare every treatment with the control. Of matured users they say as well whether the run may stop early.
func (f *measured) rows(m *registry.Metric, samples []sample, matured bool) []Row {
	rows := make([]Row, 0, len(f.arms))
	before := adjustmentOf(m, samples)
	for i, a := range f.arms {
		row := samples[i].row(a.key)
		if i != f.control { // there is a control if there are arms
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

// judge adds to the primary metric what is asked of it alone.
func (f *measured) judge(out *Metric, m *registry.Metric) {
	if m.Role != registry.Primary || f.control < 0 {
		return
	}
	rows := out.Matured.Variants
	out.Power = f.power(m, rows)
	if leader := leading(rows); leader != nil {
		out.Novelty = f.novelty(m, f.index(leader.Variant), rows, out.Power.MinimumDetectableEffect)
	}
}

// otherEffects add the treatments' lift and probability to the headline under the other policy.
func (f *measured) otherEffects(o *OtherPolicy, m *registry.Metric, samples []sample) {
	for _, i := range f.treatments() {
		c := comparison{metric: m, control: &samples[f.control], treatment: &samples[i], planned: float64(f.rule.SequentialUsers)}
		moments := stats.CompareMoments(c.control.moments, c.treatment.moments)
		var none Reasons
		o.Variants[i].RelativeLift = none.number("", moments.Lift())
		o.Variants[i].ProbabilityToBeatControl = none.number("", c.belief(moments).probability)
	}
}

func (f *measured) otherPolicy() OtherPolicy {
	other := registry.FirstExposure
	if f.keepsCrossovers() {
		other = registry.Exclude
	}
	o := OtherPolicy{CrossoverPolicy: string(other), Variants: make([]Headline, 0, len(f.arms))}
	primary, who := f.primary(), f.whoUnder(other)
	samples := make([]sample, 0, len(f.arms))
	mixed := primary != nil && f.moneyOf(primary, who).mixed()
	for _, a := range f.arms {
		h := Headline{Variant: a.key, ExposedUsers: a.users(who)}
		if primary != nil {
			one := sampleOf(primary, h.ExposedUsers, a.Metrics[primary.ID].Merged(who))
			if mixed {
				one.blank(reasonMixed)
			}
			h.ConvertedUsers = &one.converted
			samples = append(samples, one)
		}
		o.Variants = append(o.Variants, h)
	}
	if primary != nil && f.control >= 0 {
		f.otherEffects(&o, primary, samples)
	}
	return o
}
