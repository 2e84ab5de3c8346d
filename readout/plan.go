package readout

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/registry"
	"github.com/tracklayer/tracklayer/stats"
)

// PlanQuestion is what is known before an experiment starts. One of Effect, UnitsPerVariant and Days is needed: an effect
// gives the users, users or days give the effect, and both give the power.
type PlanQuestion struct {
	Type              registry.MetricType `json:"type"`               // proportion; anything else is a mean per user
	Baseline          *float64            `json:"baseline"`           // the control's expected rate, or mean per user
	StandardDeviation *float64            `json:"standard_deviation"` // of one user's value; of a mean
	Effect            *float64            `json:"effect"`             // relative lift to detect, 0.05 for 5%
	UnitsPerVariant   *int64              `json:"units_per_variant"`
	Days              *int64              `json:"days"`
	DailyUsers        *float64            `json:"daily_users"` // first exposures a day in all variants together
	Variants          *int                `json:"variants"`    // with the control; default 2
	Alpha             *float64            `json:"alpha"`       // two-sided, of all treatments together; default 0.05
	Power             *float64            `json:"power"`       // default 0.8
	Threshold         *float64            `json:"threshold"`   // of the decision; default 0.9
}

// PlanAnswer is how large an experiment has to be, or what one of that size can find. Users are equally divided.
type PlanAnswer struct {
	Type              registry.MetricType `json:"type"`
	Baseline          float64             `json:"baseline"`
	StandardDeviation *float64            `json:"standard_deviation,omitempty"`
	Variants          int                 `json:"variants"`
	Alpha             float64             `json:"alpha"`
	AlphaPerTreatment float64             `json:"alpha_per_treatment"` // shared among the treatments
	Power             float64             `json:"power"`
	Threshold         float64             `json:"threshold"`
	// Effect is the relative lift that is asked for, or the smallest one that is found with this power.
	Effect          *float64 `json:"effect"`
	UnitsPerVariant *int64   `json:"units_per_variant"`
	Units           *int64   `json:"units"`         // in all variants
	PowerReached    *float64 `json:"power_reached"` // for the effect, with these users
	Days            *int64   `json:"days"`
	DaysWholeWeeks  *int64   `json:"days_whole_weeks"` // so that every weekday counts the same
	// AlwaysValid is the size at which the always-valid interval excludes 0 with the same power: what looking at any time
	// costs.
	AlwaysValid PlanSize `json:"always_valid"`
	// AtThreshold is the size at which the decision's threshold, read once at the end, is reached with the same power.
	AtThreshold PlanSize `json:"at_threshold"`
	// ByWeek is what can be found after whole weeks; empty if the traffic is not known.
	ByWeek   []PlanWeek   `json:"by_week"`
	Decision PlanDecision `json:"decision"` // for the definition
	Sentence string       `json:"sentence"`
	Reasons  Reasons      `json:"reasons,omitempty"`
}

// PlanSize is how many users and days something takes.
type PlanSize struct {
	UnitsPerVariant *int64 `json:"units_per_variant"`
	DaysWholeWeeks  *int64 `json:"days_whole_weeks"`
}

// PlanWeek is the smallest effect that is found after a number of weeks.
type PlanWeek struct {
	Days            int64    `json:"days"`
	UnitsPerVariant int64    `json:"units_per_variant"`
	Effect          *float64 `json:"effect"` // null: none that is possible
}

// PlanDecision is the part of a definition that freezes the plan.
type PlanDecision struct {
	Threshold          float64  `json:"threshold"`
	MinUnitsPerVariant *int64   `json:"min_units_per_variant"`
	MinDays            *int64   `json:"min_days"`
	PlannedEffect      *float64 `json:"planned_effect"`
}

const (
	planWeeks = 8
	maxUnits  = 1 << 52
	mostUnits = 1e12 // that a plan may ask for
)

// planner is a question with its defaults.
type planner struct {
	q        PlanQuestion
	base     stats.Baseline
	design   stats.Design
	variants float64
	out      PlanAnswer
}

// Plan answers a question, or says what is wrong with it: the error is of type registry.Faults.
func Plan(q PlanQuestion) (*PlanAnswer, error) {
	p := &planner{}
	if faults := p.read(q); len(faults) > 0 {
		return nil, faults
	}
	p.size()
	p.others()
	p.out.Decision = PlanDecision{Threshold: p.out.Threshold, MinUnitsPerVariant: p.out.UnitsPerVariant, MinDays: p.out.DaysWholeWeeks, PlannedEffect: p.out.Effect}
	p.out.Sentence = p.sentence()
	return &p.out, nil
}

func or[T any](p *T, v T) T {
	if p != nil {
		return *p
	}
	return v
}

// read fills in the defaults and collects every fault.
func (p *planner) read(q PlanQuestion) (faults registry.Faults) {
	that := func(ok bool, pointer, detail string) {
		if !ok {
			faults = append(faults, registry.Fault{Pointer: pointer, Detail: detail})
		}
	}
	within := func(x *float64, low, high float64) bool { return x == nil || *x > low && *x < high }
	if q.Type == "" {
		q.Type = registry.Proportion
	}
	rate := q.Type == registry.Proportion
	that(slices.Contains([]registry.MetricType{registry.Proportion, registry.Count, registry.Sum, registry.Mean, registry.Ratio}, q.Type), "/type", "must be proportion, count, sum, mean or ratio")
	switch {
	case q.Baseline == nil:
		that(false, "/baseline", "is required: the control's expected conversion rate, such as 0.1, or mean per user")
	case rate:
		that(*q.Baseline > 0 && *q.Baseline < 1, "/baseline", "must be a rate between 0 and 1, such as 0.1 for 10%")
	default:
		that(*q.Baseline != 0 && math.Abs(*q.Baseline) <= 1e12, "/baseline", "must be a mean per user other than 0")
	}
	if rate {
		that(q.StandardDeviation == nil, "/standard_deviation", "is not allowed for a proportion: its rate determines it")
	} else {
		that(q.StandardDeviation != nil && *q.StandardDeviation > 0 && *q.StandardDeviation <= 1e12, "/standard_deviation", "is required for a mean: above 0, of one user's value")
	}
	that(q.Effect == nil || *q.Effect != 0 && math.Abs(*q.Effect) <= 1000, "/effect", "must be a relative lift other than 0, such as 0.05 for 5%")
	if rate && q.Effect != nil && q.Baseline != nil {
		after := *q.Baseline * (1 + *q.Effect)
		that(after > 0 && after < 1, "/effect", "must leave the treatment a rate between 0 and 1")
	}
	that(q.UnitsPerVariant == nil || *q.UnitsPerVariant >= 2 && *q.UnitsPerVariant <= mostUnits, "/units_per_variant", "must be from 2 to 1e12")
	that(q.Days == nil || *q.Days >= 1 && *q.Days <= 3660, "/days", "must be from 1 to 3,660")
	that(q.Days == nil || q.DailyUsers != nil, "/daily_users", "is required with days")
	that(q.Days == nil || q.UnitsPerVariant == nil, "/days", "use either units_per_variant or days")
	that(q.Effect != nil || q.UnitsPerVariant != nil || q.Days != nil, "/effect", "is required, or units_per_variant or days: an effect gives the users it takes, users or days give the effect they can detect")
	that(q.DailyUsers == nil || *q.DailyUsers > 0 && *q.DailyUsers <= 1e12, "/daily_users", "must be above 0")
	that(q.Variants == nil || *q.Variants >= 2 && *q.Variants <= 100, "/variants", "must be from 2 to 100, including the control")
	that(within(q.Alpha, 0, 0.5), "/alpha", "must be between 0 and 0.5")
	that(within(q.Power, 0.5, 1), "/power", "must be between 0.5 and 1")
	that(q.Threshold == nil || *q.Threshold >= 0.5 && *q.Threshold < 1, "/threshold", "must be from 0.5 up to, but not including, 1")
	if len(faults) == 0 {
		p.begin(q)
	}
	return faults
}

func (p *planner) begin(q PlanQuestion) {
	variants := or(q.Variants, 2)
	p.q, p.variants = q, float64(variants)
	p.out = PlanAnswer{
		Type: q.Type, Baseline: *q.Baseline, StandardDeviation: q.StandardDeviation, Variants: variants, Alpha: or(q.Alpha, 0.05),
		Power: or(q.Power, 0.8), Threshold: or(q.Threshold, 0.9), ByWeek: []PlanWeek{},
	}
	p.out.AlphaPerTreatment = p.out.Alpha / float64(variants-1)
	p.design = stats.Design{Alpha: p.out.AlphaPerTreatment, Power: p.out.Power}
	if q.Type == registry.Proportion {
		p.base = stats.RateBaseline(*q.Baseline)
	} else {
		p.base = stats.MeanBaseline(*q.Baseline, *q.StandardDeviation)
	}
}

// size finds what was not given: the users for an effect, or the effect for users, and the power of both.
func (p *planner) size() {
	units := p.q.UnitsPerVariant
	if p.q.Days != nil {
		n := p.after(*p.q.Days)
		units = &n
	}
	if units == nil {
		found := p.design.SampleSize(p.base, *p.q.Effect)
		p.out.Effect = p.q.Effect
		if found.Control > mostUnits {
			found.ControlExact = stats.Undefined(stats.ReasonOutOfRange)
		}
		if p.out.Reasons.number("units_per_variant", found.ControlExact) == nil {
			return
		}
		p.users(max(found.Control, 2))
		p.out.PowerReached = p.out.Reasons.number("power_reached", found.Power)
		return
	}
	p.users(*units)
	if p.out.Effect = p.q.Effect; p.out.Effect == nil {
		p.out.Effect = p.out.Reasons.number("effect", p.design.MDE(p.base, float64(*units), float64(*units)).Relative)
	}
	if p.out.Effect != nil {
		absolute := math.Abs(p.out.Baseline) * *p.out.Effect
		p.out.PowerReached = p.out.Reasons.number("power_reached", p.design.PowerOf(p.base, absolute, float64(*units), float64(*units)))
	}
}

// after is how many users a variant has after some days.
func (p *planner) after(days int64) int64 {
	return int64(math.Min(math.Floor(*p.q.DailyUsers*float64(days)/p.variants), maxUnits))
}

func (p *planner) users(n int64) {
	all := n * int64(p.out.Variants)
	p.out.UnitsPerVariant, p.out.Units = &n, &all
	if p.q.Days != nil {
		weeks := registry.WholeWeeks(*p.q.Days)
		p.out.Days, p.out.DaysWholeWeeks = p.q.Days, &weeks
		return
	}
	p.out.Days = p.days(n)
	p.out.DaysWholeWeeks = inWeeks(p.out.Days)
}

// days is how long it takes until every variant has so many users; nil: unknown, or too long for a number.
func (p *planner) days(n int64) *int64 {
	if p.q.DailyUsers == nil {
		return nil
	}
	d := math.Ceil(float64(n) * p.variants / *p.q.DailyUsers)
	if d > maxUnits {
		return nil
	}
	days := int64(d)
	return &days
}

func inWeeks(days *int64) *int64 {
	if days == nil {
		return nil
	}
	weeks := registry.WholeWeeks(*days)
	return &weeks
}

// others are the sizes of the other rules, and what whole weeks find.
func (p *planner) others() {
	if p.out.Effect != nil {
		threshold := p.design
		threshold.Alpha = 2 * (1 - p.out.Threshold) / (p.variants - 1) // one-sided
		p.out.AtThreshold = p.sized(threshold, 1)
		p.out.AlwaysValid = p.sized(p.design, p.lookingCost())
	}
	if p.q.DailyUsers == nil {
		return
	}
	for week := int64(1); week <= planWeeks; week++ {
		w := PlanWeek{Days: 7 * week, UnitsPerVariant: p.after(7 * week)}
		if n := float64(w.UnitsPerVariant); n >= 2 {
			var none Reasons
			w.Effect = none.number("", p.design.MDE(p.base, n, n).Relative)
		}
		p.out.ByWeek = append(p.out.ByWeek, w)
	}
}

func (p *planner) sized(d stats.Design, times float64) (s PlanSize) {
	found := d.SampleSize(p.base, *p.out.Effect)
	if n := math.Ceil(found.ControlExact.Value * times); found.ControlExact.OK && n <= maxUnits {
		units := max(int64(n), 2)
		s.UnitsPerVariant, s.DaysWholeWeeks = &units, inWeeks(p.days(units))
	}
	return s
}

// lookingCost is how many times as many users the always-valid interval takes as a single look: the square of the ratio
// of (k + z_power) to (z_{1-alpha/2} + z_power), where k is the interval's multiplier at its planned end. It is the usual
// last-point rule, which is 8 to 20% more than is needed (Schultzberg 2026, arXiv 2606.18366).
func (p *planner) lookingCost() float64 {
	k := stats.NewConfidenceSequence(p.design.Alpha, 1, stats.TwoSided).Multiplier(1)
	fixed, power := stats.ZCritical(1-p.design.Alpha), stats.ZCritical(2*p.design.Power-1)
	if !k.OK || !fixed.OK || !power.OK {
		return math.NaN() // sized leaves it out
	}
	r := (k.Value + power.Value) / (fixed.Value + power.Value)
	return r * r
}

// sentence says the plan in words.
func (p *planner) sentence() string {
	o := &p.out
	if o.UnitsPerVariant == nil || o.Effect == nil {
		return fmt.Sprintf("No sample size can detect this effect (%s).", p.why())
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s per variant (%s in total) can detect a lift of %s on a baseline of %s", users(*o.UnitsPerVariant), whole(*o.Units), percent(math.Abs(*o.Effect)), p.amount())
	if o.PowerReached != nil {
		fmt.Fprintf(&b, " with a power of %s", probability(*o.PowerReached))
	}
	fmt.Fprintf(&b, ", two-sided at %s", percent(o.Alpha))
	if o.Variants > 2 {
		fmt.Fprintf(&b, " shared among %d treatments", o.Variants-1)
	}
	if o.Days != nil {
		fmt.Fprintf(&b, "; this takes %s, so plan %s", many(*o.Days, "day", "days"), many(*o.DaysWholeWeeks, "day", "days"))
	}
	b.WriteString(".")
	return b.String()
}

func (p *planner) why() string {
	for _, name := range []string{"units_per_variant", "effect"} {
		if why, ok := p.out.Reasons[name]; ok {
			return strings.ReplaceAll(string(why), "_", " ")
		}
	}
	return "out of range"
}

func (p *planner) amount() string {
	if p.out.Type == registry.Proportion {
		return percent(p.out.Baseline)
	}
	return short(p.out.Baseline)
}
