package sums

import (
	"slices"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/ledger"
	"github.com/tracklayer/tracklayer/registry"
)

// View is the committed state as of one stream sequence. It never changes.
type View struct {
	Seq           uint64         // of the last record applied
	Watermark     canonical.Time // the latest receipt applied: "now" for everything that matures; 0 before the first event
	LinkConflicts int64          // users that were linked to an anonymous id beyond its owner
	Unreadable    int64          // records of the log that could not be read
	Erasures      int64          // persons that were erased
	Registry      registry.Registry
	Recomputing   *Progress // of what a change of the registry asked for; nil: all is done
	Grouping      int       // of Due: ids of which it must be found again who is who
	Due           int       // persons with very many events who are to be recomputed: they count for what they were before
	// Seen has every conversion event that was received, with 1 for what was received of it and 0 for what was not.
	Seen Table[Seen]
	// LedgerDays has the sum of the ledger's lines of each day and source, without reasons. See LedgerDay.Key.
	LedgerDays Table[ledger.Entry]
	snapshots  Table[*Snapshot]
	called     Table[struct{}] // see Snapshot.Called
	listing    Listing
}

// Snapshot is one experiment as of a View, or, while it is being recomputed, as of the moment before that was asked for.
type Snapshot struct {
	ID         string
	Experiment *registry.Experiment // nil: undeclared
	Aggregate  *Aggregate
	called     Table[struct{}] // of all experiments

	Seq         uint64 // of the last record applied
	Revision    int    // of the registry
	Watermark   canonical.Time
	Recomputing bool
	Lost        bool // recomputing, and what it was before is not known any more because the program was started again
}

// KnownAs lets the snapshot have the names that sources call experiments by.
func (s *Snapshot) KnownAs(names Table[struct{}]) { s.called = names }

// Unsettled reports whether Recompute has something to do.
func (v *View) Unsettled() bool { return v.Recomputing != nil || v.Due > 0 }

// Experiment finds an experiment, declared or named by events.
func (v *View) Experiment(id string) (*Snapshot, bool) {
	found, ok := v.snapshots.Get(id)
	if ok && found.Recomputing {
		return found, true
	}
	s := Snapshot{ID: id, Seq: v.Seq, Revision: v.Registry.Revision, Watermark: v.Watermark, called: v.called}
	if ok {
		s.Experiment, s.Aggregate = found.Experiment, found.Aggregate
		return &s, true
	}
	s.Experiment, ok = v.Registry.Get(id)
	s.Aggregate = &Aggregate{}
	return &s, ok
}

// Experiments are the ids of all experiments, declared or named by events, in byte order.
func (v *View) Experiments() []string {
	ids := v.snapshots.Keys()
	for _, x := range v.Registry.All() {
		ids = append(ids, x.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Tables are what readers see of what anyone can make more of. A commit writes only the entries that changed.
type Tables struct {
	Snapshots  Table[*Snapshot]
	Called     Table[struct{}]
	Seen       Table[Seen]
	LedgerDays Table[ledger.Entry]
	Listing    Listing
	Revision   int // of the registry that listing was made by
}

// Progress says how far a recomputation is.
type Progress struct {
	Done int64 // persons looked at
	Of   int64 // persons there are
}

// Over returns the view with a copy of the tables.
func (v View) Over(t *Tables) *View {
	v.Seen, v.LedgerDays = t.Seen.Copied(), t.LedgerDays.Copied()
	v.snapshots, v.called, v.listing = t.Snapshots.Copied(), t.Called.Copied(), t.Listing.copied()
	return &v
}

// Committed is the newest aggregate that readers may see of an experiment, an empty one if it has none.
func (v *View) Committed(id string) *Aggregate {
	if s, ok := v.snapshots.Get(id); ok {
		return s.Aggregate
	}
	return &Aggregate{}
}
