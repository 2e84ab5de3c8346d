package pages

import (
	"fmt"
	"html/template"
)

// definition is the meaning of a term on the pages.
type definition struct{ Key, Word, Text string }

// definitions are all terms that the pages explain in place.
var definitions = []definition{
	{"exposed", "Exposed users", "Users who were exposed to a variant and are counted: each once, in the first variant. Crossovers, users whose participation ended early, bots, and internal users are not counted, unless the readout says otherwise."},
	{"converted", "Converted users", "Exposed users with at least one counted conversion in this metric: after the exposure, within the attribution window, not a duplicate."},
	{"rate", "Rate", "Converted users divided by exposed users."},
	{"mean", "Mean", "The metric's total divided by exposed users; of a mean or a ratio metric, the total of the numerator divided by that of the denominator."},
	{"lift", "Lift", "The difference from the control, relative to the control's rate or mean."},
	{"absolute", "Absolute lift", "The difference from the control in the metric's own unit."},
	{"credible", "Credible interval", "Contains the true lift with 95% probability, given the data and the prior. Read it at the planned end."},
	{"confidence", "Confidence interval", "Covers the true lift in 95% of repetitions if the data are analyzed once, at the planned end."},
	{"sequential", "Always-valid interval", "A wider interval that covers the true lift in 95% of repetitions, however often it is read. Use it before the planned end."},
	{"beat", "Probability to beat control", "The probability, given the data and the prior, that the variant's true rate or mean is better than the control's."},
	{"best", "Probability to be best", "The probability that the variant is the best of all variants, including the control."},
	{"loss", "Expected loss", "The average cost of choosing this variant if it is in fact worse, in units of the metric."},
	{"pvalue", "p value", "The probability of a difference at least this large if there were none, for a single analysis."},
	{"density", "Posterior density", "How plausible each rate or mean is for each variant, given the data. The less two curves overlap, the clearer the difference."},
	{"matured", "Matured users", "Exposed users whose attribution window has closed, so their result is final. A decision is based on them alone."},
	{"watermark", "Watermark", "The latest receipt time among counted events. Maturity is judged by it, never by a clock."},
	{"threshold", "Required probability", "The posterior probability that the leading variant must reach: the rule's threshold, with the error probability shared among the treatments."},
	{"blockers", "Before you can decide", "Conditions that are not met yet, each with its next step."},
	{"plan", "Plan", "The stopping rule, frozen when the run started. Its hash proves that it was not changed after results were seen. A change starts a new plan, and earlier plans stay visible."},
	{"mde", "Detectable lift", "The smallest relative lift that the matured users can detect with a power of 80%, two-sided at 5%."},
	{"power", "Power reached", "The probability that the matured users show the planned lift if it is real."},
	{"daysleft", "Days left", "Days until the planned users and days are reached, at the pace of the last week."},
	{"crossover", "Crossover", "A user who was exposed to more than one variant of the run."},
	{"early", "Ended early", "Users whose participation was ended, for example by an incident. They are not counted in results; they are listed here by reason and day."},
	{"filtered", "Filtered", "Bots, by their user agents, and internal users, by your rules."},
	{"received", "Received", "All items received for this experiment. Each is in exactly one of the other columns."},
	{"accepted", "Accepted", "Distinct events, each counted once."},
	{"redelivered", "Redelivered", "The same event sent again, for example by a retry. It changes nothing."},
	{"conflict", "Conflict", "A different body with a known event id. Only one of them counts, always the same one; the others are listed here."},
	{"erased", "Erased", "Events of users who were erased on request."},
	{"rejected", "Rejected", "Items that could not be counted as events. Each is stored as a dead letter with its request."},
	{"ignored", "Ignored", "Items that are not meant to count, such as page views or evaluations outside an experiment. The reason names the rule; the text after the colon comes from the sender."},
	{"srm", "Sample ratio mismatch", "The users are not split as the weights require. This is very unlikely by chance, so something is broken."},
	{"marker", "Early-stop marker", "Set if the always-valid interval excludes no effect: win in the better direction, harm in the worse one."},
	{"novelty", "Novelty", "An effect that changes with the time since the first exposure, for example because users are curious at first, or need to learn."},
	{"letter", "Dead letter", "A request that could not be decoded completely, stored so that it can be replayed."},
	{"population", "Population", "Which users are shown: all exposed users, or only matured ones."},
	{"policy", "Crossover policy", "How users who were exposed to several variants are treated: excluded, or counted in their first variant."},
	{"revision", "Revision", "A change of the definition. All revisions are stored, with author and time."},
	{"primary", "Primary metric", "The one metric that decides. Secondary metrics inform; guardrails must not get worse."},
}

var defined = func() map[string]definition {
	m := map[string]definition{}
	for _, d := range definitions {
		m[d.Key] = d
	}
	return m
}()

// term is a button that opens the definition of a term. Its text is shown, if given.
func term(key string, shown ...string) (template.HTML, error) {
	d, ok := defined[key]
	if !ok {
		return "", fmt.Errorf("the word %q is not defined", key)
	}
	text := d.Word
	if len(shown) > 0 {
		text = shown[0]
	}
	return template.HTML(`<button type="button" class="term" popovertarget="def-` + key + `">` + template.HTMLEscapeString(text) + `</button>`), nil // escaped, and keys are ours
}
