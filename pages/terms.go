package pages

import (
	"fmt"
	"html/template"
)

// definition is what a word on the pages means.
type definition struct{ Key, Word, Text string }

// definitions are all words that are explained where they stand.
var definitions = []definition{
	{"exposed", "Exposed users", "Persons who met a variant and are counted: each once, in the variant met first. Crossovers, early ends, bots and internal users are left out, unless the readout says otherwise."},
	{"converted", "Converted users", "Exposed users with at least one counted conversion in this metric: after the exposure, within the attribution window, no duplicate."},
	{"rate", "Rate", "Converted users divided by exposed users."},
	{"mean", "Mean", "The metric's total divided by exposed users; of a mean or a ratio metric, the total of the numerator divided by that of the denominator."},
	{"lift", "Lift", "The difference to the control, as a share of the control's rate or mean."},
	{"absolute", "Absolute lift", "The difference to the control in the metric's own unit."},
	{"credible", "Credible interval", "Where the true lift lies with 95 % probability, given these data and the prior. Read it at the planned end."},
	{"confidence", "Confidence interval", "A range that covers the true lift in 95 % of repetitions, if the data are looked at once, at the planned end."},
	{"sequential", "Always-valid interval", "A wider range that covers the true lift in 95 % of repetitions however often somebody looks. Before the planned end it is the one to act on."},
	{"beat", "Probability to beat control", "How likely it is, given these data and the prior, that the variant's true rate or mean is better than the control's."},
	{"best", "Probability to be best", "How likely it is that the variant is the best of all, the control among them."},
	{"loss", "Expected loss", "What choosing this variant would cost on average, in units of the metric, counting the cases in which it is the worse one."},
	{"pvalue", "p value", "How often a difference at least as large would appear if there were none, looked at once."},
	{"density", "Posterior density", "How plausible each rate or mean is for each variant, given the data. The less two hills overlap, the surer the difference."},
	{"matured", "Matured users", "Exposed users whose attribution window has closed, so that nothing about them can still change. A decision rests on them alone."},
	{"watermark", "Watermark", "The newest time of receipt that was counted. What has matured is judged by it, never by a clock."},
	{"threshold", "Required probability", "The posterior probability that the leading variant must reach: the rule's threshold, its chance of an error shared among the treatments."},
	{"blockers", "What is missing", "Everything that still stands between this run and a decision, and what would lift it."},
	{"plan", "Plan", "The stopping rule, frozen when the run started. Its hash proves that nobody changed it after looking; a change begins a new plan and the old ones stay visible."},
	{"mde", "Detectable lift", "The smallest relative lift that the matured users show with a power of 80 %, two-sided at 5 %."},
	{"power", "Power reached", "How likely the matured users would show the planned lift, if it is real."},
	{"daysleft", "Days left", "Days until the planned users and days are there, at the pace of the last week."},
	{"crossover", "Crossover", "A person who met more than one variant of the run."},
	{"early", "Ended early", "Persons whose participation was ended, for example by an incident. They are left out altogether, and counted here by reason and day."},
	{"filtered", "Filtered", "Bots, by their user agents, and internal users, by your rules."},
	{"received", "Received", "Everything that came for this experiment. Each item is in exactly one of the columns beside it."},
	{"accepted", "Accepted", "Events that are facts: counted once each, whatever was sent again."},
	{"redelivered", "Redelivered", "The same event again, as retries send it. It changes nothing."},
	{"conflict", "Conflict", "Another body under an event id that was known already. One of the two counts, always the same one; the others are counted here."},
	{"erased", "Erased", "Events of persons who were erased on request."},
	{"rejected", "Rejected", "Items that could not be counted as events. Each is kept as a dead letter with its request."},
	{"ignored", "Ignored", "Items that are not meant to count, such as page views or evaluations outside an experiment. The reason names the rule; a word after the colon is the sender's own."},
	{"srm", "Sample ratio mismatch", "The users are not divided as the weights say. Such a split hardly comes by chance, so something is broken."},
	{"marker", "Early-stop marker", "Set where the always-valid interval excludes no effect: win in the better direction, harm in the worse one."},
	{"novelty", "Novelty", "An effect that changes with the time since the first exposure: people are curious at first, or have to learn."},
	{"letter", "Dead letter", "A request of which something could not be decoded, kept whole so that it can be tried again."},
	{"population", "Population", "Who is shown: everybody who was exposed, or only matured users."},
	{"policy", "Crossover policy", "What becomes of persons who met several variants: they are excluded, or counted in the variant met first."},
	{"revision", "Revision", "A change of the definition. All of them are kept, with who made them and when."},
	{"primary", "Primary metric", "The one metric that decides. Secondary ones inform, guardrails must not suffer."},
}

var defined = func() map[string]definition {
	m := map[string]definition{}
	for _, d := range definitions {
		m[d.Key] = d
	}
	return m
}()

// term is a word that opens its definition; shown, where given, stands for the word.
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
