package readout

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/registry"
)

// headline writes the summary of a decision: what is known, how certain it is, and what is not known.
type headline struct{ *decision }

// sentence is the headline.
func (d headline) sentence() string {
	switch d.Status {
	case Draft:
		return "Not started yet. No data is counted."
	case EndedEarly:
		return fmt.Sprintf("Marked invalid: %s. Do not use these results.", d.life.EndedReason)
	case Unhealthy:
		return d.failed()
	}
	switch {
	case !d.declared:
		return "Not set up yet. Data is being counted; add a primary metric and a plan to get a decision."
	case d.metric == nil:
		return "No decision is possible: no metric is the primary one."
	case d.smallest(d.basis) == 0:
		return d.progressed() + d.firstMatures()
	case d.Status == EligibleForReview:
		return d.finding(d.leader) + ". " + d.chance() + ". Ready for a decision."
	case d.EarlyStop == Harm:
		return d.harm()
	case len(d.harmed()) > 0:
		return fmt.Sprintf("A guardrail is harmed (always-valid interval): %s. Consider ending the experiment.", listed(d.harmed()))
	case !d.HorizonReached && markerOf(d.leader) == "":
		return d.progressed() + d.soFar() + d.earliest()
	case d.leader == nil:
		return fmt.Sprintf("The effect on %s cannot be estimated yet%s.", d.metric.ID, whyNone(d.basis))
	}
	return d.missing()
}

// failed reports the failed checks, and the split if it does not fit the weights.
func (d headline) failed() string {
	var found []string
	split := ""
	for _, c := range d.readout.Checks {
		if c.Status != Failed {
			continue
		}
		switch c.Check {
		case "sample_ratio_mismatch":
			found = append(found, "sample ratio mismatch")
			split = splitShares(c.Split, c.PValue)
		case "sample_ratio_by_day":
			if len(found) > 0 { // of all users already
				continue
			}
			found = append(found, "sample ratio mismatch on "+*c.WorstDay)
		case "crossover":
			found = append(found, "too many users were exposed to several variants")
		default:
			found = append(found, "the check "+c.Check+" failed")
		}
	}
	text := listed(found)
	return strings.ToUpper(text[:1]) + text[1:] + ": do not use these results." + split
}

// splitShares writes the expected and the observed split in percent, with the p value of a chi-square test if there is
// one.
func splitShares(all []Split, p *float64) string {
	var total int64
	for _, s := range all {
		if s.Weight == 0 && s.Users > 0 {
			return fmt.Sprintf(" %s got %s although its weight is 0.", s.Variant, many(s.Users, "user", "users"))
		}
		total += s.Users
	}
	if total == 0 {
		return ""
	}
	var expected, got []string
	for _, s := range all {
		if s.Expected == nil {
			return ""
		}
		expected = append(expected, short(100**s.Expected/float64(total)))
		got = append(got, short(float64(100*s.Users)/float64(total)))
	}
	test := ""
	if p != nil {
		test = " (p " + belowOr(*p) + ")"
	}
	return fmt.Sprintf(" Expected %s, got %s%s.", strings.Join(expected, "/"), strings.Join(got, "/"), test)
}

// belowOr writes a p value with its relation sign; small ones are all written alike.
func belowOr(p float64) string {
	if p < 0.0001 {
		return "< 0.0001"
	}
	return "= " + short(p)
}

// progressed says how far the run is from its planned end.
func (d headline) progressed() string {
	passed, _ := d.since()
	state := "Still running"
	if !d.running() {
		state = "Ended before its planned end"
	}
	text := fmt.Sprintf("%s: day %s of %s", state, whole(min(passed, d.rule.Days)), whole(d.rule.Days))
	if n := d.smallest(d.basis); n < d.rule.UnitsPerVariant {
		text += fmt.Sprintf(", %s of %s in the smallest variant", whole(n), many(d.rule.UnitsPerVariant, "matured user", "matured users"))
	}
	return text + "."
}

// firstMatures says when the first window closes, if that is still to come.
func (d headline) firstMatures() string {
	first, _, ok := d.days()
	if day := d.expected(matures(d.metric, first), ok); day != nil && matures(d.metric, first) > d.today() {
		return fmt.Sprintf(" The first windows (%s) close by %s.", windowWord(d.metric), shortDate(*day))
	}
	return ""
}

// soFar says which way the leading variant differs from the control, with the always-valid interval.
func (d headline) soFar() string {
	row := d.leader
	if row == nil || row.SequentialInterval == nil || row.Lift.Relative == nil {
		return " The effect cannot be estimated yet."
	}
	place := "ahead"
	if row.ProbabilityToBeatControl != nil && *row.ProbabilityToBeatControl < 0.5 {
		place = "behind"
	}
	return fmt.Sprintf(" %s is %s, %s (always-valid %s).", row.Variant, place, signed(*row.Lift.Relative), span(row.SequentialInterval))
}

// earliest says on which day the planned users and days are expected, if all of them are.
func (d headline) earliest() string {
	last := ""
	for _, b := range d.Blockers {
		if b.Blocker != "min_units_per_variant" && b.Blocker != "min_days" {
			continue
		}
		if b.Expected == nil {
			return ""
		}
		last = max(last, *b.Expected)
	}
	if last == "" {
		return ""
	}
	return " Earliest decision " + shortDate(last) + "."
}

// chance writes the leading variant's probability to beat the control.
func (d headline) chance() string {
	return fmt.Sprintf("Chance to beat %s %s", d.def.Control, likelihood(*d.leader.ProbabilityToBeatControl))
}

// harm says which variant harms the primary metric.
func (d headline) harm() string {
	for i := range d.basis {
		if row := &d.basis[i]; markerOf(row) == Harm {
			return fmt.Sprintf("%s. This is worse: the always-valid interval (%s) excludes no effect. Consider ending the experiment.",
				d.finding(row), span(row.SequentialInterval))
		}
	}
	return ""
}

// missing says what the data show, and what is needed before a decision.
func (d headline) missing() string {
	text := d.finding(d.leader) + ". " + d.chance()
	if len(d.Blockers) == 0 { // a run that has ended
		return text + "."
	}
	b := d.Blockers[0]
	switch b.Blocker {
	case "threshold":
		return fmt.Sprintf("No clear effect: %s; %s is needed.", text, likelihood(d.RequiredProbability))
	case "stability":
		if n := d.figures.Novelty; n != nil && n.drifts() {
			return text + ". Not ready for a decision: the effect changes over time."
		}
	}
	return fmt.Sprintf("%s. Not ready for a decision: %s", text, lower(b.Detail))
}

// finding says what was measured. It claims a change only if the interval excludes no effect.
func (d headline) finding(row *Row) string {
	control := &d.basis[d.control]
	places := 0 // both with the digits of the smaller, so that they compare
	for _, mean := range [...]*float64{control.Mean, row.Mean} {
		if mean != nil {
			places = max(places, decimals(100**mean))
		}
	}
	of := func(r *Row) string { return d.amount(r.Mean, places) }
	lift := ""
	if row.Lift.Relative != nil {
		lift = ": " + signed(*row.Lift.Relative)
		var intervals []string
		if i := row.Intervals.Credible.P80; i != nil && excludesNone(i) && !excludesNone(row.CredibleInterval) { // the one that a threshold of 0.9 belongs to
			intervals = append(intervals, "80% interval "+span(i))
		}
		if row.CredibleInterval != nil {
			intervals = append(intervals, "95% interval "+span(row.CredibleInterval))
		}
		if len(intervals) > 0 {
			lift += " (" + strings.Join(intervals, ", ") + ")"
		}
	}
	if i := row.CredibleInterval; excludesNone(i) {
		word := "increased"
		if i[1] < 0 {
			word = "decreased"
		}
		return fmt.Sprintf("%s %s %s from %s to %s%s", row.Variant, word, d.metric.ID, of(control), of(row), lift)
	}
	return fmt.Sprintf("%s is %s in %s and %s in %s%s", d.metric.ID, of(row), row.Variant, of(control), control.Variant, lift)
}

// excludesNone reports whether an interval of the lift excludes no effect.
func excludesNone(i *[2]float64) bool { return i != nil && (i[0] > 0 || i[1] < 0) }

// amount writes a mean of the primary metric.
func (d headline) amount(mean *float64, places int) string {
	switch {
	case mean == nil:
		return "an unknown mean"
	case d.metric.Type == registry.Proportion:
		return strconv.FormatFloat(100**mean, 'f', places, 64) + "%"
	default:
		return short(*mean)
	}
}

// signed writes a relative lift with its sign.
func signed(lift float64) string {
	return fmt.Sprintf("%+.*f%%", decimals(100*lift), 100*lift)
}

// decimals is the number of digits after the point for a percentage, so that small ones are not rounded to 0.
func decimals(percentage float64) int {
	switch a := math.Abs(percentage); {
	case a >= 1000 || a == 0:
		return 0
	case a >= 1:
		return 1
	default:
		return 3
	}
}

// span writes an interval of the relative lift.
func span(i *[2]float64) string { return signed(i[0]) + " to " + signed(i[1]) }

// lower makes a sentence part of another, unless it begins with a name.
func lower(s string) string {
	for _, word := range [...]string{"The ", "At ", "A ", "No "} {
		if strings.HasPrefix(s, word) {
			return strings.ToLower(s[:1]) + s[1:]
		}
	}
	return s
}
