package core

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/core/wire"
)

// appendCut is the key of a stored cut: experiment, run, variant, metric, group, day, age. Numbers are written so that
// a scan meets the days and the ages of a series in order, its covariate first.
func appendCut(b []byte, experiment string, c sums.Cut) []byte {
	b = append(append(append(b, keyCut), experiment...), 0)
	b = binary.BigEndian.AppendUint32(b, uint32(c.Series.Run))
	b = append(append(append(b, c.Series.Variant...), 0), c.Series.Metric...)
	b = append(b, 0, byte(c.Series.Group))
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, uint32(c.Day)), uint32(c.Age+1))
}

func decodeCut(key []byte) (experiment string, c sums.Cut, ok bool) {
	c.Series = &sums.SeriesID{}
	text := func() string {
		name, rest, found := bytes.Cut(key, []byte{0})
		key, ok = rest, ok && found
		return string(name)
	}
	ok = true
	key = key[1:]
	experiment = text()
	if len(key) < 4 {
		return experiment, c, false
	}
	c.Series.Run, key = int(binary.BigEndian.Uint32(key)), key[4:]
	c.Series.Variant, c.Series.Metric = text(), text()
	if !ok || len(key) != 9 || key[0] >= person.Groups {
		return experiment, c, false
	}
	c.Series.Group = int(key[0])
	c.Day, c.Age = int64(binary.BigEndian.Uint32(key[1:])), int64(binary.BigEndian.Uint32(key[5:]))-1
	return experiment, c, true
}

// flushCuts writes the parts of the aggregate's series that changed since they were last written.
func (f *Fold) flushCuts(experiment string, a *sums.Aggregate) error {
	for c := range a.TakeCuts() {
		key := appendCut(make([]byte, 0, 128), experiment, c)
		value := a.Cut(c, f.buf[:0])
		if value == nil {
			if err := f.tx.Delete(key); err != nil {
				return err
			}
			continue
		}
		f.buf = value
		if err := f.tx.Set(key, value); err != nil {
			return err
		}
	}
	return nil
}

// loadCuts reads the series of all aggregates.
func (f *Fold) loadCuts(db Reader) error {
	err := eachRecord(db.Scan([]byte{keyCut}), func(key, value []byte) error {
		experiment, c, ok := decodeCut(key)
		a := f.aggs[experiment]
		if !ok || a == nil {
			return fmt.Errorf("a part of the aggregate of %q: %w", experiment, wire.ErrRecord)
		}
		if !a.LoadCut(c, value) {
			return fmt.Errorf("a part of the aggregate of %q: %w", experiment, wire.ErrRecord)
		}
		return nil
	})
	return err
}
