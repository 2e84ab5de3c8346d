package core

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// Audit computes every person and every aggregate anew from the stored facts and says where the state differs from
// that, and whether the ledger has as many accepted events as there are. No difference is an empty list. It reads the last commit and changes nothing; it must not run beside Apply.
func (f *Fold) Audit() ([]string, error) {
	v, state := f.committed()
	defer state.db.Discard()
	sums := aggregates{aggs: map[string]*Aggregate{}, dirty: map[string]struct{}{}}
	var diff []string
	var persons []*person
	err := state.db.Scan([]byte{keyPerson}, func(_, value []byte) error {
		p, _, err := decodePerson(value)
		if p != nil {
			persons = append(persons, p)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, p := range persons {
		anew, err := state.evaluated(p.units, p.size())
		if err != nil {
			return nil, err
		}
		anew.revision = p.revision // when it was computed is no matter of facts
		if !slices.Equal(anew.appendTo(nil), p.appendTo(nil)) {
			diff = append(diff, fmt.Sprintf("person of %d ids: the record differs from its facts", len(p.units)))
		}
		sums.contribute(1, anew, "")
	}
	for id := range f.aggs {
		sums.aggregate(id)
	}
	for id, a := range sums.aggs {
		a.prune()
		have := &Aggregate{}
		if s, ok := v.snapshots.Get(id); ok {
			have = s.Aggregate
		}
		fault, err := contrast(have, a)
		if err != nil {
			return nil, err
		}
		if fault != "" {
			diff = append(diff, fmt.Sprintf("experiment %q: %s", id, fault))
		}
	}
	more, err := state.auditLedger(v)
	diff = append(diff, more...)
	slices.Sort(diff)
	return diff, err
}

// auditLedger compares what every source's lines say was accepted with the events that are there.
func (r *reader) auditLedger(v *View) (diff []string, err error) {
	accepted := map[string]int64{}
	days := map[string]LedgerEntry{}
	err = r.ledger(func(k LedgerKey, l LedgerEntry) error {
		accepted[k.Source] += l.Accepted
		sum := days[k.day().Key()]
		sum.add(1, &l)
		days[k.day().Key()] = sum
		return nil
	})
	if err != nil {
		return nil, err
	}
	for key, have := range v.LedgerDays.All() {
		sum := days[key]
		if sum.add(-1, &have); !reflect.DeepEqual(sum, LedgerEntry{}) {
			diff = append(diff, fmt.Sprintf("ledger of %q: the sum of day %d is not that of its lines", ledgerDayOf(key).Source, ledgerDayOf(key).Day))
		}
		delete(days, key)
	}
	for key := range days {
		diff = append(diff, fmt.Sprintf("ledger of %q: day %d has no sum", ledgerDayOf(key).Source, ledgerDayOf(key).Day))
	}
	err = r.db.Scan([]byte{keyEvent}, func(key, _ []byte) error {
		source, _, _ := bytes.Cut(key[1:], []byte{0})
		accepted[string(source)]--
		return nil
	})
	for source, n := range accepted {
		if n != 0 {
			diff = append(diff, fmt.Sprintf("ledger of %q: %d accepted events more than there are", source, n))
		}
	}
	return diff, err
}

// contrast says in what an aggregate differs from what the facts come to, "" if in nothing.
func contrast(have, facts *Aggregate) (string, error) {
	x, err := json.Marshal(have)
	if err != nil {
		return "", err
	}
	y, err := json.Marshal(facts)
	if err != nil {
		return "", err
	}
	if string(x) != string(y) {
		return fmt.Sprintf("the aggregate is %s, the facts say %s", x, y), nil
	}
	is, should := have.lines(), facts.lines()
	for i := range max(len(is), len(should)) {
		switch {
		case i >= len(is):
			return "the aggregate lacks " + should[i], nil
		case i >= len(should):
			return "the aggregate has " + is[i] + ", the facts do not", nil
		case is[i] != should[i]:
			return fmt.Sprintf("the aggregate has %s, the facts say %s", is[i], should[i]), nil
		}
	}
	return "", nil
}
