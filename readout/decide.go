package readout

import (
	"fmt"
	"math"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

const (
	leastConverted = 10  // users, and as many who did not convert
	leastValued    = 100 // users with a value, where the metric is no proportion
)

// decide applies the rule of the definition, in the order of its statuses.
func (f *frame) decide(now canonical.Time, r *Readout) Decision {
	d := Decision{Status: EligibleForReview, Threshold: *f.def.Decision.Threshold, Blockers: []Blocker{}}
	d.RequiredProbability = f.required()
	primary := primaryOf(r)
	leader := leading(primary)
	if leader != nil {
		d.LeadingVariant = &leader.Variant
	}
	if r.Run == nil || r.Status == registry.Draft {
		d.Status = Draft
		d.block("draft", "The experiment has not started: start it, and exposures count from then on.")
		return d
	}
	for _, c := range r.Checks {
		if c.Status == Failed {
			d.Status = Unhealthy
			d.block(c.Check, c.Detail)
		}
	}
	if !f.declared {
		d.block("undeclared", "Nobody declared this experiment. Declare it with its variants, weights, control and primary metric to get a decision; what was counted so far stays.")
	}
	f.needUnits(&d)
	f.needDays(&d, now)
	if primary == nil {
		d.block("no_primary_metric", "No metric has the role primary, so nothing can be decided by it. Declare one.")
	} else {
		f.needConversions(&d, primary, leader)
		f.needProbability(&d, primary, leader)
		f.needSmallLoss(&d, primary, leader)
	}
	switch f.life.Status {
	case registry.Stopped:
		d.Status = Stopped
	case registry.EndedEarly:
		d.Status = EndedEarly
	case registry.Decided:
		d.Status = Decided
	default:
		if d.Status == EligibleForReview && len(d.Blockers) > 0 {
			d.Status = Collecting
		}
	}
	return d
}

func (d *Decision) block(blocker, detail string) {
	d.Blockers = append(d.Blockers, Blocker{Blocker: blocker, Detail: detail})
}

// needs notes a blocker whose detail has numbers.
func (d *Decision) needs(blocker, format string, args ...any) {
	d.block(blocker, fmt.Sprintf(format, args...))
}

func primaryOf(r *Readout) *Metric {
	for i := range r.Metrics {
		if r.Metrics[i].Role == registry.Primary {
			return &r.Metrics[i]
		}
	}
	return nil
}

// leading is the treatment most likely to beat the control, the first of equals; nil where no probability is known.
func leading(m *Metric) *Row {
	if m == nil {
		return nil
	}
	var best *Row
	for i := range m.Variants {
		row := &m.Variants[i]
		if row.Effect == nil || row.ProbabilityToBeatControl == nil {
			continue
		}
		if best == nil || *row.ProbabilityToBeatControl > *best.ProbabilityToBeatControl {
			best = row
		}
	}
	return best
}

// contestants is the number of treatments that get anybody, at least 1.
func (f *frame) contestants() int {
	n := 0
	for _, i := range f.treatments() {
		if f.arms[i].weight > 0 {
			n++
		}
	}
	return max(n, 1)
}

// required shares the threshold's chance of an error among the treatments (Bonferroni).
func (f *frame) required() float64 {
	threshold, k := *f.def.Decision.Threshold, f.contestants()
	if k == 1 {
		return threshold
	}
	return 1 - (1-threshold)/float64(k)
}

func (f *frame) needUnits(d *Decision) {
	least := *f.def.Decision.MinUnitsPerVariant
	var short []string
	for i, a := range f.arms {
		if n := f.users(i); n < least && (a.weight > 0 || i == f.control) {
			short = append(short, fmt.Sprintf("%s has %s", a.key, whole(n)))
		}
	}
	switch {
	case len(f.arms) < 2:
		d.needs("min_units_per_variant", "At least two variants with %s each are needed; %s seen so far.", users(least), many(int64(len(f.arms)), "variant was", "variants were"))
	case len(short) > 0:
		d.needs("min_units_per_variant", "At least %s per variant are needed: %s.", users(least), listed(short))
	}
}

// needDays counts from the day of the first exposure to the day of the watermark, or of the run's end, both UTC.
func (f *frame) needDays(d *Decision, now canonical.Time) {
	least := *f.def.Decision.MinDays
	first, _, ok := f.days()
	if !ok {
		if least > 0 {
			d.needs("min_days", "At least %s from the first exposure are needed; nobody who counts has been exposed yet.", days(least))
		}
		return
	}
	until := "by the newest event it is"
	if end := f.life.EndedAt; end != 0 && end <= now {
		now, until = end, "the run ended on"
	}
	today := max(dayOf(now), first)
	if passed := today - first; passed < least {
		d.needs("min_days", "At least %s from the first exposure are needed: it was on %s, and %s %s, %s later.",
			days(least), date(first), until, date(today), days(passed))
	}
}

func days(n int64) string { return many(n, "day", "days") }

// needConversions asks for enough of both outcomes, or for enough values, where the leader is compared; of everybody
// while there is no leader.
func (f *frame) needConversions(d *Decision, m *Metric, leader *Row) {
	var short []string
	for i, row := range m.Variants {
		if i != f.control && leader != nil && row.Variant != leader.Variant || i != f.control && f.arms[i].weight == 0 {
			continue
		}
		not := row.Users - row.ConvertedUsers
		both := row.ConvertedUsers >= leastConverted && not >= leastConverted
		if !both && (m.Type == registry.Proportion || row.ConvertedUsers < leastValued) {
			short = append(short, fmt.Sprintf("%s has %s and %s", row.Variant, whole(row.ConvertedUsers), whole(not)))
		}
	}
	if len(short) == 0 {
		return
	}
	or := ""
	if m.Type != registry.Proportion {
		or = fmt.Sprintf(", or %d who converted,", leastValued)
	}
	d.needs("min_conversions", "At least %d users who converted in %s and %d who did not%s are needed in the control and in the leading variant: %s.",
		leastConverted, m.Metric, leastConverted, or, listed(short))
}

func (f *frame) needProbability(d *Decision, m *Metric, leader *Row) {
	needed := probability(d.RequiredProbability)
	if k := f.contestants(); k > 1 {
		needed += fmt.Sprintf(" (the threshold %s shared among %d treatments)", probability(d.Threshold), k)
	}
	switch {
	case leader == nil:
		d.needs("threshold", "A probability to beat control of %s is needed in %s; none is known yet%s.", needed, m.Metric, whyNone(m))
	case *leader.ProbabilityToBeatControl < d.RequiredProbability:
		d.needs("threshold", "%s beats control in %s with a probability of %s; %s is needed.",
			leader.Variant, m.Metric, probability(*leader.ProbabilityToBeatControl), needed)
	}
}

// whyNone is the reason of the first missing probability.
func whyNone(m *Metric) string {
	for _, row := range m.Variants {
		if why, ok := row.Reasons["probability_to_beat_control"]; ok {
			return " (" + strings.ReplaceAll(string(why), "_", " ") + ")"
		}
	}
	return ""
}

func (f *frame) needSmallLoss(d *Decision, m *Metric, leader *Row) {
	limit := f.def.Decision.MaxExpectedLoss
	if limit == nil || leader == nil {
		return
	}
	control := m.Variants[f.control].Mean
	if leader.ExpectedLoss == nil || control == nil || *control == 0 {
		d.needs("max_expected_loss", "The expected loss of %s must be at most %s of the control's mean, which is not known or 0 yet.", leader.Variant, percent(*limit))
		return
	}
	if loss := *leader.ExpectedLoss / math.Abs(*control); loss > *limit {
		d.needs("max_expected_loss", "The expected loss of %s is %s of the control's mean; at most %s is allowed.", leader.Variant, percent(loss), percent(*limit))
	}
}

// dayOf is the number of whole days since 1970, UTC, as the aggregates count them.
func dayOf(t canonical.Time) int64 { return int64(t) / 86_400_000 }
