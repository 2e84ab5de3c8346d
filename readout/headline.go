package readout

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/registry"
)

// headline writes one sentence to repeat: what is known, how surely, and what is not known.
type headline struct{ *decision }

// sentence is the headline.
func (d headline) sentence() string {
	switch d.Status {
	case Draft:
		return "Not started: nothing is measured yet."
	case EndedEarly:
		return fmt.Sprintf("Ended early (%s): do not trust these numbers.", d.life.EndedReason)
	case Unhealthy:
		return "Do not act on these numbers: " + d.failed() + "."
	}
	switch {
	case !d.declared:
		return "Nobody declared this experiment, so nothing can be decided; what was counted so far stays."
	case d.metric == nil:
		return "Nothing can be decided: no metric is the primary one."
	case d.smallest(d.basis) == 0:
		return d.tooEarly() + d.firstMatures()
	case d.Status == EligibleForReview:
		return fmt.Sprintf("%s; probability to beat %s %s; eligible for decision review.", d.finding(d.leader), d.def.Control, probability(*d.leader.ProbabilityToBeatControl))
	case d.EarlyStop == Harm:
		return d.harm()
	case len(d.harmed()) > 0:
		return fmt.Sprintf("A guardrail is harmed, by an interval that holds however often one looks: %s; consider ending it.", listed(d.harmed()))
	case !d.HorizonReached && markerOf(d.leader) == "":
		return d.tooEarly() + d.soFar()
	case d.leader == nil:
		return fmt.Sprintf("Nothing is known about %s yet%s.", d.metric.ID, whyNone(d.basis))
	}
	return d.missing()
}

// failed says what the failed checks found.
func (d headline) failed() string {
	var found []string
	for _, c := range d.readout.Checks {
		if c.Status != Failed {
			continue
		}
		switch c.Check {
		case "sample_ratio_mismatch":
			found = append(found, "the users are not divided as the weights say")
		case "sample_ratio_by_day":
			if len(found) > 0 { // of all users already
				continue
			}
			found = append(found, "the users of some day are not divided as the weights say")
		case "crossover":
			found = append(found, "too many users met several variants")
		default:
			found = append(found, "the check "+c.Check+" failed")
		}
	}
	return listed(found)
}

// tooEarly says how far the run is from its planned end.
func (d headline) tooEarly() string {
	passed, _ := d.since()
	said := "Too early to say"
	if !d.running() {
		said = "The run ended before its planned end"
	}
	return fmt.Sprintf("%s: %s of %s, %s of %s with a closed window in the smallest variant",
		said, whole(min(passed, d.rule.Days)), days(d.rule.Days), whole(min(d.smallest(d.basis), d.rule.UnitsPerVariant)), users(d.rule.UnitsPerVariant))
}

// firstMatures says when the first window closes, where that is still to come.
func (d headline) firstMatures() string {
	first, _, ok := d.days()
	if day := d.expected(matures(d.metric, first), ok); day != nil && matures(d.metric, first) > d.today() {
		return fmt.Sprintf("; the first windows (%s) have closed on %s.", windowWord(d.metric), *day)
	}
	return "."
}

// soFar says what the always-valid interval leaves open.
func (d headline) soFar() string {
	switch {
	case d.leader == nil || d.leader.SequentialInterval == nil:
		return ". What the effect is nobody can tell yet."
	default:
		return fmt.Sprintf(". So far %s; the always-valid interval leaves everything between %s open.", d.finding(d.leader), between(d.leader.SequentialInterval))
	}
}

// harm says who harms the primary metric.
func (d headline) harm() string {
	for i := range d.basis {
		if row := &d.basis[i]; markerOf(row) == Harm {
			return fmt.Sprintf("%s, which is worse, by an interval that holds however often one looks (%s): consider ending it.",
				d.finding(row), between(row.SequentialInterval))
		}
	}
	return ""
}

// missing says what the data show and what stands between them and a decision.
func (d headline) missing() string {
	text := fmt.Sprintf("%s; probability to beat %s %s", d.finding(d.leader), d.def.Control, probability(*d.leader.ProbabilityToBeatControl))
	if len(d.Blockers) == 0 { // a run that has ended
		return text + "."
	}
	b := d.Blockers[0]
	switch b.Blocker {
	case "threshold":
		return fmt.Sprintf("No clear effect: %s, and %s is needed.", text, probability(d.RequiredProbability))
	case "stability":
		if n := d.figures.Novelty; n != nil && n.drifts() {
			return text + ". Not decided yet: the effect changes with time, so that today's figure is not tomorrow's."
		}
	}
	return fmt.Sprintf("%s. Not decided yet: %s", text, lower(b.Detail))
}

// finding says what was measured, and claims a change only where the interval excludes none.
func (d headline) finding(row *Row) string {
	control := &d.basis[d.control]
	places := 0 // both with the digits of the smaller, so that they compare
	for _, mean := range [...]*float64{control.Mean, row.Mean} {
		if mean != nil {
			places = max(places, decimals(100**mean))
		}
	}
	of := func(r *Row) string { return d.amount(r.Mean, places) }
	span := ""
	if row.Lift.Relative != nil {
		span = " (" + signed(*row.Lift.Relative)
		if i := row.Intervals.Credible.P80; i != nil && excludesNone(i) && !excludesNone(row.CredibleInterval) { // the one that a threshold of 0.9 belongs to
			span += ", 80 % between " + between(i)
		}
		if row.CredibleInterval != nil {
			span += ", 95 % between " + between(row.CredibleInterval)
		}
		span += ")"
	}
	if i := row.CredibleInterval; excludesNone(i) {
		word := "raised"
		if i[1] < 0 {
			word = "lowered"
		}
		return fmt.Sprintf("%s %s %s from %s to %s%s", row.Variant, word, d.metric.ID, of(control), of(row), span)
	}
	return fmt.Sprintf("%s is %s in %s and %s in %s%s", d.metric.ID, of(row), row.Variant, of(control), control.Variant, span)
}

// excludesNone reports whether an interval of the lift excludes no effect.
func excludesNone(i *[2]float64) bool { return i != nil && (i[0] > 0 || i[1] < 0) }

// amount writes a mean of the primary metric.
func (d headline) amount(mean *float64, places int) string {
	switch {
	case mean == nil:
		return "an unknown mean"
	case d.metric.Type == registry.Proportion:
		return strconv.FormatFloat(100**mean, 'f', places, 64) + " %"
	default:
		return short(*mean)
	}
}

// signed writes a relative lift with its sign.
func signed(lift float64) string {
	return fmt.Sprintf("%+.*f %%", decimals(100*lift), 100*lift)
}

// decimals is how many a percentage needs so that small ones still say something.
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

func between(i *[2]float64) string { return signed(i[0]) + " and " + signed(i[1]) }

// lower makes a sentence part of another, unless it begins with a name.
func lower(s string) string {
	for _, word := range [...]string{"The ", "At ", "A ", "Nobody "} {
		if strings.HasPrefix(s, word) {
			return strings.ToLower(s[:1]) + s[1:]
		}
	}
	return s
}
