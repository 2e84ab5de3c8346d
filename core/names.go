package core

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/wire"
	"github.com/tracklayer/tracklayer/registry"
)

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
		f.next.Called.Set(f.calledKey(n), struct{}{})
	case was+sign == 0:
		f.next.Called.Remove(f.calledKey(n))
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
		f.next.Called.Remove(f.calledKey(n))
	}
	f.rules.Registry = next
	for _, n := range moved {
		f.next.Called.Set(f.calledKey(n), struct{}{})
	}
}

// loadNames reads all names.
func (f *Fold) loadNames(db Reader) error {
	return eachRecord(db.Scan([]byte{keyName}), func(key, value []byte) error {
		n, err := decodeName(key)
		count, size := binary.Varint(value)
		if err == nil && size <= 0 {
			err = fmt.Errorf("name: %w", wire.ErrRecord)
		}
		f.names[n] = count
		f.next.Called.Set(f.calledKey(n), struct{}{})
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
