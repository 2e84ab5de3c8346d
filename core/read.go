package core

import (
	"context"
	"maps"
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
	snapshots     map[string]*Snapshot
}

// Snapshot is one experiment as of a View.
type Snapshot struct {
	ID         string
	Experiment *registry.Experiment // nil: undeclared
	Aggregate  *Aggregate
}

// Experiment finds an experiment, declared or named by events.
func (v *View) Experiment(id string) (*Snapshot, bool) {
	s, ok := v.snapshots[id]
	if x, declared := v.Registry.Get(id); declared && !ok {
		return &Snapshot{ID: id, Experiment: x, Aggregate: &Aggregate{}}, true
	}
	return s, ok
}

// Experiments are the ids of all experiments, declared or named by events, in byte order.
func (v *View) Experiments() []string {
	ids := slices.Collect(maps.Keys(v.snapshots))
	for _, x := range v.Registry.All() {
		ids = append(ids, x.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func cloneSnapshots(v *View, more int) map[string]*Snapshot {
	m := make(map[string]*Snapshot, len(v.snapshots)+more)
	maps.Copy(m, v.snapshots)
	return m
}

// View is the newest committed state.
func (f *Fold) View() *View { return f.view.Load() }

// Wait returns the first View that has applied the stream sequence, or the newest one and ctx's error.
func (f *Fold) Wait(ctx context.Context, seq uint64) (*View, error) {
	for {
		f.mu.Lock()
		more := f.more
		f.mu.Unlock()
		if v := f.View(); v.Seq >= seq {
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
func (f *Fold) snapshot(id string, a *Aggregate) *Snapshot {
	s := &Snapshot{ID: id, Aggregate: a.clone()}
	if x, ok := f.rules.Get(id); ok {
		s.Experiment = x
	}
	return s
}

// publish lets readers see the committed state.
func (f *Fold) publish(snapshots map[string]*Snapshot) {
	f.view.Store(&View{
		Seq: f.meta.Seq, Watermark: f.meta.Watermark, LinkConflicts: f.meta.LinkConflicts, Unreadable: f.meta.Unreadable, Erasures: f.meta.Erasures,
		Registry: f.rules.Registry, snapshots: snapshots,
	})
	f.mu.Lock()
	close(f.more)
	f.more = make(chan struct{})
	f.mu.Unlock()
}
