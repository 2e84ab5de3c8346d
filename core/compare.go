package core

import (
	"bytes"
	"fmt"
	"iter"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/person"
)

// compared are the records of the state that are a function of the log and of nothing else, in words. Names of
// experiments are never forgotten, so the state may know more of them than a log from which a person was erased; gaps
// say which messages were gone when they were read, which is another matter for each reader.
var compared = []struct {
	kind byte
	word string
}{
	{keyFact, "facts"},
	{keyEvent, "event records"},
	{keyDedup, "dedup keys"},
	{keyOwnerEdge, "reported links"},
	{keyOwner, "owners of anonymous ids"},
	{keyUnlink, "withdrawn links"},
	{keySeen, "conversion events received"},
	{keyMerge, "reported merges"},
	{keyOvergrown, "ids of merges that do not hold"},
	{keyName, "names of experiments"},
	{keyPerson, "persons"},
	{keyAggregate, "aggregates"},
	{keyCut, "cuts of metrics"},
	{keyProduct, "products of metrics"},
	{keyDefinition, "definitions"},
	{keyLedger, "ledger lines"},
	{keyReadout, "official readouts"},
	{keyErasure, "receipts of erasures"},
}

// Compare says in which records the state differs from another one that was folded from the log up to the same sequence,
// one line a kind of record, without personal data. No difference is an empty list. It must not run beside Apply.
func (f *Fold) Compare(other *Fold) (diff []string, err error) {
	a, b := f.store.Freeze(), other.store.Freeze()
	defer a.Discard()
	defer b.Discard()
	x, err := readMeta(a)
	if err != nil {
		return nil, err
	}
	y, err := readMeta(b)
	if err != nil {
		return nil, err
	}
	for _, c := range []struct {
		word        string
		state, fold any
	}{
		{"stream sequence", x.Seq, y.Seq},
		{"watermark", x.Watermark, y.Watermark},
		{"link conflicts", x.LinkConflicts, y.LinkConflicts},
		{"unreadable records", x.Unreadable, y.Unreadable},
		{"newest retraction", x.Retracted, y.Retracted},
		{"erasures", x.Erasures, y.Erasures},
		{"number of persons", x.Persons, y.Persons},
	} {
		if c.state != c.fold {
			diff = append(diff, fmt.Sprintf("%s: the state says %v, the log %v", c.word, c.state, c.fold))
		}
	}
	for _, c := range compared {
		line, err := compareRecords(a, b, c.kind, c.word)
		if err != nil {
			return nil, err
		}
		if line != "" {
			diff = append(diff, line)
		}
	}
	return diff, nil
}

// records iterates over all records whose key begins with a letter. The error is set at the end.
func records(db Reader, kind byte, failed *error) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for record, err := range db.Scan([]byte{kind}) {
			if err != nil {
				if *failed == nil {
					*failed = err
				}
				return
			}
			if !yield(record) {
				return
			}
		}
	}
}

// compareRecords walks over both stores' records of a kind side by side.
func compareRecords(a, b Reader, kind byte, word string) (line string, err error) {
	nextA, stopA := iter.Pull(records(a, kind, &err))
	defer stopA()
	nextB, stopB := iter.Pull(records(b, kind, &err))
	defer stopB()
	var other, missing, extra int
	var where string
	x, inA := nextA()
	y, inB := nextB()
	for inA || inB {
		order := 0
		switch {
		case !inB:
			order = -1
		case !inA:
			order = 1
		default:
			order = bytes.Compare(x.Key, y.Key)
		}
		switch {
		case order < 0 && kind != keyName:
			extra++
		case order > 0:
			missing++
		case order == 0 && !alike(kind, x.Value, y.Value):
			other++
		}
		if where == "" && extra+missing+other > 0 {
			where = describe(x, y, order)
		}
		if order <= 0 {
			x, inA = nextA()
		}
		if order >= 0 {
			y, inB = nextB()
		}
	}
	if err != nil || extra+missing+other == 0 {
		return "", err
	}
	return fmt.Sprintf("%s: %d differ, %d are missing in the state, %d should not be there%s", word, other, missing, extra, where), nil
}

// describe names a record that differs, where its key holds no personal data.
func describe(x, y Record, order int) string {
	r := x
	if order > 0 {
		r = y
	}
	switch r.Key[0] {
	case keyAggregate:
		return fmt.Sprintf("; first experiment %q", r.Key[1:])
	case keyLedger:
		if k, err := decodeLedgerKey(r.Key); err == nil {
			return fmt.Sprintf("; first %s of %q on day %s", kindWord(k.Kind), k.Source, canonical.Time(k.Day*86400000))
		}
	}
	return ""
}

// alike compares two values. By which revision of the registry a person was last computed says nothing: whom a change
// does not concern keeps an older one.
func alike(kind byte, a, b []byte) bool {
	if bytes.Equal(a, b) || kind != keyPerson {
		return bytes.Equal(a, b)
	}
	p, _, err := person.Decode(a)
	q, _, other := person.Decode(b)
	if err != nil || other != nil || p == nil || q == nil {
		return false
	}
	p.Revision, q.Revision = 0, 0
	return bytes.Equal(p.AppendTo(nil), q.AppendTo(nil))
}
