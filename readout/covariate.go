package readout

import (
	"math/big"
	"slices"

	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/registry"
	"github.com/tracklayer/tracklayer/stats"
)

// adjustmentOf accounts for what users did in the same metric before the exposure. It is nil if no user did anything, or if
// the metric is a quotient, whose two sides would need a history each.
func adjustmentOf(m *registry.Metric, samples []sample) *stats.Adjustment {
	if m.Type == registry.Mean || m.Type == registry.Ratio {
		return nil
	}
	if slices.ContainsFunc(samples, func(s sample) bool { return s.void }) {
		return nil
	}
	known := false
	arms := make([]stats.CovariateMoments, len(samples))
	for i := range samples {
		known = known || samples[i].sums.Before > 0
	}
	if !known {
		return nil
	}
	for i := range samples {
		arms[i] = covariateMoments(samples[i].users, &samples[i].sums, big.NewInt(scale(m.Field)))
	}
	a := stats.CUPED(arms)
	return &a
}

// covariateMoments are computed from exact integers, so that nothing cancels before it is rounded. One is the metric's
// unit in the units of the sums.
func covariateMoments(users int64, s *sums.Sums, one *big.Int) stats.CovariateMoments {
	if users == 0 {
		return stats.CovariateMoments{}
	}
	n, y, x := big.NewInt(users), s.Y.Big(), s.X.Big()
	m := stats.CovariateMoments{N: users, MeanY: quotient(y, product(n, one)), MeanX: quotient(x, product(n, one))}
	if users == 1 {
		return m
	}
	below := product(n, big.NewInt(users-1), one, one)
	about := func(products sums.Wide, a, b *big.Int) float64 {
		return quotient(new(big.Int).Sub(product(n, products.Big()), product(a, b)), below)
	}
	m.VarianceY, m.VarianceX, m.Covariance = about(s.YY, y, y), about(s.XX, x, x), about(s.XY, x, y)
	return m
}

// adjusted is the treatment against the control after the adjustment; nil without one.
func (c *comparison) adjusted(a *stats.Adjustment, control, treatment int) *Adjusted {
	if a == nil || !a.Theta.OK {
		return nil
	}
	moments := stats.CompareMoments(a.Arms[control], a.Arms[treatment])
	out := &Adjusted{Days: person.CovariateDays, Theta: a.Theta.Value, Lift: liftOf(moments)}
	out.ControlMean = out.Reasons.number("control_mean", a.Arms[control].Mean)
	out.Mean = out.Reasons.number("mean", a.Arms[treatment].Mean)
	raw, left := stats.CompareMoments(c.control.moments, c.treatment.moments).DiffSE(), moments.DiffSE()
	if raw.OK && left.OK && raw.Value > 0 {
		out.Reduction = 1 - left.Value*left.Value/(raw.Value*raw.Value)
	}
	again := comparison{
		metric:    &registry.Metric{Type: registry.Sum, Direction: c.metric.Direction, Prior: c.metric.Prior}, // a mean by now
		control:   &sample{users: c.control.users, mean: a.Arms[control].Mean, moments: a.Arms[control]},
		treatment: &sample{users: c.treatment.users, mean: a.Arms[treatment].Mean, moments: a.Arms[treatment]},
		planned:   c.planned,
	}
	b, fixed, valid := again.belief(moments), again.fixed(moments), again.alwaysValid(moments)
	out.ProbabilityToBeatControl = out.Reasons.number("probability_to_beat_control", b.probability)
	out.CredibleInterval = out.Reasons.interval("credible_interval", b.p95())
	out.PValue = out.Reasons.number("p_value", fixed.p)
	out.ConfidenceInterval = out.Reasons.interval("confidence_interval", fixed.p95())
	out.SequentialInterval = out.Reasons.interval("sequential_interval", valid.p95())
	return out
}
