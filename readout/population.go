package readout

import (
	"maps"
	"slices"

	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/registry"
)

// keepsCrossovers reports whether a policy counts crossovers in the variant they met first.
func keepsCrossovers(c registry.Crossover) bool { return c == registry.FirstExposure }

func (f *frame) keepsCrossovers() bool { return keepsCrossovers(f.def.Crossover) }

// who are the persons that are counted.
func (f *frame) who() core.Who { return f.whoUnder(f.def.Crossover) }

func (f *frame) whoUnder(c registry.Crossover) core.Who {
	return core.Who{Crossed: keepsCrossovers(c), Filtered: f.filtered}
}

// Words for whether bots and internal users are counted.
const (
	Exclude = "exclude"
	Include = "include"
)

func (f *frame) filteredWord() string {
	if f.filtered {
		return Include
	}
	return Exclude
}

// users are the persons that are counted in the arm.
func (a arm) users(w core.Who) (n int64) {
	for pop, persons := range a.Persons {
		if w.Counts(core.Population(pop)) {
			n += persons
		}
	}
	return n
}

func (f *frame) users(i int) int64 { return f.arms[i].users(f.who()) }

// persons are those of a population of the arm, the filtered ones among them where they are counted.
func (f *frame) persons(a arm, pop core.Population) int64 {
	n := a.Persons[pop]
	if f.filtered {
		n += a.Persons[pop|core.Filtered]
	}
	return n
}

// crossedHere are the crossovers, ended early or not, that met this variant first.
func (f *frame) crossedHere(a arm) int64 {
	return f.persons(a, core.Crossed) + f.persons(a, core.CrossedEnded)
}

// filteredHere are the bots and internal users that met this variant first.
func (a arm) filteredHere() (n int64) {
	for _, persons := range a.Persons[core.Filtered:] {
		n += persons
	}
	return n
}

// variants says who is counted in each arm and whom each rule took out of it. A person that several rules concern was
// taken out by the first of them: filtered, crossover where that excludes, ended early.
func (f *frame) variants() []Variant {
	all := make([]Variant, 0, len(f.arms))
	for i, a := range f.arms {
		v := Variant{
			Variant: a.key, ExposedUsers: f.users(i), CrossoverUsers: a.Crossed[0] + a.Crossed[1],
			EndedEarlyUsers: f.persons(a, core.Ended), RepeatExposures: a.Repeats,
		}
		if f.filtered {
			v.CrossoverUsers += a.Crossed[2] + a.Crossed[3]
		} else {
			v.FilteredUsers = a.filteredHere()
		}
		if f.keepsCrossovers() {
			v.CrossoverUsers -= f.crossedHere(a)
			v.EndedEarlyUsers += f.persons(a, core.CrossedEnded)
		}
		if f.life.Status == registry.EndedEarly && slices.Contains(f.life.EndedVariants, a.key) {
			v.Invalid, v.InvalidReason = true, f.life.EndedReason
		}
		all = append(all, v)
	}
	return all
}

func (f *frame) otherPolicy() OtherPolicy {
	other := registry.FirstExposure
	if f.keepsCrossovers() {
		other = registry.Exclude
	}
	o := OtherPolicy{CrossoverPolicy: string(other), Variants: make([]Headline, 0, len(f.arms))}
	primary, who := f.primary(), f.whoUnder(other)
	samples := make([]sample, 0, len(f.arms))
	mixed := primary != nil && f.moneyOf(primary, who).mixed()
	for _, a := range f.arms {
		h := Headline{Variant: a.key, ExposedUsers: a.users(who)}
		if primary != nil {
			one := sampleOf(primary, h.ExposedUsers, a.Metrics[primary.ID].Merged(who))
			if mixed {
				one.blank(reasonMixed)
			}
			h.ConvertedUsers = &one.converted
			samples = append(samples, one)
		}
		o.Variants = append(o.Variants, h)
	}
	if primary != nil && f.control >= 0 {
		f.otherEffects(&o, primary, samples)
	}
	return o
}

// pairs are the crossovers in byte order of the variants.
func (f *frame) pairs() []Pair {
	by := map[[2]string]int64{}
	for i, crossovers := range f.run.Crossovers {
		if i == 1 && !f.filtered {
			break
		}
		for key, n := range crossovers.All() {
			a, b := core.Pair(key)
			by[[2]string{a, b}] += n
		}
	}
	pairs := make([]Pair, 0, len(by))
	for variants, n := range by {
		pairs = append(pairs, Pair{variants, n})
	}
	slices.SortFunc(pairs, func(a, b Pair) int { return slices.Compare(a.Variants[:], b.Variants[:]) })
	return pairs
}

// earlyStop adds up who was ended early, crossover or not: the reasons are not kept apart.
func (f *frame) earlyStop() EarlyStop {
	e := EarlyStop{ByReason: map[string]int64{}, ByDay: []EndDay{}, WithoutExposure: f.run.EndedUnexposed}
	byDay := map[int64]int64{}
	for _, a := range f.arms {
		e.Users += f.persons(a, core.Ended) + f.persons(a, core.CrossedEnded)
		e.CrossoverUsers += f.persons(a, core.CrossedEnded)
		for i, reasons := range a.Reasons {
			if i == 1 && !f.filtered {
				break
			}
			for reason, n := range reasons {
				e.ByReason[reason] += n
			}
			for day, n := range a.EndDays[i] {
				byDay[day] += n
			}
		}
	}
	for _, day := range slices.Sorted(maps.Keys(byDay)) {
		e.ByDay = append(e.ByDay, EndDay{date(day), byDay[day]})
	}
	return e
}

func (f *frame) unknown() []UnknownVariant {
	all := []UnknownVariant{}
	for label, n := range f.run.Unknown.All() {
		all = append(all, UnknownVariant{label, n.Persons, n.Exposures})
	}
	return all
}

// conversions gives every conversion one status. Exclusion takes those that would have counted; a duplicate or a late
// one stays what it is, whoever made it.
func (f *frame) conversions() map[string]int64 {
	by := map[string]int64{core.FilteredOut: 0, core.CrossoverExcluded: 0, core.EndedEarlyExcluded: 0}
	for s, n := range f.run.Loose {
		by[core.Status(s).String()] += n
	}
	by[core.NoExposure.String()] += f.whole.NoExposure
	for _, a := range f.arms {
		for pop := range a.Statuses {
			for s, n := range a.Statuses[pop] {
				by[core.Status(s).Under(core.Population(pop), f.def.Crossover, f.filtered)] += n
			}
		}
	}
	return by
}

// exposed are all who met a known variant, the filtered ones where they are counted, and the crossovers among them.
func (f *frame) exposed() (all, crossed int64) {
	for _, a := range f.arms {
		crossed += f.crossedHere(a)
		all += f.crossedHere(a) + f.persons(a, core.Clean) + f.persons(a, core.Ended)
	}
	return all, crossed
}

// days are the first and the last day, since 1970, on which somebody who is counted was exposed for the first time.
func (f *frame) days() (first, last int64, ok bool) {
	for _, came := range f.came {
		if len(came) == 0 {
			continue
		}
		oldest, newest := came[0].day, came[len(came)-1].day
		if !ok || oldest < first {
			first = oldest
		}
		if !ok || newest > last {
			last = newest
		}
		ok = true
	}
	return first, last, ok
}
