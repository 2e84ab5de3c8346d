package core

import (
	"github.com/tracklayer/tracklayer/core/ledger"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
)

// The names below are those of packages sums, person and ledger, for packages that import them from here until they
// import the packages themselves.

// Aggregate is sums.Aggregate.
type Aggregate = sums.Aggregate

// RunAggregate is sums.RunAggregate.
type RunAggregate = sums.RunAggregate

// VariantAggregate is sums.VariantAggregate.
type VariantAggregate = sums.VariantAggregate

// Name is sums.Name.
type Name = sums.Name

// Seen is sums.Seen.
type Seen = sums.Seen

// Doubts is sums.Doubts.
type Doubts = sums.Doubts

// Listing is sums.Listing.
type Listing = sums.Listing

// Moments is sums.Moments.
type Moments = sums.Moments

// Sums is sums.Sums.
type Sums = sums.Sums

// MetricAggregate is sums.MetricAggregate.
type MetricAggregate = sums.MetricAggregate

// Who is sums.Include.
type Who = sums.Include

// View is sums.View.
type View = sums.View

// Snapshot is sums.Snapshot.
type Snapshot = sums.Snapshot

// Table is sums.Table.
type Table[V any] = sums.Table[V]

// Wide is sums.Wide.
type Wide = sums.Wide

// Population is person.Population.
type Population = person.Population

// Status is person.Status.
type Status = person.Status

// LedgerKey is ledger.Key.
type LedgerKey = ledger.Key

// LedgerEntry is ledger.Entry.
type LedgerEntry = ledger.Entry

// Reason is ledger.Reason.
type Reason = ledger.Reason

// LedgerDay is ledger.Day.
type LedgerDay = ledger.Day

// Crowd and the other constants here are those of packages sums and person.
const (
	Crowd              = person.Crowd
	Clean              = person.Clean
	Crossed            = person.Crossed
	Ended              = person.Ended
	CrossedEnded       = person.CrossedEnded
	Filtered           = person.Filtered
	Counted            = person.Counted
	Duplicate          = person.Duplicate
	BeforeExposure     = person.BeforeExposure
	OutsideWindow      = person.OutsideWindow
	AfterRun           = person.AfterRun
	NoExposure         = person.NoExposure
	UnknownVariant     = person.UnknownVariant
	Adjustment         = person.Adjustment
	WaitingAdjustment  = person.WaitingAdjustment
	FilteredOut        = person.FilteredOut
	CrossoverExcluded  = person.CrossoverExcluded
	EndedEarlyExcluded = person.EndedEarlyExcluded
	Unrated            = person.Unrated
	CovariateDays      = person.CovariateDays
)

// PairKey is sums.PairKey.
var PairKey = sums.PairKey

// Pair is sums.Pair.
var Pair = sums.Pair

// MaxPaired is sums.MaxPaired.
const MaxPaired = sums.MaxPaired
