package core

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/core/wire"
)

// appendPart is the key of a stored part: experiment, run, kind, key.
func appendPart(b []byte, experiment string, p sums.Part) []byte {
	b = append(append(append(b, keyPart), experiment...), 0)
	b = binary.BigEndian.AppendUint32(b, uint32(p.Run))
	return append(append(b, byte(p.Kind)), p.Key...)
}

func decodePart(key []byte) (experiment string, p sums.Part, ok bool) {
	name, rest, ok := bytes.Cut(key[1:], []byte{0})
	if !ok || len(rest) < 5 {
		return "", p, false
	}
	return string(name), sums.Part{Run: int(binary.BigEndian.Uint32(rest)), Kind: sums.PartKind(rest[4]), Key: string(rest[5:])}, true
}

// flushParts writes the parts of the aggregate that changed since they were last written. The aggregate is pruned.
func (f *Fold) flushParts(experiment string, a *sums.Aggregate) error {
	for p := range a.TakeParts() {
		key := appendPart(make([]byte, 0, 64), experiment, p)
		value, err := a.Part(p)
		switch {
		case err != nil:
		case value == nil:
			err = f.tx.Delete(key)
		default:
			err = f.tx.Set(key, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// loadParts reads the parts of all aggregates.
func (f *Fold) loadParts(db Reader) error {
	return eachRecord(db.Scan([]byte{keyPart}), func(key, value []byte) error {
		experiment, p, ok := decodePart(key)
		a := f.aggs[experiment]
		if !ok || a == nil || a.Runs[p.Run] == nil || !a.Runs[p.Run].Load(p, value) {
			return fmt.Errorf("a part of the aggregate of %q: %w", experiment, wire.ErrRecord)
		}
		return nil
	})
}
