package person

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

// Facts calls each with every fact of a person, in any order, as often as it is asked to. The event is the caller's until
// each returns.
type Facts func(each func(*canonical.Event) error) error

// InMemory are facts that lie in memory.
func InMemory(all []canonical.Event) Facts {
	return func(each func(*canonical.Event) error) error {
		for i := range all {
			if err := each(&all[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

// Dedup is what two reports of one conversion have in common.
type Dedup struct{ event, Key string }

// DedupOf is what a conversion has in common with other reports of it, or, for an adjustment, with what it adjusts.
func DedupOf(e *canonical.Event) Dedup {
	if e.Adjusts != "" {
		return Dedup{e.ConversionEvent, e.Adjusts}
	}
	return Dedup{e.ConversionEvent, e.DedupKey}
}

// hash is for telling that a key is new without keeping it: a person may have a million.
func (d Dedup) hash() uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(d.event)) // a hash takes everything
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(d.Key))
	return h.Sum64()
}

// Evaluate computes a person from all of its facts. It is the definition of the fold; whatever changes a person in place
// must come to the same. It holds no more of the facts than the reports of conversions that came more than once or were
// adjusted, and the values of conversions.
func (r Rules) Evaluate(units []canonical.Unit, all Facts) (*Person, error) {
	p := &Person{Units: units, Revision: r.Revision}
	defer p.sortParts()
	var met map[uint64]bool // by hash; true: more than once, or adjusted
	var valued []Valued
	err := all(func(e *canonical.Event) error {
		if p.index == nil && len(p.Parts) >= manyParts {
			p.indexParts()
		}
		p.Labels |= r.Filters().Labels(e)
		switch e.Kind {
		case canonical.Exposed:
			r.Expose(p, e)
		case canonical.EndedEarly:
			r.End(p, e)
		case canonical.Converted:
			p.Conversions++
			if key := DedupOf(e); key.Key != "" {
				met = meet(met, key.hash(), e.Adjusts != "")
			}
			if e.Value.Set && e.Adjusts == "" {
				valued = append(valued, ValuedOf(e))
			}
		}
		return nil
	})
	if err != nil || p.Conversions == 0 {
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
		c := Conversion{Event: e, Kept: e}
		switch b := best[DedupOf(e)]; {
		case e.Adjusts != "":
			c.Kept = b
		case b != nil && (b.ID != e.ID || b.Source != e.Source):
			c.Kept = b
		default:
			_, c.twin = twins[[2]string{e.ID, e.Source}]
		}
		r.Convert(p, c)
		return nil
	})
}

func (p *Person) indexParts() {
	p.index = make(map[string]int, 2*len(p.Parts))
	for i := range p.Parts {
		p.index[p.Parts[i].Experiment] = i
	}
}

func (p *Person) sortParts() {
	if p.index != nil {
		p.index = nil
		slices.SortFunc(p.Parts, func(a, b Participation) int { return strings.Compare(a.Experiment, b.Experiment) })
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
func keep(all Facts, met map[uint64]bool) (map[Dedup]*canonical.Event, error) {
	again := false
	for _, twice := range met {
		again = again || twice
	}
	if !again {
		return nil, nil
	}
	best := map[Dedup]*canonical.Event{}
	return best, all(func(e *canonical.Event) error {
		if e.Kind != canonical.Converted || e.DedupKey == "" || e.Adjusts != "" || !met[DedupOf(e).hash()] {
			return nil
		}
		if b := best[DedupOf(e)]; b == nil || preferred(e, b) < 0 {
			copied := *e
			best[DedupOf(e)] = &copied
		}
		return nil
	})
}
