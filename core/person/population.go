package person

import "github.com/tracklayer/tracklayer/registry"

// Population splits the persons of an arm by what speaks against counting them. Which of them are counted is the
// policy's to say when the aggregate is read, so that both policies can be shown side by side.
type Population uint8

// The populations. Crossed, Ended and Filtered are bits.
const (
	Clean        Population = 0 // nothing
	Crossed      Population = 1 // seen in several variants of the run; here under the first one
	Ended        Population = 2 // ended early
	CrossedEnded Population = 3 // both
	Filtered     Population = 4 // a bot or an internal user, and whatever else
	Populations             = 8
)

// Status is what became of a conversion in a run. Every conversion has exactly one in every run it concerns.
type Status uint8

// Statuses of a conversion. Exclusion of bots and internal users, of crossovers and of early ends is not among them: it
// follows from the population, and so from the policy.
const (
	Counted Status = iota
	Duplicate
	BeforeExposure
	OutsideWindow
	AfterRun
	NoExposure
	UnknownVariant
	Adjustment        // it changed the value of a conversion that counts
	WaitingAdjustment // what it adjusts has not arrived
	Statuses          = 9
)

var statusNames = [Statuses]string{"counted", "duplicate", "before_exposure", "outside_window", "after_run", "no_exposure", "unknown_variant", "adjustment", "waiting_adjustment"}

// String is the status's word in the API.
func (s Status) String() string { return statusNames[s] }

// Exclusions of conversions that would have counted.
const (
	FilteredOut        = "filtered" // a bot's or an internal user's
	CrossoverExcluded  = "crossover_excluded"
	EndedEarlyExcluded = "ended_early_excluded"
)

// Under is the status's word in the API for a person of that population where crossovers are treated by that policy, and
// bots and internal users are counted or not. A duplicate or a late conversion stays what it is, whichever unit made it.
func (s Status) Under(pop Population, policy registry.Crossover, filtered bool) string {
	keeps := policy == registry.FirstExposure
	counts := s == Counted || s == Adjustment
	if counts && pop&Filtered != 0 && !filtered {
		return FilteredOut
	}
	pop &^= Filtered
	switch {
	case !counts || pop == Clean:
	case pop == Ended, pop == CrossedEnded && keeps:
		return EndedEarlyExcluded
	case !keeps:
		return CrossoverExcluded
	}
	return s.String()
}

// Groups is the number of populations that are measured: those that did not end early.
const Groups = 4

// Group numbers the populations that are measured: clean, crossed, filtered, filtered and crossed.
func (p Population) Group() int { return int(p&Crossed | p&Filtered>>1) }

// Words for populations.
const (
	popClean      = "clean"
	popFiltered   = "filtered"
	popCrossover  = "crossover"
	popEnded      = "ended_early"
	popUnknown    = "unknown_variant"
	popNotExposed = "not_exposed"
)

// Word is the population's word. Who is filtered is that before all else, and a crossover that was ended early as well
// counts as crossover.
func (v *Run) Word(labels registry.Label) string {
	switch {
	case !v.Exposed():
		return popNotExposed
	case len(v.Arms) == 0:
		return popUnknown
	}
	switch pop := v.Population(labels); {
	case pop&Filtered != 0:
		return popFiltered
	case pop&Crossed != 0:
		return popCrossover
	case pop == Ended:
		return popEnded
	}
	return popClean
}
