package readout

import (
	"fmt"

	"github.com/tracklayer/tracklayer/registry"
	"github.com/tracklayer/tracklayer/stats"
)

const (
	manyShare    = 0.01 // of crossovers, or of conversions without an exposure
	manyAffected = 10   // and at least so many
	manyFiltered = 0.2  // of bots and internal users
)

// checker asks whether the numbers of a run can be trusted. What needs no more than a few of them is a plain function.
type checker struct{ *measured }

// checks look at whether the numbers can be trusted, the gravest first.
func (f checker) checks(r *Readout) []Check {
	split := split{f.progress}
	all := []Check{
		split.sampleRatio(), f.crossoverShare(), f.filteredTraffic(), f.unknownLabels(r.UnknownVariants), withoutExposure(r.Conversions),
		f.beforeExposure(), f.metricEvents(), possibleDuplicates(f.run, r.Conversions),
		sharedIDs(f.run), eventTimes(f.run), identity(f.of),
		split.splitByDay(), claims(r), f.silence(), f.volume(), planChanged(f.plans),
	}
	for _, more := range [...]func() (Check, bool){f.mixedCurrencies, f.holdout, r.waitingAdjustments} {
		if c, applies := more(); applies {
			all = append(all, c)
		}
	}
	all = append(append(all, f.outcomes(r)...), f.correlated(r)...)
	if f.life.Status == registry.EndedEarly {
		all = append([]Check{endedEarly(&f.life)}, all...)
	}
	return all
}

// endedEarly reports that the run's data, or those of some variants, were marked invalid.
func endedEarly(run *registry.Run) Check {
	what := fmt.Sprintf("Run %d was", run.Number)
	if of := run.EndedVariants; len(of) > 0 {
		what = fmt.Sprintf("Data of %s in run %d were", listed(of), run.Number)
	}
	return Check{Check: "ended_early", Status: Failed, Detail: fmt.Sprintf("%s marked invalid: %s. Do not use these results. Start a new run to measure again.", what, run.EndedReason)}
}

// share judges how many of all are affected, more than which are many.
func share(affected, of int64, many float64) (CheckStatus, *Share, Reasons) {
	s, reasons := &Share{Affected: affected, Of: of}, Reasons(nil)
	if of == 0 {
		s.Rate = reasons.number("rate", stats.Undefined(stats.ReasonNoUsers))
		return NotEnoughData, s, reasons
	}
	rate := float64(affected) / float64(of)
	s.Rate = &rate
	if affected >= manyAffected && rate > many {
		return Warning, s, nil
	}
	return OK, s, nil
}

func (f checker) crossoverShare() Check {
	all, crossed := f.exposed()
	c := Check{Check: "crossover"}
	c.Status, c.Share, c.Reasons = share(crossed, all, manyShare)
	fate := "They are not counted"
	if f.keepsCrossovers() {
		fate = "They are counted in their first variant"
	}
	switch {
	case all == 0:
		c.Detail = "No user has been exposed yet."
	case crossed == 0:
		c.Detail = fmt.Sprintf("None of %s was exposed to more than one variant.", users(all))
	default:
		c.Detail = fmt.Sprintf("%s of %s (%s) were exposed to more than one variant. %s.", whole(crossed), users(all), percent(*c.Rate), fate)
	}
	if c.Status == Warning { // so many that the remaining users differ from the assigned ones
		c.Status = Failed
		c.Detail += fmt.Sprintf(" More than %s indicate an assignment that is not stable, and the remaining users are no random sample. Check logins, shared devices, and caches.", percent(manyShare))
	}
	return c
}

// filteredTraffic says how many bots and internal users came. Neither is a fault, but many of them may be customers
// that a rule takes for something else, or a test that hardly any customer sees.
func (f checker) filteredTraffic() Check {
	var all, filtered, bots, internal int64
	for _, a := range f.arms {
		for _, n := range a.Persons {
			all += n
		}
		filtered += a.filteredHere()
		bots += a.Labelled[0]
		internal += a.Labelled[1]
	}
	c := Check{Check: "filtered_traffic"}
	c.Status, c.Share, c.Reasons = share(filtered, all, manyFiltered)
	fate := "They are not counted; use filtered=include to count them"
	if f.filtered {
		fate = "They are counted because of filtered=include"
	}
	switch {
	case all == 0:
		c.Detail = "No user has been exposed yet."
	case filtered == 0:
		c.Detail = fmt.Sprintf("None of %s is known to be a bot or an internal user.", users(all))
	default:
		c.Detail = fmt.Sprintf("%s of %s (%s) %s filtered: %s, %s. %s.", whole(filtered), users(all), percent(*c.Rate),
			verb(filtered), many(bots, "bot", "bots"), many(internal, "internal user", "internal users"), fate)
	}
	if c.Status == Warning {
		c.Detail += " A rule may match real customers: check one of them with GET /v1/units, and the rules with GET /v1/filters."
	}
	return c
}

func verb(n int64) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func (f checker) unknownLabels(all []UnknownVariant) Check {
	c := Check{Check: "unknown_variants", Status: OK, Labels: &Labels{Labels: len(all)}}
	for _, u := range all {
		c.Users += u.Users
		c.Exposures += u.Exposures
	}
	if len(all) == 0 {
		c.Detail = "Every exposure names a variant of the definition."
		return c
	}
	c.Status = Warning
	counted, _ := f.exposed()
	c.UsersShare = float64(c.Users) / float64(max(c.Users+counted, 1))
	c.Detail = fmt.Sprintf("Not counted: %s to variants that are not in the definition, such as %q; %s (%s) were exposed to no other variant. Add the variant, or an alias for it.",
		many(c.Exposures, "exposure", "exposures"), all[0].Variant, users(c.Users), percent(c.UsersShare))
	return c
}
