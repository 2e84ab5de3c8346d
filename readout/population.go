package readout

import (
	"maps"
	"slices"

	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/registry"
)

// population is who takes part in a run, and which of them are counted.
type population struct {
	def      *registry.Definition
	declared bool
	life     registry.Run
	whole    *sums.Aggregate // of the experiment
	run      *sums.RunAggregate
	arms     []arm
	control  int        // index into arms, -1: there is none
	filtered bool       // bots and internal users are counted
	came     []arrivals // who is counted, by arm
}

// keepsCrossovers reports whether a policy counts crossovers in the variant they met first.
func keepsCrossovers(c registry.Crossover) bool { return c == registry.FirstExposure }

func (f *population) keepsCrossovers() bool { return keepsCrossovers(f.def.Crossover) }

// who are the persons that are counted.
func (f *population) who() sums.Include { return f.whoUnder(f.def.Crossover) }

func (f *population) whoUnder(c registry.Crossover) sums.Include {
	return sums.Include{Crossed: keepsCrossovers(c), Filtered: f.filtered}
}

// Words for whether bots and internal users are counted.
const (
	Exclude = "exclude"
	Include = "include"
)

func (f *population) filteredWord() string {
	if f.filtered {
		return Include
	}
	return Exclude
}

// users are the persons that are counted in the arm.
func (a arm) users(w sums.Include) (n int64) {
	for pop, persons := range a.Persons {
		if w.Counts(person.Population(pop)) {
			n += persons
		}
	}
	return n
}

func (f *population) users(i int) int64 { return f.arms[i].users(f.who()) }

// persons are those of a population of the arm, with filtered ones only if they are counted.
func (f *population) persons(a arm, pop person.Population) int64 {
	n := a.Persons[pop]
	if f.filtered {
		n += a.Persons[pop|person.Filtered]
	}
	return n
}

// crossedHere are the crossovers, ended early or not, that met this variant first.
func (f *population) crossedHere(a arm) int64 {
	return f.persons(a, person.Crossed) + f.persons(a, person.CrossedEnded)
}

// filteredHere are the bots and internal users that met this variant first.
func (a arm) filteredHere() (n int64) {
	for _, persons := range a.Persons[person.Filtered:] {
		n += persons
	}
	return n
}

// variants says who is counted in each arm and whom each rule took out of it. A person that several rules concern was
// taken out by the first of them: filtered, crossover if that excludes, ended early.
func (f *population) variants() []Variant {
	all := make([]Variant, 0, len(f.arms))
	for i, a := range f.arms {
		v := Variant{
			Variant: a.key, ExposedUsers: f.users(i), CrossoverUsers: a.Crossed[0] + a.Crossed[1],
			EndedEarlyUsers: f.persons(a, person.Ended), RepeatExposures: a.Repeats,
		}
		if f.filtered {
			v.CrossoverUsers += a.Crossed[2] + a.Crossed[3]
		} else {
			v.FilteredUsers = a.filteredHere()
		}
		if f.keepsCrossovers() {
			v.CrossoverUsers -= f.crossedHere(a)
			v.EndedEarlyUsers += f.persons(a, person.CrossedEnded)
		}
		if f.life.Status == registry.EndedEarly && slices.Contains(f.life.EndedVariants, a.key) {
			v.Invalid, v.InvalidReason = true, f.life.EndedReason
		}
		all = append(all, v)
	}
	return all
}

// pairs are the crossovers in byte order of the variants.
func (f *population) pairs() []Pair {
	by := map[[2]string]int64{}
	for i, crossovers := range f.run.Crossovers {
		if i == 1 && !f.filtered {
			break
		}
		for key, n := range crossovers.All() {
			a, b := sums.Pair(key)
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
func (f *population) earlyStop() EarlyStop {
	e := EarlyStop{ByReason: map[string]int64{}, ByDay: []EndDay{}, WithoutExposure: f.run.EndedUnexposed}
	byDay := map[int64]int64{}
	for _, a := range f.arms {
		e.Users += f.persons(a, person.Ended) + f.persons(a, person.CrossedEnded)
		e.CrossoverUsers += f.persons(a, person.CrossedEnded)
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

func (f *population) unknown() []UnknownVariant {
	all := []UnknownVariant{}
	for label, n := range f.run.Unknown.All() {
		all = append(all, UnknownVariant{label, n.Persons, n.Exposures})
	}
	return all
}

// conversions gives every conversion one status. Exclusion takes those that would have counted; a duplicate or a late
// one stays what it is, whatever its population.
func (f *population) conversions() map[string]int64 {
	by := map[string]int64{person.FilteredOut: 0, person.CrossoverExcluded: 0, person.EndedEarlyExcluded: 0}
	for s, n := range f.run.Loose {
		by[person.Status(s).String()] += n
	}
	by[person.NoExposure.String()] += f.whole.NoExposure
	for _, a := range f.arms {
		for pop := range a.Statuses {
			for s, n := range a.Statuses[pop] {
				by[person.Status(s).Under(person.Population(pop), f.def.Crossover, f.filtered)] += n
			}
		}
	}
	return by
}

// exposed are all who were exposed to a known variant (filtered ones only if they are counted), and the crossovers among them.
func (f *population) exposed() (all, crossed int64) {
	for _, a := range f.arms {
		crossed += f.crossedHere(a)
		all += f.crossedHere(a) + f.persons(a, person.Clean) + f.persons(a, person.Ended)
	}
	return all, crossed
}

// days are the first and the last day, since 1970, on which a counted user was exposed for the first time.
func (f *population) days() (first, last int64, ok bool) {
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

// treatments are the indices of all arms but the control.
func (f *population) treatments() []int {
	var all []int
	for i := range f.arms {
		if i != f.control {
			all = append(all, i)
		}
	}
	return all
}

// primary is the metric that decides, nil if none does.
func (f *population) primary() *registry.Metric {
	for i := range f.def.Metrics {
		if m := &f.def.Metrics[i]; m.Role == registry.Primary {
			return m
		}
	}
	return nil
}

func (f *population) metricOf(id string) *registry.Metric {
	for i := range f.def.Metrics {
		if f.def.Metrics[i].ID == id {
			return &f.def.Metrics[i]
		}
	}
	return nil
}

func (f *population) index(variant string) int {
	for i, a := range f.arms {
		if a.key == variant {
			return i
		}
	}
	return -1
}

// needed are the arms that the plan needs: the control, and every arm with a weight.
func (f *population) needed(i int) bool { return f.arms[i].weight > 0 || i == f.control }

// dates are the days on which anybody who counts was first exposed, in order.
func (f *population) dates() []int64 {
	var all []int64
	for _, came := range f.came {
		for _, a := range came {
			all = append(all, a.day)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// newcomers are the persons of every kind by the day of their first exposure, and the last such day.
func (f *population) newcomers() (by map[int64]int64, last int64) {
	by = map[int64]int64{}
	for _, a := range f.arms {
		for day, n := range a.PersonsByDay(sums.Include{Crossed: true, Filtered: true}) {
			by[day] += n
			if n > 0 && (last == 0 || day > last) {
				last = day
			}
		}
	}
	return by, last
}
