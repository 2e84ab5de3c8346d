package core

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/wire"
)

// Reencode reads a stored person or redirect, writes it again, and says whether that reads as the same. For tests: the
// types that it compares are nobody else's business. It compares values, not encodings, which are what is tested.
func Reencode(record []byte) (again []byte, readable bool, err error) {
	p, to, err := person.Decode(record)
	if err != nil {
		return nil, false, nil //nolint:nilerr // not every input is a record
	}
	encode := func(p *person.Person, to canonical.Unit) []byte {
		if p == nil {
			return wire.AppendUnit([]byte{person.TagRedirect}, to)
		}
		return p.AppendTo(nil)
	}
	again = encode(p, to)
	q, toAgain, err := person.Decode(again)
	if err != nil {
		return again, true, fmt.Errorf("what was written cannot be read: %w", err)
	}
	if to != toAgain || !reflect.DeepEqual(p, q) {
		return again, true, fmt.Errorf("%+v %+v became %+v %+v", p, to, q, toAgain)
	}
	return again, true, nil
}

// PersonRecords are all records of persons and redirects in the store.
func (f *Fold) PersonRecords() (records [][]byte, err error) {
	tx := f.store.Freeze()
	defer tx.Discard()
	err = eachRecord(tx.Scan([]byte{keyPerson}), func(_, value []byte) error {
		records = append(records, append([]byte(nil), value...))
		return nil
	})
	return records, err
}

// Holding are the letters of the records that hold a text in their key or value.
func (f *Fold) Holding(text string) (letters string) {
	tx := f.store.Freeze()
	defer tx.Discard()
	err := eachRecord(tx.Scan(nil), func(key, value []byte) error {
		if strings.Contains(string(key), text) || strings.Contains(string(value), text) {
			letters += string(key[:1])
		}
		return nil
	})
	if err != nil {
		return err.Error()
	}
	return letters
}

// InBackground lets every change of the registry, and every person with more than so many facts, be recomputed in the
// background. It returns what takes that back.
func InBackground(persons, facts int64) (undo func()) {
	wasAtOnce, wasHeavy := atOnce, heavy
	atOnce, heavy = persons, facts
	return func() { atOnce, heavy = wasAtOnce, wasHeavy }
}

// Small lets persons be too large for being changed in place from so many parts on, ids be linked to too many users from so
// many on, and merges hold for so many ids. It returns what takes that back.
func Small(parts, links int64, ids int) (undo func()) {
	wasBulky, wasLinks, wasIDs := bulky, manyLinks, maxUserIDs
	bulky, manyLinks, maxUserIDs = parts, links, ids
	return func() { bulky, manyLinks, maxUserIDs = wasBulky, wasLinks, wasIDs }
}

// MaxUsers is how many ids merges may join now.
func MaxUsers() int { return maxUserIDs }

// TraceAtMost bounds the events that a trace lists. It returns what takes that back.
func TraceAtMost(n int64) (undo func()) {
	was := traced
	traced = n
	return func() { traced = was }
}
