package core

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/core/wire"
	"github.com/tracklayer/tracklayer/registry"
)

// ErrNoOfficial reports that no such readout is stored.
var ErrNoOfficial = errors.New("no readout of this experiment with this hash is stored")

func officialKey(experiment, hash string) []byte {
	return append(edgeKey(keyReadout, experiment, ""), hash...)
}

// official keeps a readout as it was stored. The same bytes twice are one readout, the first that was stored. What
// cannot be read is counted: the log holds it for ever.
func (f *Fold) official(r *canonical.Record) error {
	o, _, err := registry.ParseOfficial(r.Readout)
	if err != nil {
		f.meta.Unreadable++
		return nil //nolint:nilerr // counted, see above
	}
	key := officialKey(o.ExperimentID, o.SHA256)
	_, found, err := f.tx.Get(key)
	if err != nil || found {
		return err
	}
	return f.tx.Set(key, append(binary.BigEndian.AppendUint64(nil, r.Seq), r.Readout...))
}

// Officials are the stored readouts of an experiment as of the last commit, the newest first.
func (f *Fold) Officials(experiment string) (all []registry.Official, err error) {
	type kept struct {
		registry.Official
		seq uint64
	}
	var found []kept
	err = f.reading(func(_ *sums.View, r *reader) error {
		return eachRecord(r.db.Scan(edgeKey(keyReadout, experiment, "")), func(_, value []byte) error {
			o, _, seq, err := readOfficial(value)
			found = append(found, kept{o, seq})
			return err
		})
	})
	slices.SortFunc(found, func(a, b kept) int { return cmp.Compare(b.seq, a.seq) })
	for _, k := range found {
		all = append(all, k.Official)
	}
	return all, err
}

// Official finds a stored readout by its SHA-256 in hexadecimal digits, and its bytes. It fails with ErrNoOfficial.
func (f *Fold) Official(experiment, hash string) (o registry.Official, readout []byte, err error) {
	err = f.reading(func(_ *sums.View, r *reader) error {
		value, found, err := r.db.Get(officialKey(experiment, hash))
		if err != nil {
			return err
		}
		if !found {
			return ErrNoOfficial
		}
		o, readout, _, err = readOfficial(slices.Clone(value))
		return err
	})
	return o, readout, err
}

func readOfficial(value []byte) (o registry.Official, readout []byte, seq uint64, err error) {
	if len(value) < 8 {
		return o, nil, 0, fmt.Errorf("readout: %w", wire.ErrRecord)
	}
	if o, readout, err = registry.ParseOfficial(value[8:]); err != nil {
		return o, nil, 0, fmt.Errorf("readout: %w: %w", wire.ErrRecord, err)
	}
	return o, readout, binary.BigEndian.Uint64(value), nil
}
