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

// endedEarly says that people declared the run's data, or those of some variants, broken.
func endedEarly(run *registry.Run) Check {
	what := fmt.Sprintf("Run %d", run.Number)
	if of := run.EndedVariants; len(of) > 0 {
		what = fmt.Sprintf("Of run %d, %s", run.Number, listed(of))
	}
	return Check{Check: "ended_early", Status: Failed, Detail: fmt.Sprintf("%s ended early (%s): do not trust these numbers. Start a new run to measure again.", what, run.EndedReason)}
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
	fate := "They are in no variant"
	if f.keepsCrossovers() {
		fate = "They are counted in the variant they met first"
	}
	switch {
	case all == 0:
		c.Detail = "Nobody has been exposed yet."
	case crossed == 0:
		c.Detail = fmt.Sprintf("None of %s met more than one variant.", users(all))
	default:
		c.Detail = fmt.Sprintf("%s of %s (%s) met more than one variant. %s.", whole(crossed), users(all), percent(*c.Rate), fate)
	}
	if c.Status == Warning { // so many that who is left is not who was assigned
		c.Status = Failed
		c.Detail += fmt.Sprintf(" More than %s point to an assignment that does not stick, and whoever is left is no random sample: look at logins, shared devices and caches.", percent(manyShare))
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
	fate := "They are left out; ask with filtered=include to count them"
	if f.filtered {
		fate = "They are counted, because filtered=include was asked for"
	}
	switch {
	case all == 0:
		c.Detail = "Nobody has been exposed yet."
	case filtered == 0:
		c.Detail = fmt.Sprintf("None of %s is known to be a bot or an internal user.", users(all))
	default:
		c.Detail = fmt.Sprintf("%s of %s (%s) %s filtered: %s, %s. %s.", whole(filtered), users(all), percent(*c.Rate),
			verb(filtered), many(bots, "bot", "bots"), many(internal, "internal user", "internal users"), fate)
	}
	if c.Status == Warning {
		c.Detail += " So many may be customers that a rule mistakes: look at one of them with GET /v1/units, and at GET /v1/filters."
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
		c.Detail = "Every exposure names a variant that is known."
		return c
	}
	c.Status = Warning
	counted, _ := f.exposed()
	c.UsersShare = float64(c.Users) / float64(max(c.Users+counted, 1))
	c.Detail = fmt.Sprintf("Left out: %s to variants that the definition does not know, such as %q; %s (%s) were exposed to nothing else. Declare the variant, or an alias for it.",
		many(c.Exposures, "exposure", "exposures"), all[0].Variant, users(c.Users), percent(c.UsersShare))
	return c
}
