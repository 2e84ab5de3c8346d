package readout

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/registry"
	"github.com/tracklayer/tracklayer/stats"
)

// Reasons of a null beside those of stats.
const (
	reasonNoConversions  stats.Reason = "no_conversions"       // in neither arm: only the prior would speak
	reasonAllConverted   stats.Reason = "all_converted"        // in both arms: the same
	reasonArmNoVariance  stats.Reason = "arm_without_variance" // everybody in an arm is alike, so its error is unknown
	reasonSequenceStarts stats.Reason = "under_100_users"      // of an arm: too early for the always-valid interval
)

const (
	level           = 0.95 // of every interval
	sequenceMinimum = 100  // users of an arm
	sequencePlan    = 2000 // users of both arms, at least
	welchBelow      = 200  // degrees of freedom
)

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
		return all
	}
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
	return all
}

func (f *frame) metric(m *registry.Metric) Metric {
	out := Metric{Metric: m.ID, Role: m.Role, Type: m.Type, Direction: m.Direction, Variants: make([]Row, 0, len(f.arms))}
	samples := make([]sample, len(f.arms))
	for i, a := range f.arms {
		samples[i] = sampleOf(m, f.users(i), f.sums(a, m))
	}
	for i, a := range f.arms {
		row := samples[i].row(a.key)
		if i != f.control { // where there are arms, one is the control
			c := comparison{metric: m, control: &samples[f.control], treatment: &samples[i], planned: f.planned()}
			row.Effect = c.effect(&row)
		}
		out.Variants = append(out.Variants, row)
	}
	return out
}

func (f *frame) sums(a arm, m *registry.Metric) core.Moments {
	return a.Metrics[m.ID].Merged(f.who()).Moments
}

// planned is what the always-valid interval is tuned for: the users of two arms at the decision's minimum.
func (f *frame) planned() float64 {
	return math.Max(sequencePlan, 2*float64(*f.def.Decision.MinUnitsPerVariant))
}

func (s *sample) row(key string) Row {
	r := Row{Variant: key, Users: s.users, ConvertedUsers: s.converted, Sum: s.sum, Denominator: s.under}
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

// comparison is one treatment against the control in one metric.
type comparison struct {
	metric             *registry.Metric
	control, treatment *sample
	planned            float64
}

func (c *comparison) direction() stats.Direction {
	if c.metric.Direction == "decrease" {
		return stats.LowerIsBetter
	}
	return stats.HigherIsBetter
}

func (c *comparison) effect(row *Row) *Effect {
	moments := stats.CompareMoments(c.control.moments, c.treatment.moments)
	e := &Effect{}
	e.Lift.Relative = e.Lift.Reasons.number("relative", moments.Lift())
	e.Lift.Absolute = e.Lift.Reasons.number("absolute", moments.Diff())

	b := c.belief(moments)
	e.ProbabilityToBeatControl = row.Reasons.number("probability_to_beat_control", b.probability)
	e.CredibleInterval = row.Reasons.interval("credible_interval", b.lift)
	e.ExpectedLoss = row.Reasons.number("expected_loss", b.loss)

	t := c.test(moments)
	e.PValue = row.Reasons.number("p_value", t.p)
	e.ConfidenceInterval = row.Reasons.interval("confidence_interval", t.fixed)
	e.SequentialInterval = row.Reasons.interval("sequential_interval", t.sequential)
	return e
}

// belief is the Bayesian side of a comparison.
type belief struct {
	probability, loss stats.Number
	lift              stats.Interval
}

func noBelief(why stats.Reason) belief {
	return belief{stats.Undefined(why), stats.Undefined(why), stats.Interval{Reason: why}}
}

func (c *comparison) belief(moments stats.Comparison) belief {
	if c.metric.Type == registry.Proportion {
		return c.betaBelief()
	}
	if why := c.unlike(); why != "" {
		return noBelief(why)
	}
	posterior := moments.Posterior()
	return belief{
		posterior.ProbBeat(c.direction()), posterior.Losses(c.direction()).Treatment,
		moments.Fieller(zCritical).Lift,
	}
}

// betaBelief is exact, with flat priors. Where the data says nothing, the priors must not speak for it.
func (c *comparison) betaBelief() belief {
	control, treatment := c.control, c.treatment
	switch {
	case control.users == 0 || treatment.users == 0:
		return noBelief(stats.ReasonNoUsers)
	case control.converted+treatment.converted == 0:
		return noBelief(reasonNoConversions)
	case control.converted == control.users && treatment.converted == treatment.users:
		return noBelief(reasonAllConverted)
	}
	beta := stats.CompareBeta(control.posterior(), treatment.posterior())
	b := belief{
		probability: beta.ProbBeat(c.direction()), loss: beta.Losses(c.direction()).Treatment,
		lift: stats.Interval{Reason: stats.ReasonControlMeanZero},
	}
	if control.converted > 0 {
		b.lift = beta.LiftInterval(level)
	}
	return b
}

// posterior is tabulated once for all comparisons of the arm.
func (s *sample) posterior() *stats.BetaPosterior {
	if s.beta == nil {
		s.beta = stats.NewBetaPosterior(1+float64(s.converted), 1+float64(s.users-s.converted))
	}
	return s.beta
}

// unlike is why the normal approximation has nothing to say, or nothing: an arm in which everybody is alike would
// count as known for certain.
func (c *comparison) unlike() stats.Reason {
	for _, s := range [...]*sample{c.control, c.treatment} {
		if v := s.moments.Variance; v.OK && v.Value == 0 {
			return reasonArmNoVariance
		}
	}
	return ""
}

// verdict is the frequentist side of a comparison.
type verdict struct {
	p                 stats.Number
	fixed, sequential stats.Interval
}

var zCritical = stats.ZCritical(level)

// test takes Fieller's interval throughout, so that no interval contradicts its test: by z, or for the means of small
// samples by Welch's t.
func (c *comparison) test(moments stats.Comparison) verdict {
	if why := c.unlike(); why != "" && c.users() > 0 {
		none := stats.Interval{Reason: why}
		return verdict{stats.Undefined(why), none, none}
	}
	critical, p := zCritical, moments.P()
	if df := moments.WelchDF(); c.metric.Type != registry.Proportion && df.OK && df.Value < welchBelow {
		critical, p = moments.WelchCritical(level), moments.WelchP()
	}
	return verdict{p, moments.Fieller(critical).Lift, c.sequential(moments)}
}

// users is the size of the smaller arm.
func (c *comparison) users() int64 { return min(c.control.users, c.treatment.users) }

func (c *comparison) sequential(moments stats.Comparison) stats.Interval {
	switch n := c.users(); {
	case n == 0:
		return stats.Interval{Reason: stats.ReasonNoUsers}
	case n < sequenceMinimum:
		return stats.Interval{Reason: reasonSequenceStarts}
	}
	sequence := stats.NewConfidenceSequence(1-level, c.planned, stats.TwoSided)
	return moments.Fieller(sequence.Multiplier(float64(c.control.users + c.treatment.users))).Lift
}
