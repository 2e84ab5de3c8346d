package readout

import (
	"fmt"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

const (
	leastConverted = 10  // users, and as many who did not convert
	leastValued    = 100 // users with a value, if the metric is not a proportion
)

// decision is a Decision in the making.
type decision struct {
	Decision
	*measured
	readout *Readout
	metric  *registry.Metric // the primary one, nil: none
	figures *Metric          // its figures
	basis   []Row            // of the matured users
	leader  *Row             // in the basis; nil: no probability is known of them
}

// decide applies the plan in force, in this order: the checks, the horizon, the outcomes, the probability, the loss,
// the stability, the guardrails. All of it looks at the matured users of the primary metric.
func decide(f *measured, r *Readout) Decision {
	d := &decision{measured: f, readout: r, metric: f.primary(), figures: r.Primary()}
	d.Decision = Decision{
		Status: EligibleForReview, Threshold: f.rule.Threshold, RequiredProbability: f.required(),
		Blockers: []Blocker{}, Plan: f.planView(), Looks: []Look{},
	}
	if d.figures != nil {
		d.basis = d.figures.Matured.Variants
		d.leader = leading(d.basis)
		d.Basis = &Basis{Population: MaturedOnly, Metric: d.metric.ID, Window: windowWord(d.metric), Through: d.figures.Matured.Through, Variants: d.basis}
	}
	d.lead()
	if r.Run == nil || r.Status == registry.Draft {
		d.Status, d.Plan = Draft, nil
		d.block(Blocker{"draft", "The experiment has not started. Exposures count from its start.", "Start it.", nil})
	} else {
		d.conditions()
		d.settle()
	}
	d.showFirst()
	d.Headline = headline{d}.sentence()
	return d.Decision
}

// lead names the leading variant: of the matured users, or of all users if no probability is known for them.
func (d *decision) lead() {
	row := d.leader
	if row == nil && d.figures != nil {
		row = leading(d.figures.Variants)
	}
	if row != nil {
		d.LeadingVariant = &row.Variant
	}
	d.EarlyStop = markerOf(d.leader)
	for i := range d.basis {
		if d.EarlyStop == "" && markerOf(&d.basis[i]) == Harm {
			d.EarlyStop = Harm
		}
	}
}

func markerOf(row *Row) string {
	if row == nil || row.Effect == nil {
		return ""
	}
	return row.EarlyStop
}

func windowWord(m *registry.Metric) string {
	text, _ := m.Window.MarshalText() // never fails
	return string(text)
}

// conditions are those of the rule, in its order.
func (d *decision) conditions() {
	for _, c := range d.readout.Checks {
		if c.Status == Failed {
			d.Status = Unhealthy
			d.block(Blocker{c.Check, c.Detail, remedy(c.Check), nil})
		}
	}
	if !d.declared {
		d.block(Blocker{
			"undeclared", "This experiment is not set up. Data that was counted so far is kept.",
			"Set it up with variants, weights, a control, and a primary metric.", nil,
		})
	}
	d.HorizonReached = d.metric != nil && d.horizon(d.basis)
	if markerOf(d.leader) == "" {
		d.needUnits()
		d.needDays()
	}
	if d.metric == nil {
		d.block(Blocker{"no_primary_metric", "No metric has the role primary.", "Add a primary metric.", nil})
		return
	}
	d.needConversions()
	d.needProbability()
	d.needSmallLoss()
	d.needPlannedLook()
	d.needStability()
	d.needGuardrails()
}

// remedy is the next step after a failed check.
func remedy(check string) string {
	switch check {
	case "ended_early":
		return "Start a new run, or undo \"invalid\" if it was set by mistake."
	case "crossover":
		return "Fix what shows users several variants, and start a new run."
	default:
		return "Find and fix the cause, and start a new run; or set the weights that were really in use."
	}
}

// settle turns blockers into a status.
func (d *decision) settle() {
	switch d.life.Status {
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
}

// showFirst chooses the interval to read now.
func (d *decision) showFirst() {
	switch {
	case d.HorizonReached:
		d.ShowFirst = "credible_interval"
		d.Why = "The planned end is reached."
	default:
		d.ShowFirst = "sequential_interval"
		d.Why = "The planned end is not reached. Until then, only the always-valid interval stays valid when it is read repeatedly."
	}
}

func (d *decision) block(b Blocker) { d.Blockers = append(d.Blockers, b) }

// Primary is the metric that decides, nil if there is none.
func (r *Readout) Primary() *Metric {
	for i := range r.Metrics {
		if r.Metrics[i].Role == registry.Primary {
			return &r.Metrics[i]
		}
	}
	return nil
}

// leading is the treatment most likely to beat the control, the first of equals; nil if no probability is known.
func leading(rows []Row) *Row {
	var best *Row
	for i := range rows {
		row := &rows[i]
		if row.Effect == nil || row.ProbabilityToBeatControl == nil {
			continue
		}
		if best == nil || *row.ProbabilityToBeatControl > *best.ProbabilityToBeatControl {
			best = row
		}
	}
	return best
}

// needUnits requires the planned users in every arm: the matured ones, or all users if there is no primary metric.
func (d *decision) needUnits() {
	least := d.rule.UnitsPerVariant
	var short []string
	for i, a := range d.arms {
		n := d.users(i)
		if d.metric != nil {
			n = d.basis[i].Users
		}
		if n < least && d.needed(i) {
			short = append(short, fmt.Sprintf("%s has %s", a.key, whole(n)))
		}
	}
	b := Blocker{Blocker: "min_units_per_variant", LiftedBy: "Needs more users."}
	switch {
	case len(d.arms) < 2:
		b.Detail = fmt.Sprintf("At least two variants with %s each are needed; so far, %s seen.", users(least), many(int64(len(d.arms)), "variant was", "variants were"))
	case len(short) == 0:
		return
	case d.metric == nil:
		b.Detail = fmt.Sprintf("At least %s per variant are needed: %s.", users(least), listed(short))
	default:
		b.Detail = fmt.Sprintf("At least %s per variant with a closed window (%s) are needed: %s.", users(least), windowWord(d.metric), listed(short))
		if day, ok := d.allReach(d.metric, least); ok {
			b.Expected = d.expected(day, ok)
			b.LiftedBy = "Needs more users whose window has closed."
		}
	}
	d.block(b)
}

// needDays counts from the day of the first exposure to the day of the watermark, or of the run's end, both UTC.
func (d *decision) needDays() {
	least := d.rule.Days
	b := Blocker{Blocker: "min_days", LiftedBy: "Keep it running in full weeks."}
	first, _, ok := d.days()
	switch passed, _ := d.since(); {
	case !ok && least == 0, ok && passed >= least:
		return
	case !ok:
		b.Detail = fmt.Sprintf("At least %s from the first exposure are needed; no counted user has been exposed yet.", days(least))
	default:
		until := "by the newest event it is"
		if d.life.EndedAt != 0 && d.life.EndedAt == d.now {
			until = "the run ended on"
		}
		b.Detail = fmt.Sprintf("At least %s from the first exposure are needed: it was on %s, and %s %s, %s later.",
			days(least), date(first), until, date(max(d.today(), first)), days(passed))
		b.Expected = d.expected(first+least, true)
	}
	d.block(b)
}

func days(n int64) string { return many(n, "day", "days") }

// needConversions requires enough of both outcomes, or enough values, in every arm.
func (d *decision) needConversions() {
	var short []string
	for i := range d.basis {
		row := &d.basis[i]
		if d.needed(i) && !enough(d.figures.Type, row) {
			short = append(short, fmt.Sprintf("%s has %s who did and %s who did not", row.Variant, whole(row.ConvertedUsers), whole(row.Users-row.ConvertedUsers)))
		}
	}
	if len(short) == 0 && len(d.basis) > 1 {
		return
	}
	or := ""
	if d.figures.Type != registry.Proportion {
		or = fmt.Sprintf(", or %d who converted,", leastValued)
	}
	detail := fmt.Sprintf("At least %d matured users who converted in %s and %d who did not%s are needed in every variant", leastConverted, d.metric.ID, leastConverted, or)
	if len(short) > 0 {
		detail += ": " + listed(short)
	}
	d.block(Blocker{"min_conversions", detail + ".", "Needs more users; or start a new run with a metric that more users reach.", nil})
}

// enough reports whether an arm has enough of both outcomes, or enough values, for the approximations to hold.
func enough(t registry.MetricType, row *Row) bool {
	both := row.ConvertedUsers >= leastConverted && row.Users-row.ConvertedUsers >= leastConverted
	return both || t != registry.Proportion && row.ConvertedUsers >= leastValued
}

func (d *decision) needProbability() {
	needed := probability(d.RequiredProbability)
	if k := d.contestants(); k > 1 {
		needed += fmt.Sprintf(" (the threshold %s shared among %d treatments)", probability(d.Threshold), k)
	}
	b := Blocker{Blocker: "threshold", LiftedBy: "Needs a clearer effect. If there is none at the planned end, the result is that no difference large enough was found."}
	switch {
	case d.leader == nil:
		b.Detail = fmt.Sprintf("A probability to beat control of %s is needed in %s over the matured users; none is known yet%s.", needed, d.metric.ID, whyNone(d.basis))
	case !d.likely(d.leader.ProbabilityToBeatControl):
		b.Detail = fmt.Sprintf("%s beats control in %s with a probability of %s; %s is needed.",
			d.leader.Variant, d.metric.ID, probability(*d.leader.ProbabilityToBeatControl), needed)
	default:
		return
	}
	d.block(b)
}

// whyNone is the reason of the first missing probability.
func whyNone(rows []Row) string {
	for _, row := range rows {
		if why, ok := row.Reasons["probability_to_beat_control"]; ok {
			return " (" + strings.ReplaceAll(string(why), "_", " ") + ")"
		}
	}
	return ""
}

func (d *decision) needSmallLoss() {
	if d.leader == nil {
		return // without a probability there is no loss; the blocker threshold reports it
	}
	limit := d.rule.MaxExpectedLoss
	b := Blocker{Blocker: "max_expected_loss", LiftedBy: "Needs more users."}
	switch loss := d.relativeLoss(d.basis, d.leader); {
	case loss == nil:
		b.Detail = fmt.Sprintf("The expected loss of %s must be at most %s of the control's mean, which is 0 or not known yet.", d.leader.Variant, percent(limit))
	case !d.cheap(loss):
		b.Detail = fmt.Sprintf("The expected loss of %s is %s of the control's mean; at most %s is allowed.", d.leader.Variant, percent(*loss), percent(limit))
	default:
		return
	}
	d.block(b)
}

// dayOf is the number of whole days since 1970, UTC, as the aggregates count them.
func dayOf(t canonical.Time) int64 { return int64(t) / dayMillis }
