package core

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
)

// preferred orders the reports of one conversion: the record that is kept comes first.
func preferred(a, b *canonical.Event) int {
	return cmp.Or(
		cmp.Compare(a.Channel.Rank(), b.Channel.Rank()), cmp.Compare(a.At, b.At), strings.Compare(a.ID, b.ID), strings.Compare(a.Source, b.Source))
}

// facts calls each with every fact of a person, in any order, as often as it is asked to. The event is the caller's until
// each returns.
type facts func(each func(*canonical.Event) error) error

// held are facts that lie in memory.
func held(all []canonical.Event) facts {
	return func(each func(*canonical.Event) error) error {
		for i := range all {
			if err := each(&all[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

// dedup is what two reports of one conversion have in common.
type dedup struct{ event, key string }

// dedupOf is what a conversion has in common with other reports of it, or, for an adjustment, with what it adjusts.
func dedupOf(e *canonical.Event) dedup {
	if e.Adjusts != "" {
		return dedup{e.ConversionEvent, e.Adjusts}
	}
	return dedup{e.ConversionEvent, e.DedupKey}
}

// hash is for telling that a key is new without keeping it: a person may have a million.
func (d dedup) hash() uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(d.event)) // a hash takes everything
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(d.key))
	return h.Sum64()
}

// evaluate computes a person from all of its facts. It is the definition of the fold; whatever changes a person in place
// must come to the same. It holds no more of the facts than the reports of conversions that came more than once or were
// adjusted, and the values of conversions.
func (r rules) evaluate(units []canonical.Unit, all facts) (*person, error) {
	p := &person{units: units, revision: r.Revision}
	defer p.sortParts()
	var met map[uint64]bool // by hash; true: more than once, or adjusted
	var valued []valued
	err := all(func(e *canonical.Event) error {
		if p.index == nil && len(p.parts) >= manyParts {
			p.indexParts()
		}
		p.labels |= r.Filters().Labels(e)
		switch e.Kind {
		case canonical.Exposed:
			r.expose(p, e)
		case canonical.EndedEarly:
			r.end(p, e)
		case canonical.Converted:
			p.conversions++
			if key := dedupOf(e); key.key != "" {
				met = meet(met, key.hash(), e.Adjusts != "")
			}
			if e.Value.Set && e.Adjusts == "" {
				valued = append(valued, valuedOf(e))
			}
		}
		return nil
	})
	if err != nil || p.conversions == 0 {
		return p, err
	}
	best, err := keep(all, met)
	if err != nil {
		return p, err
	}
	twins := twinsOf(valued)
	return p, all(func(e *canonical.Event) error {
		if e.Kind != canonical.Converted {
			return nil
		}
		c := conversion{event: e, kept: e}
		switch b := best[dedupOf(e)]; {
		case e.Adjusts != "":
			c.kept = b
		case b != nil && (b.ID != e.ID || b.Source != e.Source):
			c.kept = b
		default:
			_, c.twin = twins[[2]string{e.ID, e.Source}]
		}
		r.convert(p, c)
		return nil
	})
}

func (p *person) indexParts() {
	p.index = make(map[string]int, 2*len(p.parts))
	for i := range p.parts {
		p.index[p.parts[i].experiment] = i
	}
}

func (p *person) sortParts() {
	if p.index != nil {
		p.index = nil
		slices.SortFunc(p.parts, func(a, b participation) int { return strings.Compare(a.experiment, b.experiment) })
	}
}

func meet(met map[uint64]bool, h uint64, adjusted bool) map[uint64]bool {
	if met == nil {
		met = map[uint64]bool{}
	}
	_, again := met[h]
	met[h] = again || adjusted
	return met
}

// keep finds the report that is kept of every conversion that was met more than once or is adjusted.
func keep(all facts, met map[uint64]bool) (map[dedup]*canonical.Event, error) {
	again := false
	for _, twice := range met {
		again = again || twice
	}
	if !again {
		return nil, nil
	}
	best := map[dedup]*canonical.Event{}
	return best, all(func(e *canonical.Event) error {
		if e.Kind != canonical.Converted || e.DedupKey == "" || e.Adjusts != "" || !met[dedupOf(e).hash()] {
			return nil
		}
		if b := best[dedupOf(e)]; b == nil || preferred(e, b) < 0 {
			copied := *e
			best[dedupOf(e)] = &copied
		}
		return nil
	})
}
