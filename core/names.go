package core

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
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
	if f.names[n] = was + sign; was == 0 || was+sign == 0 {
		f.called = nil
	}
	f.renamed[n] = struct{}{}
}

// loadNames reads all names.
func (f *Fold) loadNames(tx Tx) error {
	return tx.Scan([]byte{keyName}, func(key, value []byte) error {
		n, err := decodeName(key)
		count, size := binary.Varint(value)
		if err == nil && size <= 0 {
			err = fmt.Errorf("name: %w", errRecord)
		}
		f.names[n] = count
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
	clear(f.renamed)
	return nil
}

// namesOf are all names of an experiment that facts have, sorted.
func (f *Fold) namesOf(experiment string) []Name {
	if f.called == nil {
		f.called = map[string][]Name{}
		for n, count := range f.names {
			if count > 0 {
				id := f.rules.Resolve(n.source, n.experiment, n.vendor)
				f.called[id] = append(f.called[id], Name{n.source, n.experiment, n.vendor})
			}
		}
		for _, names := range f.called {
			slices.SortFunc(names, func(a, b Name) int {
				return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.Experiment, b.Experiment), strings.Compare(a.Own, b.Own))
			})
		}
	}
	return f.called[experiment]
}
