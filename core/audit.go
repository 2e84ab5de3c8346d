package core

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/tracklayer/tracklayer/core/ledger"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
)

// Audit computes every person and every aggregate again from the stored facts and says where the state differs from
// that, and whether the ledger has as many accepted events as there are. No difference is an empty list. It reads the last commit and changes nothing; it must not run beside Apply.
func (f *Fold) Audit() ([]string, error) {
	v, state := f.committed()
	defer state.db.Discard()
	all := aggregates{aggs: map[string]*sums.Aggregate{}, dirty: map[string]struct{}{}}
	var diff []string
	var persons []*person.Person
	err := eachRecord(state.db.Scan([]byte{keyPerson}), func(_, value []byte) error {
		p, _, err := person.Decode(value)
		if p != nil {
			persons = append(persons, p)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, p := range persons {
		fresh, err := state.evaluated(p.Units, p.Size())
		if err != nil {
			return nil, err
		}
		fresh.Revision = p.Revision // when it was computed is no matter of facts
		if !slices.Equal(fresh.AppendTo(nil), p.AppendTo(nil)) {
			diff = append(diff, fmt.Sprintf("person of %d ids: the record differs from its facts", len(p.Units)))
		}
		all.contribute(1, fresh, "")
	}
	for id := range f.aggs {
		all.aggregate(id)
	}
	for id, a := range all.aggs {
		a.Prune()
		fault, err := contrast(v.Committed(id), a)
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
func (r *reader) auditLedger(v *sums.View) (diff []string, err error) {
	accepted := map[string]int64{}
	days := map[string]ledger.Entry{}
	err = r.ledger(func(k ledger.Key, l ledger.Entry) error {
		accepted[k.Source] += l.Accepted
		sum := days[k.SourceDay().Key()]
		sum.Add(1, &l)
		days[k.SourceDay().Key()] = sum
		return nil
	})
	if err != nil {
		return nil, err
	}
	for key, have := range v.LedgerDays.All() {
		sum := days[key]
		if sum.Add(-1, &have); !reflect.DeepEqual(sum, ledger.Entry{}) {
			diff = append(diff, fmt.Sprintf("ledger of %q: the sum of day %d is not that of its lines", ledger.DayOf(key).Source, ledger.DayOf(key).Day))
		}
		delete(days, key)
	}
	for key := range days {
		diff = append(diff, fmt.Sprintf("ledger of %q: day %d has no sum", ledger.DayOf(key).Source, ledger.DayOf(key).Day))
	}
	err = eachRecord(r.db.Scan([]byte{keyEvent}), func(key, _ []byte) error {
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
func contrast(have, facts *sums.Aggregate) (string, error) {
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
	is, should := have.Lines(), facts.Lines()
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
