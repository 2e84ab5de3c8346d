package readout

import (
	"math"
	"slices"

	"github.com/tracklayer/tracklayer/registry"
	"github.com/tracklayer/tracklayer/stats"
)

// comparison is one treatment against the control in one metric.
type comparison struct {
	metric             *registry.Metric
	control, treatment *sample
	planned            float64 // users of both arms that the always-valid interval is tuned for
}

func (c *comparison) direction() stats.Direction {
	if c.metric.Direction == "decrease" {
		return stats.LowerIsBetter
	}
	return stats.HigherIsBetter
}

func (c *comparison) effect(row *Row) *Effect {
	moments := stats.CompareMoments(c.control.moments, c.treatment.moments)
	e := &Effect{Lift: liftOf(moments)}

	b := c.belief(moments)
	e.ProbabilityToBeatControl = row.Reasons.number("probability_to_beat_control", b.probability)
	e.Intervals.Credible, e.CredibleInterval = row.levelled("credible_interval", b.spans)
	e.ExpectedLoss = row.Reasons.number("expected_loss", b.loss)

	fixed := c.fixed(moments)
	e.PValue = row.Reasons.number("p_value", fixed.p)
	e.Intervals.Confidence, e.ConfidenceInterval = row.levelled("confidence_interval", fixed.spans)

	valid := c.alwaysValid(moments)
	e.Intervals.Sequential, e.SequentialInterval = row.levelled("sequential_interval", valid.spans)
	e.SequentialPValue = row.Reasons.number("sequential_p_value", valid.p)
	return e
}

func liftOf(moments stats.Comparison) (l Lift) {
	l.Relative = l.Reasons.number("relative", moments.Lift())
	l.Absolute = l.Reasons.number("absolute", moments.Diff())
	return l
}

// atLevels are the intervals of the relative lift at some levels.
type atLevels func(levels ...float64) []stats.Interval

func never(why stats.Reason) atLevels {
	return func(levels ...float64) []stats.Interval {
		return slices.Repeat([]stats.Interval{{Reason: why}}, len(levels))
	}
}

// p95 is the last of the levels. It is computed with the others, of which it is a part to the last bit.
func (s atLevels) p95() stats.Interval { return s(levels[:]...)[len(levels)-1] }

func (b belief) p95() stats.Interval { return b.spans.p95() }

func (v verdict) p95() stats.Interval { return v.spans.p95() }

// levelled are an interval at all levels, and the one at 95%, whose reason is noted if it does not exist.
func (r *Row) levelled(name string, at atLevels) (l Levels, p95 *[2]float64) {
	all := at(levels[:]...)
	p95 = r.Reasons.interval(name, all[2])
	var none Reasons
	return Levels{none.interval("", all[0]), none.interval("", all[1]), p95}, p95
}

// belief is the Bayesian side of a comparison.
type belief struct {
	probability, loss stats.Number
	spans             atLevels
}

func noBelief(why stats.Reason) belief {
	return belief{stats.Undefined(why), stats.Undefined(why), never(why)}
}

// belief is the posterior. It requires data, because a result of the prior alone must not be reported.
func (c *comparison) belief(moments stats.Comparison) belief {
	if why := c.silent(); why != "" {
		return noBelief(why)
	}
	if c.metric.Prior != nil {
		return c.sceptical(moments)
	}
	if c.metric.Type == registry.Proportion {
		return c.betaBelief()
	}
	posterior := moments.Posterior()
	return belief{posterior.ProbBeat(c.direction()), posterior.Losses(c.direction()).Treatment, fieller(moments, stats.ZCritical)}
}

// silent is why the data say nothing of the effect, or nothing.
func (c *comparison) silent() stats.Reason {
	control, treatment := c.control, c.treatment
	switch n := c.users(); {
	case n == 0:
		return stats.ReasonNoUsers
	case n < beliefMinimum:
		return reasonBeliefStarts
	case c.metric.Type != registry.Proportion || c.metric.Prior != nil:
		return c.unlike()
	case control.converted+treatment.converted == 0:
		return reasonNoConversions
	case control.converted == control.users && treatment.converted == treatment.users:
		return reasonAllConverted
	}
	return ""
}

// betaBelief is exact, with flat priors.
func (c *comparison) betaBelief() belief {
	beta := stats.CompareBeta(c.control.posterior(), c.treatment.posterior())
	b := belief{beta.ProbBeat(c.direction()), beta.Losses(c.direction()).Treatment, never(stats.ReasonControlMeanZero)}
	if c.control.converted > 0 {
		b.spans = beta.LiftIntervals
	}
	return b
}

// sceptical is the belief under the metric's own prior on the relative lift.
func (c *comparison) sceptical(moments stats.Comparison) belief {
	lift, se := moments.Lift(), moments.LiftSE()
	switch {
	case !lift.OK:
		return noBelief(lift.Reason)
	case !se.OK:
		return noBelief(se.Reason)
	}
	prior := stats.NormalPrior{Mean: c.metric.Prior.Mean, SD: c.metric.Prior.SD}
	posterior := stats.NewNormalPosterior(lift.Value, se.Value, &prior)
	loss := posterior.Losses(c.direction()).Treatment
	if loss.OK { // of a share of the control's mean
		loss = stats.Known(loss.Value * math.Abs(c.control.mean.Value))
	}
	return belief{posterior.ProbBeat(c.direction()), loss, each(posterior.Interval)}
}

// posterior is tabulated once for all comparisons of the arm.
func (s *sample) posterior() *stats.BetaPosterior {
	if s.beta == nil {
		s.beta = stats.NewBetaPosterior(1+float64(s.converted), 1+float64(s.users-s.converted))
	}
	return s.beta
}

// unlike is the reason why the normal approximation does not apply, "" if it does: an arm without variance would count
// as known for certain.
func (c *comparison) unlike() stats.Reason {
	for _, s := range [...]*sample{c.control, c.treatment} {
		if v := s.moments.Variance; v.OK && v.Value == 0 {
			return reasonArmNoVariance
		}
	}
	return ""
}

// verdict is a test of no difference, and the intervals that agree with it.
type verdict struct {
	p     stats.Number
	spans atLevels
}

func noVerdict(why stats.Reason) verdict { return verdict{stats.Undefined(why), never(why)} }

// fieller takes Fieller's interval throughout, so that no interval contradicts its test.
func fieller(moments stats.Comparison, critical func(level float64) stats.Number) atLevels {
	return each(func(level float64) stats.Interval { return moments.Fieller(critical(level)).Lift })
}

func each(at func(level float64) stats.Interval) atLevels {
	return func(levels ...float64) []stats.Interval {
		all := make([]stats.Interval, 0, len(levels))
		for _, l := range levels {
			all = append(all, at(l))
		}
		return all
	}
}

// fixed is the test of a single look: by z, or for the means of small samples by Welch's t.
func (c *comparison) fixed(moments stats.Comparison) verdict {
	if why := c.unlike(); why != "" && c.users() > 0 {
		return noVerdict(why)
	}
	if df := moments.WelchDF(); c.metric.Type != registry.Proportion && df.OK && df.Value < welchBelow {
		return verdict{moments.WelchP(), fieller(moments, moments.WelchCritical)}
	}
	return verdict{moments.P(), fieller(moments, stats.ZCritical)}
}

// users is the size of the smaller arm.
func (c *comparison) users() int64 { return min(c.control.users, c.treatment.users) }

// alwaysValid is the test of any number of looks.
func (c *comparison) alwaysValid(moments stats.Comparison) verdict {
	switch n := c.users(); {
	case n == 0:
		return noVerdict(stats.ReasonNoUsers)
	case n < sequenceMinimum:
		return noVerdict(reasonSequenceStarts)
	}
	if why := c.unlike(); why != "" {
		return noVerdict(why)
	}
	return alwaysValid(moments, c.planned, float64(c.control.users+c.treatment.users))
}

// alwaysValid is planned for a number of users and has seen n, of both arms together.
func alwaysValid(moments stats.Comparison, planned, n float64) verdict {
	sequence := stats.NewConfidenceSequence(1-level, planned, stats.TwoSided)
	diff, se := moments.Diff(), moments.DiffSE()
	v := verdict{spans: fieller(moments, func(level float64) stats.Number { return sequenceAt(level, planned).Multiplier(n) })}
	switch {
	case !diff.OK:
		v.p = stats.Undefined(diff.Reason)
	case !se.OK:
		v.p = stats.Undefined(se.Reason)
	default:
		v.p = sequence.P(diff.Value, se.Value, n)
	}
	return v
}

// sequenceAt is the sequence at another level with the mixture of the one at 95%, so that the intervals at all levels
// exclude no effect exactly when its p value is below what they leave out.
func sequenceAt(l, planned float64) stats.ConfidenceSequence {
	if l == level {
		return stats.NewConfidenceSequence(1-level, planned, stats.TwoSided)
	}
	tuning := func(level float64) float64 { x := -2 * math.Log(1-level); return x + math.Log1p(x) }
	return stats.NewConfidenceSequence(1-l, planned*tuning(l)/tuning(level), stats.TwoSided)
}
