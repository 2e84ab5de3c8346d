package sums

import (
	"encoding/binary"
	"encoding/json"
	"maps"

	"github.com/tracklayer/tracklayer/core/wire"
)

// Part names an arm, an unknown label or a crossover of a run: what anyone can make many of by naming another variant,
// and so is stored apart.
type Part struct {
	Run  int
	Kind PartKind
	Key  string // of a crossover as PairKey makes it
}

const (
	partArm       PartKind = 'a'
	partUnknown   PartKind = 'u'
	partCrossover PartKind = 'x' // of persons that are not filtered; the next one: of those that are
	partFiltered           = partCrossover + 1
)

// PartKind says what a part is.
type PartKind byte

// touch notes that the part must be written.
func (a *Aggregate) touch(p Part) {
	if a.parts == nil {
		a.parts = map[Part]struct{}{}
	}
	a.parts[p] = struct{}{}
}

// Part is a part as it is stored, nil if there is nothing to store.
func (a *Aggregate) Part(p Part) ([]byte, error) {
	r := a.Runs[p.Run]
	if r == nil {
		return nil, nil
	}
	switch p.Kind {
	case partArm:
		if v, known := r.Variants.Get(p.Key); known {
			return json.Marshal(v)
		}
	case partUnknown:
		if n, known := r.Unknown.Get(p.Key); known {
			return binary.AppendVarint(binary.AppendVarint(nil, n.Persons), n.Exposures), nil
		}
	default:
		if n, known := r.Crossovers[p.Kind-partCrossover].Get(p.Key); known {
			return binary.AppendVarint(nil, n), nil
		}
	}
	return nil, nil
}

// Load takes a stored part, and reports whether it could be read.
func (r *RunAggregate) Load(p Part, value []byte) bool {
	d := wire.Decoder{Rest: value}
	switch p.Kind {
	case partArm:
		v := &VariantAggregate{}
		r.Variants.Set(p.Key, v)
		return json.Unmarshal(value, v) == nil
	case partUnknown:
		r.Unknown.Set(p.Key, UnknownAggregate{Persons: d.Int(), Exposures: d.Int()})
	case partCrossover, partFiltered:
		r.Crossovers[p.Kind-partCrossover].Set(p.Key, d.Int())
	default:
		return false
	}
	return !d.Bad && len(d.Rest) == 0
}

// Head is the aggregate without what is stored apart, as it is stored.
func (a *Aggregate) Head() ([]byte, error) {
	h := *a
	h.Runs = maps.Clone(a.Runs)
	for n, r := range a.Runs {
		c := *r
		c.Variants, c.Unknown, c.Crossovers = Table[*VariantAggregate]{}, Table[UnknownAggregate]{}, [2]Table[int64]{}
		h.Runs[n] = &c
	}
	return json.Marshal(&h)
}
