package core

import (
	"context"

	"github.com/tracklayer/tracklayer/core/sums"
)

// View is the newest committed state.
func (f *Fold) View() *sums.View { return f.view.Load() }

// Wait returns the first View that has applied the stream sequence, or the newest one and ctx's error.
func (f *Fold) Wait(ctx context.Context, seq uint64) (*sums.View, error) {
	return f.Until(ctx, func(v *sums.View) bool { return v.Seq >= seq })
}

// Until returns the first View, from the newest on, that is what was waited for, or the newest one and ctx's error.
func (f *Fold) Until(ctx context.Context, good func(*sums.View) bool) (*sums.View, error) {
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

// snapshot freezes an experiment for readers.
func (f *Fold) snapshot(id string, a *sums.Aggregate) *sums.Snapshot {
	s := &sums.Snapshot{ID: id, Aggregate: a.HandOut()}
	if x, ok := f.rules.Get(id); ok {
		s.Experiment = x
	}
	return s
}

// show lets readers see the experiment from the next commit on.
func (f *Fold) show(s *sums.Snapshot) {
	if _, known := f.next.Snapshots.Get(s.ID); !known {
		f.next.Listing.Add(f.rules.Registry, s.ID)
	}
	f.next.Snapshots.Set(s.ID, s)
}

// hide takes an experiment from readers that no event names any more.
func (f *Fold) hide(id string) {
	f.next.Snapshots.Remove(id)
	f.next.Listing.Remove(f.rules.Registry, id)
}

// publish lets readers see the committed state.
func (f *Fold) publish() {
	if t := &f.next; t.Revision != f.rules.Revision {
		t.Listing, t.Revision = sums.ListingOf(f.rules.Registry, t.Snapshots), f.rules.Revision
	}
	v := sums.View{
		Seq: f.meta.Seq, Watermark: f.meta.Watermark, LinkConflicts: f.meta.LinkConflicts, Unreadable: f.meta.Unreadable,
		Erasures: f.meta.Erasures, Registry: f.rules.Registry, Due: len(f.due), Grouping: f.groups,
	}.Over(&f.next)
	if f.beside != nil && !f.dueAgain() {
		v.Due++
	}
	if w := f.meta.Walk; w != nil {
		v.Recomputing = &sums.Progress{Done: w.Seen, Of: f.meta.Persons}
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
