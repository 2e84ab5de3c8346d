package core

import (
	"context"
	"slices"

	"github.com/tracklayer/tracklayer/canonical"
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
	LedgerDays Table[LedgerEntry]
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

// View is the newest committed state.
func (f *Fold) View() *View { return f.view.Load() }

// Wait returns the first View that has applied the stream sequence, or the newest one and ctx's error.
func (f *Fold) Wait(ctx context.Context, seq uint64) (*View, error) {
	return f.Until(ctx, func(v *View) bool { return v.Seq >= seq })
}

// Until returns the first View, from the newest on, that is what was waited for, or the newest one and ctx's error.
func (f *Fold) Until(ctx context.Context, good func(*View) bool) (*View, error) {
	for {
		f.mu.Lock()
		more := f.more
		f.mu.Unlock()
		if v := f.View(); good(v) {
			return v, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return f.View(), ctx.Err()
		}
	}
}

// tables are what readers see of what anyone can make more of. A commit writes only the entries that changed.
type tables struct {
	snapshots  Table[*Snapshot]
	called     Table[struct{}]
	seen       Table[Seen]
	ledgerDays Table[LedgerEntry]
	listing    Listing
	revision   int // of the registry that listing was made by
}

// snapshot freezes an experiment for readers.
func (f *Fold) snapshot(id string, a *Aggregate) *Snapshot {
	s := &Snapshot{ID: id, Aggregate: a.handOut()}
	if x, ok := f.rules.Get(id); ok {
		s.Experiment = x
	}
	return s
}

// show lets readers see the experiment from the next commit on.
func (f *Fold) show(s *Snapshot) {
	if _, known := f.next.snapshots.Get(s.ID); !known {
		f.next.listing.add(f.rules.Registry, s.ID)
	}
	f.next.snapshots.set(s.ID, s)
}

// hide takes an experiment from readers that no event names any more.
func (f *Fold) hide(id string) {
	f.next.snapshots.remove(id)
	f.next.listing.remove(f.rules.Registry, id)
}

// publish lets readers see the committed state.
func (f *Fold) publish() {
	if t := &f.next; t.revision != f.rules.Revision {
		t.listing, t.revision = listingOf(f.rules.Registry, t.snapshots), f.rules.Revision
	}
	v := &View{
		Seq: f.meta.Seq, Watermark: f.meta.Watermark, LinkConflicts: f.meta.LinkConflicts, Unreadable: f.meta.Unreadable,
		Erasures: f.meta.Erasures, Registry: f.rules.Registry, Due: len(f.due), Grouping: f.groups,
		Seen: f.next.seen.copied(), LedgerDays: f.next.ledgerDays.copied(), snapshots: f.next.snapshots.copied(), called: f.next.called.copied(),
		listing: f.next.listing.copied(),
	}
	if f.beside != nil && !f.dueAgain() {
		v.Due++
	}
	if w := f.meta.Walk; w != nil {
		v.Recomputing = &Progress{Done: w.Seen, Of: f.meta.Persons}
	}
	f.view.Store(v)
	f.mu.Lock()
	close(f.more)
	f.more = make(chan struct{})
	f.mu.Unlock()
}

// SequenceOf is the stream sequence that a store stands for, 0 where nothing was applied. It reads nothing else, and
// fails with ErrFormat where this program does not read the rest.
func SequenceOf(store Store) (uint64, error) {
	r := store.Freeze()
	defer r.Discard()
	m, err := readMeta(r)
	return m.Seq, err
}
