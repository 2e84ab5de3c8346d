package store

import (
	"errors"
	"io"
	"iter"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/tracklayer/tracklayer/core"
)

// frozen reads one committed state. Keys that were never set are absent from it as well, so the filter serves it too.
type frozen struct {
	snapshot *pebble.Snapshot
	absent   *absent
	closer   io.Closer
}

func (f *frozen) release() error {
	if f.closer == nil {
		return nil
	}
	c := f.closer
	f.closer = nil
	return c.Close()
}

// Get implements core.Reader.
func (f *frozen) Get(key []byte) ([]byte, bool, error) {
	if err := f.release(); err != nil {
		return nil, false, err
	}
	if f.absent.certain(key) {
		return nil, false, nil
	}
	value, closer, err := f.snapshot.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	f.closer = closer
	return value, true, nil
}

// Scan implements core.Reader.
func (f *frozen) Scan(prefix []byte) iter.Seq2[core.Record, error] {
	return records(f.snapshot, below(prefix))
}

// ScanAfter implements core.Reader.
func (f *frozen) ScanAfter(prefix, after []byte) iter.Seq2[core.Record, error] {
	return records(f.snapshot, &pebble.IterOptions{LowerBound: append(slices.Clone(after), 0), UpperBound: successor(prefix)})
}

// Discard implements core.Reader.
func (f *frozen) Discard() {
	_ = f.release()        // the value was read; there is nothing to undo
	_ = f.snapshot.Close() // the same
}
