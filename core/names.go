package core

import (
	"encoding/binary"
	"fmt"
	"iter"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

// Name is what a source calls an experiment.
type Name struct {
	Source     string
	Experiment string
	Own        string // the vendor's own id for it, untouched; "": it sends none
}

// noteName counts a fact with what it calls its experiment, or takes it off again, so that a change of the registry finds
// every name that means something else from then on, and readers see who calls what by one name.
func (f *Fold) noteName(e *canonical.Event, sign int64) {
	if e.ExperimentID == "" {
		return
	}
	if e.HeldOutOf != "" {
		f.countName(name{e.Source, e.HeldOutOf, ""}, sign)
	}
	f.countName(name{e.Source, e.ExperimentID, e.SourceExperiment}, sign)
}

func (f *Fold) countName(n name, sign int64) {
	was := f.names[n]
	f.names[n] = was + sign
	switch {
	case was == 0:
		f.next.called.set(f.calledKey(n), struct{}{})
	case was+sign == 0:
		f.next.called.remove(f.calledKey(n))
	}
	f.renamed[n] = struct{}{}
}

// calledKey is a name by our id of the experiment that it means.
func (f *Fold) calledKey(n name) string {
	return strings.Join([]string{f.rules.Resolve(n.source, n.experiment, n.vendor), n.source, n.experiment, n.vendor}, "\x00")
}

// rename moves names that mean another experiment by the next registry, which it makes the one that all is read by.
func (f *Fold) rename(next registry.Registry, moved []name) {
	for _, n := range moved {
		f.next.called.remove(f.calledKey(n))
	}
	f.rules.Registry = next
	for _, n := range moved {
		f.next.called.set(f.calledKey(n), struct{}{})
	}
}

// loadNames reads all names.
func (f *Fold) loadNames(db Reader) error {
	return db.Scan([]byte{keyName}, func(key, value []byte) error {
		n, err := decodeName(key)
		count, size := binary.Varint(value)
		if err == nil && size <= 0 {
			err = fmt.Errorf("name: %w", errRecord)
		}
		f.names[n] = count
		f.next.called.set(f.calledKey(n), struct{}{})
		return err
	})
}

// flushNames writes the counts that changed. A name that no fact has is forgotten.
func (f *Fold) flushNames() error {
	for n := range f.renamed {
		count := f.names[n]
		err := error(nil)
		if count == 0 {
			delete(f.names, n)
			err = f.tx.Delete(n.key())
		} else {
			err = f.tx.Set(n.key(), binary.AppendVarint(nil, count))
		}
		if err != nil {
			return err
		}
	}
	f.renamed = emptied(f.renamed)
	return nil
}

// Called returns all names that sources call the experiment by, sorted.
func (s *Snapshot) Called() (all []Name) {
	prefix := s.ID + "\x00"
	for key := range s.called.From(prefix) {
		if !strings.HasPrefix(key, prefix) {
			break
		}
		if parts := strings.Split(key[len(prefix):], "\x00"); len(parts) == 3 {
			all = append(all, Name{parts[0], parts[1], parts[2]})
		}
	}
	return all
}

// Names iterates over all names that sources call experiments by.
func (v *View) Names() iter.Seq[Name] {
	return func(yield func(Name) bool) {
		for key := range v.called.All() {
			if parts := strings.Split(key, "\x00"); len(parts) == 4 && !yield(Name{parts[1], parts[2], parts[3]}) {
				return
			}
		}
	}
}

// Labeled reports whether an exposure to the variant was counted in any run of the experiment, whether or not the variant
// is declared.
func (v *View) Labeled(id, variant string) bool {
	s, ok := v.snapshots.Get(id)
	if !ok {
		return false
	}
	for _, r := range s.Aggregate.Runs {
		if _, known := r.Variants.Get(variant); known {
			return true
		}
		if _, known := r.Unknown.Get(variant); known {
			return true
		}
	}
	return false
}
