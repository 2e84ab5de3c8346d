package sums

import (
	"iter"
	"strings"
)

// Name is what a source calls an experiment.
type Name struct {
	Source     string
	Experiment string
	Own        string // the vendor's own id for it, untouched; "": it sends none
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
