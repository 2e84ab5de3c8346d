package readout

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/registry"
)

// beforeExposure looks for conversions shortly before the exposure that should have caused them. Nothing that happens
// before an exposure can depend on the variant, so a difference between the arms is a fault of measurement.
func (f checker) beforeExposure() Check {
	early, counted := make([]int64, len(f.arms)), make([]float64, len(f.arms))
	var affected, all int64
	for i, a := range f.arms {
		early[i] = a.EarlyPersons(f.who())
		affected += early[i]
		all += f.users(i)
		counted[i] = float64(f.users(i))
	}
	c := Check{Check: "conversions_before_exposure"}
	c.Status, c.Share, c.Reasons = share(affected, all, manyShare)
	switch {
	case all == 0:
		c.Detail = "No user has been exposed yet."
		return c
	case affected == 0:
		c.Detail = fmt.Sprintf("None of %s converted in the hour before the exposure.", users(all))
		return c
	}
	var by []string
	for i, a := range f.arms {
		by = append(by, fmt.Sprintf("%s in %s", whole(early[i]), a.key))
	}
	c.Detail = fmt.Sprintf("%s of %s (%s) have a conversion in the hour before their first exposure: %s. It does not count.",
		whole(affected), users(all), percent(*c.Rate), listed(by))
	res, _ := division{early, counted}.fit()
	if p := res.P; p.OK && p.Value < mismatchBelow {
		c.Status = Failed
		c.Detail += fmt.Sprintf(" The variants differ in it (p = %s), which no treatment can cause: exposures in one of them are recorded too late, or clocks differ. Record the exposure before the user can act.", short(p.Value))
	} else if c.Status == Warning {
		c.Detail += " Check whether exposures are recorded too late, or with another clock than conversions."
	}
	return c
}

// metricEvents looks for metrics whose event, or the field that they add up, was never received: nothing tells them from
// metrics that no user moves.
func (f checker) metricEvents() Check {
	c := Check{Check: "metric_events", Status: OK, Detail: "The events and fields of all metrics are received."}
	if all, _ := f.exposed(); all == 0 || !f.declared {
		c.Status, c.Detail = NotEnoughData, "This check needs a definition and users."
		return c
	}
	var faults []string
	for i := range f.def.Metrics {
		m := &f.def.Metrics[i]
		for _, part := range m.Parts() {
			if fault := f.lacks(m, part); fault != "" {
				faults = append(faults, fault)
			}
		}
	}
	if len(faults) > 0 {
		c.Status = Warning
		c.Detail = strings.Join(slices.Compact(faults), " ")
	}
	return c
}

// lacks says what one side of a metric waits for, "" if it was received.
func (f checker) lacks(m *registry.Metric, p registry.Part) string {
	seen, _ := f.seen.Get(p.Event)
	field, other, has, otherHas := p.Field, registry.FieldMetricValue, seen.Values > 0, seen.MetricValues > 0
	if field == registry.FieldMetricValue {
		other, has, otherHas = registry.FieldValue, otherHas, has
	}
	switch {
	case seen.Events == 0:
		hint := ""
		if near := f.nearest(p.Event); near != "" {
			hint = fmt.Sprintf(" The nearest that was is %q.", near)
		}
		return fmt.Sprintf("Metric %s: no event %q was ever received.%s", m.ID, p.Event, hint)
	case field == "" || has:
		return ""
	case otherHas:
		return fmt.Sprintf("Metric %s: no event %q has the field %s, but some have %s. Change the metric's field.", m.ID, p.Event, field, other)
	}
	return fmt.Sprintf("Metric %s: no event %q has the field %s. Send it, or count the events.", m.ID, p.Event, field)
}

// nearest is the received event whose name differs least, without regard to case and separators, "" if none is near.
func (f checker) nearest(event string) string {
	plain := func(s string) string {
		return strings.Map(func(r rune) rune {
			if strings.ContainsRune(" _-.:/", r) {
				return -1
			}
			return r
		}, strings.ToLower(s))
	}
	want, best, least := plain(event), "", -1
	for name := range f.seen.All() {
		got := plain(name)
		d := distance(want, got)
		if len(got) > 2 && (strings.Contains(got, want) || strings.Contains(want, got)) {
			d = min(d, 2)
		}
		if d <= max(2, len(want)/3) && (least < 0 || d < least) {
			best, least = name, d
		}
	}
	return best
}

// distance is Levenshtein's: how many bytes must be inserted, deleted or replaced.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// possibleDuplicates looks for conversions that two sources seem to report without a key that both know: they count
// twice.
func possibleDuplicates(run *sums.RunAggregate, by map[string]int64) Check {
	counted := by[person.Counted.String()] + by[person.CrossoverExcluded] + by[person.EndedEarlyExcluded] + by[person.FilteredOut]
	c := Check{Check: "possible_duplicates"}
	c.Status, c.Share, c.Reasons = share(run.Twins, counted, manyShare)
	switch {
	case counted == 0:
		c.Reasons = Reasons{"rate": reasonNoConversions}
		c.Detail = "No conversion counts yet."
	case run.Twins == 0:
		c.Detail = "No conversion looks like another report of one that counts."
	default:
		c.Detail = fmt.Sprintf("%s of %s (%s) follow a conversion of the same user, event and value within ten minutes from another source or channel, without a common dedup_key. They count twice: send the order id as dedup_key from both.",
			whole(run.Twins), many(counted, "counted conversion", "counted conversions"), percent(*c.Rate))
		if *c.Rate > manyShare {
			c.Status = Warning
		}
	}
	return c
}

// holdout says how many users a holdout keeps out of the experiment, and whether it does.
func (f checker) holdout() (Check, bool) {
	out, leaked := f.whole.Held[0], f.whole.Held[1]
	all, _ := f.exposed()
	c := Check{Check: "holdout"}
	c.Status, c.Share, c.Reasons = share(leaked, out+leaked, manyShare)
	c.Detail = fmt.Sprintf("A holdout keeps %s out of the experiment; %s were exposed to it.", users(out), users(all))
	if leaked > 0 {
		c.Detail += fmt.Sprintf(" %s were held out but exposed anyway.", users(leaked))
	}
	if c.Status == Warning {
		c.Detail += " Check whether the holdout is evaluated with the same id as the experiment."
	}
	return c, out+leaked > 0
}

func withoutExposure(by map[string]int64) Check {
	var all int64
	for _, n := range by {
		all += n
	}
	none := by[person.NoExposure.String()]
	c := Check{Check: "conversions_without_exposure"}
	c.Status, c.Share, c.Reasons = share(none, all, manyShare)
	switch {
	case all == 0:
		c.Reasons = Reasons{"rate": reasonNoConversions}
		c.Detail = "This run has no conversion yet."
	case none == 0:
		c.Detail = fmt.Sprintf("Every user with one of the %s was exposed.", many(all, "conversion", "conversions"))
	default:
		c.Detail = fmt.Sprintf("%s of %s (%s) name the experiment but come from users who were never exposed to it.", whole(none), many(all, "conversion", "conversions"), percent(*c.Rate))
	}
	if c.Status == Warning {
		c.Detail += " Look for lost exposures, or ids that differ between exposure and conversion."
	}
	return c
}

// claims looks for conversions that name another variant than their person met.
func claims(r *Readout) Check {
	var all int64
	for _, n := range r.Conversions {
		all += n
	}
	c := Check{Check: "variant_mismatch"}
	c.Status, c.Share, c.Reasons = share(r.VariantMismatch, all, manyShare)
	switch {
	case all == 0:
		c.Reasons = Reasons{"rate": reasonNoConversions}
		c.Detail = "This run has no conversion yet."
	case r.VariantMismatch == 0:
		c.Detail = fmt.Sprintf("None of %s names another variant than the user was exposed to.", many(all, "conversion", "conversions"))
	default:
		c.Detail = fmt.Sprintf("%s of %s (%s) name another variant than the user was first exposed to; they count for the first one.",
			whole(r.VariantMismatch), many(all, "conversion", "conversions"), percent(*c.Rate))
	}
	if c.Status == Warning {
		c.Detail += " Look for a client that caches an old variant, or an assignment that is not stable."
	}
	return c
}
