package core

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/core/wire"
)

// reader reads what the state knows of units: from a transaction with its own writes on top, or from one committed state.
// It belongs to one goroutine. People keeps what load has read.
type reader struct {
	db     Reader
	rules  person.Rules
	people map[canonical.Unit]*entry
	// overgrownIDs is how many user ids there are of which no merge holds; nil: not known.
	overgrownIDs *int64
}

// committed returns the newest committed state, and a reader of what the store holds of it, whatever Apply commits
// meanwhile. The caller discards the reader's db.
func (f *Fold) committed() (*sums.View, *reader) {
	f.gate.RLock()
	v, db := f.View(), f.store.Freeze()
	f.gate.RUnlock()
	return v, &reader{db: db, rules: person.Rules{Registry: v.Registry}, people: map[canonical.Unit]*entry{}}
}

// reading lets fn read one committed state.
func (f *Fold) reading(fn func(v *sums.View, r *reader) error) error {
	v, r := f.committed()
	defer r.db.Discard()
	return fn(v, r)
}

// eachRecord calls fn with every record until it fails.
func eachRecord(records iter.Seq2[Record, error], fn func(key, value []byte) error) error {
	for record, err := range records {
		if err != nil {
			return err
		}
		if err := fn(record.Key, record.Value); err != nil {
			return err
		}
	}
	return nil
}

// readMeta reads what is stored with every commit.
func readMeta(r Reader) (meta, error) {
	m := meta{Format: Format}
	raw, found, err := r.Get([]byte{keyMeta})
	if err != nil || !found {
		return m, err
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, fmt.Errorf("%w: %w", wire.ErrRecord, err)
	}
	if m.Format != Format {
		return m, fmt.Errorf("%w: format %d, this one reads %d; run tracklayer rebuild to make it again from the log", ErrFormat, m.Format, Format)
	}
	return m, nil
}

// any reports whether a key with the prefix exists.
func (r *reader) any(prefix []byte) (bool, error) {
	for _, err := range r.db.Scan(prefix) {
		return err == nil, err
	}
	return false, nil
}

// load reads what is known of a unit.
func (r *reader) load(u canonical.Unit) (*entry, error) {
	if e, ok := r.people[u]; ok {
		return e, nil
	}
	e := &entry{unit: u}
	raw, found, err := r.db.Get(unitKey(keyPerson, u))
	if err != nil {
		return nil, err
	}
	if found {
		if e.person, e.redirect, err = person.Decode(raw); err != nil {
			return nil, err
		}
	}
	r.people[u] = e
	return e, nil
}

// personOf finds the person that a unit belongs to, nil where it is not known yet.
func (r *reader) personOf(u canonical.Unit) (*entry, error) {
	for range 3 { // a redirect leads straight to the person; the bound is for a broken state
		e, err := r.load(u)
		if err != nil || e.redirect == (canonical.Unit{}) {
			return e, err
		}
		u = e.redirect
	}
	return nil, fmt.Errorf("redirects without end: %w", wire.ErrRecord)
}

// named finds the person that is asked for by an id alone. A user id that no event names for certain may be an
// ambiguous one, which is known as a visitor's.
func (r *reader) named(u canonical.Unit) (*entry, error) {
	e, err := r.personOf(u)
	if err != nil || e.person != nil || u.Kind != canonical.User {
		return e, err
	}
	o, err := r.owner(u.ID)
	if err != nil || !o.ambiguous {
		return e, err
	}
	return r.personOf(canonical.Unit{Kind: canonical.Anonymous, ID: u.ID})
}

// evaluated computes a person with about so many facts from them. The facts of most persons fit into memory, and are
// read once; the others' are read as often as need be.
func (r *reader) evaluated(units []canonical.Unit, about int64) (*person.Person, error) {
	all := person.Facts(func(each func(*canonical.Event) error) error { return r.eachFact(units, each) })
	if about <= heavy {
		read, err := r.facts(units, about)
		if err != nil {
			return nil, err
		}
		all = person.InMemory(read)
	}
	p, err := r.rules.Evaluate(units, all)
	if err != nil {
		return p, err
	}
	if p.Refused, err = r.refusals(units); err == nil {
		p.Crowd, err = r.isCrowd(units)
	}
	return p, err
}

// facts reads everything that is stored under the units, about so many.
func (r *reader) facts(units []canonical.Unit, about int64) ([]canonical.Event, error) {
	facts := make([]canonical.Event, 0, about)
	err := r.eachFact(units, func(e *canonical.Event) error {
		facts = append(facts, *e)
		return nil
	})
	return facts, err
}

// eachFact calls each with everything that is stored under the units.
func (r *reader) eachFact(units []canonical.Unit, each func(*canonical.Event) error) error {
	for _, u := range units {
		err := eachRecord(r.db.Scan(unitKey(keyFact, u)), func(_, value []byte) error {
			e, err := canonical.ParseWire(append([]byte(nil), value...))
			if err != nil {
				return fmt.Errorf("fact: %w: %w", wire.ErrRecord, err)
			}
			return each(&e)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fewFacts reports whether the units have so few facts that they can be read at once.
func (r *reader) fewFacts(units []canonical.Unit) (bool, error) {
	n := int64(0)
	for _, u := range units {
		for _, err := range r.db.Scan(unitKey(keyFact, u)) {
			if err != nil {
				return false, err
			}
			if n++; n > heavy {
				return false, nil
			}
		}
	}
	return true, nil
}

// eventRecord is the record of an event.
func (r *reader) eventRecord(key []byte) (e eventRecord, found bool, err error) {
	raw, found, err := r.db.Get(key)
	if err != nil || !found {
		return e, false, err
	}
	e, err = decodeEventRecord(raw)
	return e, true, err
}

// factOf reads the fact of an event.
func (r *reader) factOf(key []byte) (e canonical.Event, err error) {
	record, found, err := r.eventRecord(key)
	if err != nil {
		return e, err
	}
	source, id, ok := bytes.Cut(key[1:], []byte{0})
	if !found || !ok {
		return e, wire.ErrRecord
	}
	held := canonical.Event{ID: string(id), Source: string(source), At: record.at}
	setUnit(&held, record.unit)
	raw, found, err := r.db.Get(factKey(&held))
	if err != nil {
		return e, err
	}
	if !found {
		return e, fmt.Errorf("an event of %q has no fact: %w", source, wire.ErrRecord)
	}
	if e, err = canonical.ParseWire(bytes.Clone(raw)); err != nil {
		return e, fmt.Errorf("fact: %w: %w", wire.ErrRecord, err)
	}
	return e, nil
}

// reportsOf are the events that link an anonymous id to a user or withdraw such links: their ids, sources, times and users.
func (r *reader) reportsOf(anonymous string) (reports []canonical.Event, err error) {
	for _, kind := range [...]byte{keyOwnerEdge, keyUnlink} {
		prefix := edgeKey(kind, anonymous, "")
		err = eachRecord(r.db.Scan(prefix), func(key, _ []byte) error {
			user := edgeOther(key, len(prefix))
			m := momentFrom(key[len(prefix)+len(user)+1:])
			reports = append(reports, canonical.Event{ID: m.ID, Source: m.Source, At: m.At, UserID: user, AnonymousID: anonymous})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return reports, nil
}

// span is a range of sequences, both ends in it.
type span struct{ from, to uint64 }

func inSpans(all []span, seq uint64) bool {
	_, within := slices.BinarySearchFunc(all, seq, func(s span, seq uint64) int {
		switch {
		case s.to < seq:
			return -1
		case s.from > seq:
			return 1
		}
		return 0
	})
	return within
}

// gaps are the messages that were gone from the log when they were read.
func (r *reader) gaps() (all []span, err error) {
	err = eachRecord(r.db.Scan([]byte{keyGap}), func(key, value []byte) error {
		to, size := binary.Uvarint(value)
		if size <= 0 {
			return fmt.Errorf("gap: %w", wire.ErrRecord)
		}
		all = append(all, span{binary.BigEndian.Uint64(key[1:]), to})
		return nil
	})
	return all, err
}

// twinned reports whether another conversion of the person may be a twin of e. The answer may be a needless yes, which
// costs time and no truth.
func (r *reader) twinned(p *person.Person, e *canonical.Event) (bool, error) {
	if !e.Value.Set || p.Conversions == 0 {
		return false, nil
	}
	self, seen := person.ValuedOf(e), 0
	for _, u := range p.Units {
		prefix := unitKey(keyFact, u)
		from := binary.BigEndian.AppendUint64(slices.Clone(prefix), uint64(max(e.At-person.TwinWithin, 0)))
		for record, err := range r.db.ScanAfter(prefix, from) {
			if err != nil {
				return false, err
			}
			if timeOfEdge(record.Key, len(prefix)) > e.At+person.TwinWithin {
				break
			}
			if seen++; seen > person.MaxTwins {
				return true, nil
			}
			o, err := canonical.ParseWire(record.Value)
			if err != nil {
				return false, errors.Join(wire.ErrRecord, err)
			}
			if o.Kind != canonical.Converted || !o.Value.Set || o.Adjusts != "" || o.ID == e.ID && o.Source == e.Source {
				continue
			}
			if other := person.ValuedOf(&o); self.Twin(&other) {
				return true, nil
			}
		}
	}
	return false, nil
}
