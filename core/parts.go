package core

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
)

// part names an arm, an unknown label or a crossover of a run: what anyone can make many of by naming another variant,
// and so is stored apart.
type part struct {
	run  int
	kind partKind
	key  string // of a crossover as PairKey makes it
}

type partKind byte

const (
	partArm       partKind = 'a'
	partUnknown   partKind = 'u'
	partCrossover partKind = 'x' // of persons that are not filtered; the next one: of those that are
	partFiltered           = partCrossover + 1
)

// touch notes that the part must be written.
func (a *Aggregate) touch(p part) {
	if a.parts == nil {
		a.parts = map[part]struct{}{}
	}
	a.parts[p] = struct{}{}
}

// appendPart is the key of a stored part: experiment, run, kind, key.
func appendPart(b []byte, experiment string, p part) []byte {
	b = append(append(append(b, keyPart), experiment...), 0)
	b = binary.BigEndian.AppendUint32(b, uint32(p.run))
	return append(append(b, byte(p.kind)), p.key...)
}

func decodePart(key []byte) (experiment string, p part, ok bool) {
	name, rest, ok := bytes.Cut(key[1:], []byte{0})
	if !ok || len(rest) < 5 {
		return "", p, false
	}
	return string(name), part{int(binary.BigEndian.Uint32(rest)), partKind(rest[4]), string(rest[5:])}, true
}

// flushParts writes the parts of the aggregate that changed since they were last written. The aggregate is pruned.
func (f *Fold) flushParts(experiment string, a *Aggregate) error {
	for p := range a.parts {
		key := appendPart(make([]byte, 0, 64), experiment, p)
		value, err := a.part(p)
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
	a.parts = nil
	return nil
}

// part is a part as it is stored, nil if there is nothing to store.
func (a *Aggregate) part(p part) ([]byte, error) {
	r := a.Runs[p.run]
	if r == nil {
		return nil, nil
	}
	switch p.kind {
	case partArm:
		if v, known := r.Variants.Get(p.key); known {
			return json.Marshal(v)
		}
	case partUnknown:
		if n, known := r.Unknown.Get(p.key); known {
			return binary.AppendVarint(binary.AppendVarint(nil, n.Persons), n.Exposures), nil
		}
	default:
		if n, known := r.Crossovers[p.kind-partCrossover].Get(p.key); known {
			return binary.AppendVarint(nil, n), nil
		}
	}
	return nil, nil
}

// loadParts reads the parts of all aggregates.
func (f *Fold) loadParts(db Reader) error {
	return db.Scan([]byte{keyPart}, func(key, value []byte) error {
		experiment, p, ok := decodePart(key)
		a := f.aggs[experiment]
		if !ok || a == nil || a.Runs[p.run] == nil || !a.Runs[p.run].load(p, value) {
			return fmt.Errorf("a part of the aggregate of %q: %w", experiment, errRecord)
		}
		return nil
	})
}

// load takes a stored part, and reports whether it could be read.
func (r *RunAggregate) load(p part, value []byte) bool {
	d := decoder{b: value}
	switch p.kind {
	case partArm:
		v := &VariantAggregate{}
		r.Variants.set(p.key, v)
		return json.Unmarshal(value, v) == nil
	case partUnknown:
		r.Unknown.set(p.key, UnknownAggregate{Persons: d.int(), Exposures: d.int()})
	case partCrossover, partFiltered:
		r.Crossovers[p.kind-partCrossover].set(p.key, d.int())
	default:
		return false
	}
	return !d.bad && len(d.b) == 0
}

// head is the aggregate without what is stored apart, as it is stored.
func (a *Aggregate) head() ([]byte, error) {
	h := *a
	h.Runs = maps.Clone(a.Runs)
	for n, r := range a.Runs {
		c := *r
		c.Variants, c.Unknown, c.Crossovers = Table[*VariantAggregate]{}, Table[UnknownAggregate]{}, [2]Table[int64]{}
		h.Runs[n] = &c
	}
	return json.Marshal(&h)
}
