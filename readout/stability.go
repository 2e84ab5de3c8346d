package readout

import (
	"fmt"
	"strings"
)

// needStability requires that the effect does not change over time, and that the last daily analyses agree with today's.
func (d *decision) needStability() {
	if d.leader == nil {
		return // the blocker threshold reports that no probability is known
	}
	treatment := d.index(d.leader.Variant)
	d.Looks = d.looks(d.metric, treatment)
	if n := d.figures.Novelty; n != nil && n.drifts() {
		d.block(Blocker{
			"stability", fmt.Sprintf("The effect of %s in %s changes over time (%s).", d.leader.Variant, d.metric.ID, n.sentence()),
			"Keep it running until later users and days dominate, then judge the effect on them.", nil,
		})
		return
	}
	var missed []string
	for _, l := range d.Looks {
		if !l.Holds {
			missed = append(missed, l.Day)
		}
	}
	if len(d.Looks) == steadyDays && len(missed) == 0 {
		return
	}
	detail := fmt.Sprintf("The probability and the expected loss of %s must hold at the end of each of the last %d days", d.leader.Variant, steadyDays)
	switch {
	case len(d.Looks) < steadyDays:
		detail += fmt.Sprintf("; so far there are %s", days(int64(len(d.Looks))))
	default:
		detail += "; they did not hold on " + listed(missed)
	}
	b := Blocker{"stability", detail + ".", fmt.Sprintf("Needs %d days in a row on which both hold.", steadyDays), nil}
	if d.likely(d.leader.ProbabilityToBeatControl) && d.cheap(d.relativeLoss(d.basis, d.leader)) {
		b.Expected = d.expected(d.today()+steadyDays-d.holding(), true)
	}
	d.block(b)
}

// holding is the number of newest daily analyses in a row that meet the rule.
func (d *decision) holding() (n int64) {
	for i := len(d.Looks) - 1; i >= 0 && d.Looks[i].Holds; i-- {
		n++
	}
	return n
}

// needGuardrails requires that no guardrail has an always-valid interval that lies on the worse side of no effect.
func (d *decision) needGuardrails() {
	harmed := d.harmed()
	if len(harmed) == 0 {
		return
	}
	d.block(Blocker{
		"guardrail", "A guardrail is harmed (always-valid interval): " + strings.Join(harmed, "; ") + ".",
		"Fix the cause and start a new run, or end the experiment.", nil,
	})
}

// harmed are the guardrails with a marker of harm, with variant and interval.
func (d *decision) harmed() (all []string) {
	for i := range d.readout.Metrics {
		m := &d.readout.Metrics[i]
		if m.Role != "guardrail" {
			continue
		}
		for j := range m.Matured.Variants {
			row := &m.Matured.Variants[j]
			if markerOf(row) == Harm {
				all = append(all, fmt.Sprintf("%s by %s (%s)", m.Metric, row.Variant, span(row.SequentialInterval)))
			}
		}
	}
	return all
}
