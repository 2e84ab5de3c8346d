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

// users are the persons that the policy counts in the arm.
func (a arm) users(crossovers bool) int64 {
	n := a.Persons[core.Clean]
	if crossovers {
		n += a.Persons[core.Crossed]
	}
	return n
}

func (f *frame) users(i int) int64 { return f.arms[i].users(f.keepsCrossovers()) }

// crossedHere are the crossovers, ended early or not, that met this variant first.
func (a arm) crossedHere() int64 { return a.Persons[core.Crossed] + a.Persons[core.CrossedEnded] }

// variants says who is counted in each arm and whom each rule took out of it. Under exclude, a person that both rules
// concern counts as a crossover.
func (f *frame) variants() []Variant {
	all := make([]Variant, 0, len(f.arms))
	for i, a := range f.arms {
		v := Variant{
			Variant: a.key, ExposedUsers: f.users(i), CrossoverUsers: a.Crossed[0] + a.Crossed[1],
			EndedEarlyUsers: a.Persons[core.Ended], RepeatExposures: a.Repeats,
		}
		if f.keepsCrossovers() {
			v.CrossoverUsers -= a.crossedHere()
			v.EndedEarlyUsers += a.Persons[core.CrossedEnded]
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
	primary := f.primary()
	for _, a := range f.arms {
		h := Headline{Variant: a.key, ExposedUsers: a.users(keepsCrossovers(other))}
		if primary != nil {
			n := a.Metrics[primary.ID].Merged(keepsCrossovers(other)).Users
			h.ConvertedUsers = &n
		}
		o.Variants = append(o.Variants, h)
	}
	return o
}

// pairs are the crossovers in byte order of the variants.
func (f *frame) pairs() []Pair {
	pairs := []Pair{}
	for _, a := range slices.Sorted(maps.Keys(f.run.Crossovers)) {
		for _, b := range slices.Sorted(maps.Keys(f.run.Crossovers[a])) {
			pairs = append(pairs, Pair{[2]string{a, b}, f.run.Crossovers[a][b]})
		}
	}
	return pairs
}

// earlyStop adds up who was ended early, crossover or not: the reasons are not kept apart.
func (f *frame) earlyStop() EarlyStop {
	e := EarlyStop{ByReason: map[string]int64{}, WithoutExposure: f.run.EndedUnexposed}
	for _, a := range f.arms {
		e.Users += a.Persons[core.Ended] + a.Persons[core.CrossedEnded]
		e.CrossoverUsers += a.Persons[core.CrossedEnded]
		for reason, n := range a.Reasons {
			e.ByReason[reason] += n
		}
	}
	return e
}

func (f *frame) unknown() []UnknownVariant {
	all := []UnknownVariant{}
	for _, label := range slices.Sorted(maps.Keys(f.run.Unknown)) {
		n := f.run.Unknown[label]
		all = append(all, UnknownVariant{label, n.Persons, n.Exposures})
	}
	return all
}

// conversions gives every conversion one status. Exclusion takes those that would have counted; a duplicate or a late
// one stays what it is, whoever made it.
func (f *frame) conversions() map[string]int64 {
	by := map[string]int64{core.CrossoverExcluded: 0, core.EndedEarlyExcluded: 0}
	for s, n := range f.run.Loose {
		by[core.Status(s).String()] += n
	}
	by[core.NoExposure.String()] += f.whole.NoExposure
	for _, a := range f.arms {
		for pop := range a.Statuses {
			for s, n := range a.Statuses[pop] {
				by[core.Status(s).Under(core.Population(pop), f.def.Crossover)] += n
			}
		}
	}
	return by
}

// persons are all who met a known variant, and the crossovers among them.
func (f *frame) persons() (all, crossed int64) {
	for _, a := range f.arms {
		crossed += a.crossedHere()
		all += a.crossedHere() + a.Persons[core.Clean] + a.Persons[core.Ended]
	}
	return all, crossed
}

// days are the first and the last day, since 1970, on which somebody who is counted was exposed for the first time.
func (f *frame) days() (first, last int64, ok bool) {
	for _, a := range f.arms {
		for pop, days := range a.Days {
			if core.Population(pop) == core.Crossed && !f.keepsCrossovers() {
				continue
			}
			for day := range days {
				if !ok || day < first {
					first = day
				}
				if !ok || day > last {
					last = day
				}
				ok = true
			}
		}
	}
	return first, last, ok
}
