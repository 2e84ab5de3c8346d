package readout

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/registry"
)

// Bounds of what a readout lists. Anyone can name an experiment, a variant and a conversion, so what is listed must not
// grow with what strangers send.
const (
	maxVariants = 50  // of an undeclared experiment: those with the most users
	maxMetrics  = 100 // of an undeclared experiment: those of the most users
	maxUnknown  = 100 // variants that a declared experiment does not know: those of the most users
	maxPairs    = 500 // of variants that crossovers were seen in
	maxReasons  = 100 // of early ends
)

// otherReasons stands for all reasons of early ends past maxReasons.
const otherReasons = "other"

// Other counts what a readout does not list one by one, because there is too much of it.
type Other struct {
	Variants        int   `json:"variants,omitempty"`      // of an undeclared experiment
	ExposedUsers    int64 `json:"exposed_users,omitempty"` // of these, in whatever way they are counted
	Metrics         int   `json:"metrics,omitempty"`       // of an undeclared experiment
	UnknownVariants int   `json:"unknown_variants,omitempty"`
	UnknownUsers    int64 `json:"unknown_users,omitempty"` // of these
	Crossovers      int   `json:"crossovers,omitempty"`    // pairs of variants
	EndedReasons    int   `json:"ended_reasons,omitempty"` // counted under the reason "other"
}

// largest is the names with the most behind them, at most limit, in byte order, and what is behind all others.
func largest(all map[string]int64, limit int) (names []string, left int, behind int64) {
	names = slices.Sorted(maps.Keys(all))
	if len(names) <= limit {
		return names, 0, 0
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(all[b], all[a]) })
	for _, name := range names[limit:] {
		behind += all[name]
	}
	left = len(names) - limit
	names = names[:limit]
	slices.Sort(names)
	return names, left, behind
}

// seenIn is what an undeclared experiment is made of: its variants and conversion events, as far as they are listed.
func seenIn(s *sums.Snapshot) (variants, events []string, other Other) {
	users, converted := map[string]int64{}, map[string]int64{}
	if run := s.Aggregate.Runs[1]; run != nil {
		for key, v := range run.Variants.All() {
			users[key] = 0
			for _, n := range v.Persons {
				users[key] += n
			}
			for event, m := range v.Metrics {
				if n := m.Merged(sums.Include{Crossed: true, Filtered: true}).Users; n > 0 { // not only before the exposure
					converted[event] += n
				}
			}
		}
	}
	variants, other.Variants, other.ExposedUsers = largest(users, maxVariants)
	events, other.Metrics, _ = largest(converted, maxMetrics)
	return variants, events, other
}

// bound leaves out of a readout what there is too much of, after its checks have counted everything.
func (r *Readout) bound(s *sums.Snapshot) {
	var other Other
	if s.Experiment == nil {
		_, _, other = seenIn(s)
	}
	if n := len(r.UnknownVariants); n > maxUnknown {
		kept := slices.Clone(r.UnknownVariants)
		slices.SortStableFunc(kept, func(a, b UnknownVariant) int { return cmp.Compare(b.Users, a.Users) })
		other.UnknownVariants = n - maxUnknown
		for _, u := range kept[maxUnknown:] {
			other.UnknownUsers += u.Users
		}
		kept = kept[:maxUnknown]
		slices.SortFunc(kept, func(a, b UnknownVariant) int { return strings.Compare(a.Variant, b.Variant) })
		r.UnknownVariants = kept
	}
	if n := len(r.Crossovers); n > maxPairs {
		kept := slices.Clone(r.Crossovers)
		slices.SortStableFunc(kept, func(a, b Pair) int { return cmp.Compare(b.Users, a.Users) })
		kept = kept[:maxPairs]
		slices.SortFunc(kept, func(a, b Pair) int { return slices.Compare(a.Variants[:], b.Variants[:]) })
		r.Crossovers, other.Crossovers = kept, n-maxPairs
	}
	if len(r.EarlyStop.ByReason) > maxReasons {
		names, left, behind := largest(r.EarlyStop.ByReason, maxReasons)
		kept := map[string]int64{}
		for _, name := range names {
			kept[name] = r.EarlyStop.ByReason[name]
		}
		kept[otherReasons] += behind
		r.EarlyStop.ByReason, other.EndedReasons = kept, left
	}
	if other != (Other{}) {
		r.Other = &other
	}
}

// Undeclared is the definition that an experiment without one is read by: the variants and conversion events seen, equal
// weights, and the defaults for everything else. A single event is the primary metric; of several none is.
func Undeclared(s *sums.Snapshot) registry.Definition {
	variants, events, _ := seenIn(s)
	d := registry.Definition{ID: s.ID, Variants: []registry.Variant{}}
	for _, key := range variants {
		d.Variants = append(d.Variants, registry.Variant{Key: key})
	}
	d.Control = registry.GuessUndeclaredControl(variants)
	role := registry.Secondary
	if len(events) == 1 {
		role = registry.Primary
	}
	for _, event := range events {
		d.Metrics = append(d.Metrics, registry.Metric{ID: event, Role: role, Type: registry.Proportion, Event: event})
	}
	_ = d.Normalize() // for the defaults; what was seen need not make a complete definition
	return d
}
