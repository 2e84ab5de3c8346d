package core

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/ledger"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/core/wire"
)

// ledgerKey is the key of a line.
func ledgerKey(k ledger.Key) []byte {
	b := binary.BigEndian.AppendUint64([]byte{keyLedger}, uint64(k.Day))
	return append(append(append(append(b, k.Source...), 0), byte(k.Kind)), k.Experiment...)
}

// reject counts the items of a request that are not counted as events.
func (f *Fold) reject(r *canonical.Rejected) error {
	l, err := f.ledgerLine(ledger.Key{Day: person.Day(r.ReceivedAt), Source: r.Source})
	if err != nil {
		return err
	}
	l.Reject(r)
	return nil
}

// ledgerOf is the line that counts the event, read from the store where need be.
func (f *Fold) ledgerOf(e *canonical.Event) (*ledger.Entry, error) {
	return f.ledgerLine(ledger.Key{Day: person.Day(e.ReceivedAt), Source: e.Source, Kind: e.Kind, Experiment: e.ExperimentID})
}

func (f *Fold) ledgerLine(key ledger.Key) (*ledger.Entry, error) {
	if l := f.ledger[key]; l != nil {
		return &l.Entry, nil
	}
	raw, found, err := f.tx.Get(ledgerKey(key))
	if err != nil {
		return nil, err
	}
	l := &ledgerLine{}
	if found {
		if l.Entry, err = ledger.Decode(raw); err != nil {
			return nil, err
		}
	}
	l.was = l.Sums()
	f.ledger[key] = l
	return &l.Entry, nil
}

func (f *Fold) flushLedger() error {
	days := map[ledger.Day]ledger.Entry{}
	for key, l := range f.ledger {
		if err := f.tx.Set(ledgerKey(key), l.Encode()); err != nil {
			return err
		}
		more := days[key.SourceDay()]
		more.Add(1, &l.Entry)
		more.Add(-1, &l.was)
		days[key.SourceDay()] = more
	}
	f.ledger = emptied(f.ledger)
	for of, more := range days {
		sum, _ := f.next.LedgerDays.Get(of.Key())
		sum.Add(1, &more)
		f.next.LedgerDays.Set(of.Key(), sum)
		if err := f.tx.Set(append([]byte{keyLedgerDay}, of.Key()...), sum.Encode()); err != nil {
			return err
		}
	}
	return nil
}

// Ledger reads every line of the ledger in order.
func (f *Fold) Ledger(fn func(ledger.Key, ledger.Entry) error) error {
	return f.reading(func(_ *sums.View, r *reader) error { return r.ledger(fn) })
}

// ledger reads every line of the ledger in order.
func (r *reader) ledger(fn func(ledger.Key, ledger.Entry) error) error {
	return eachRecord(r.db.Scan([]byte{keyLedger}), func(k, v []byte) error {
		key, err := decodeLedgerKey(k)
		if err != nil {
			return err
		}
		l, err := ledger.Decode(v)
		if err != nil {
			return err
		}
		return fn(key, l)
	})
}

func decodeLedgerKey(k []byte) (ledger.Key, error) {
	source, rest, ok := bytes.Cut(k[9:], []byte{0})
	if !ok || len(rest) == 0 {
		return ledger.Key{}, fmt.Errorf("ledger: %w", wire.ErrRecord)
	}
	return ledger.Key{Day: int64(binary.BigEndian.Uint64(k[1:9])), Source: string(source), Kind: canonical.Kind(rest[0]), Experiment: string(rest[1:])}, nil
}

// kindWord is what a line is about.
func kindWord(k canonical.Kind) string {
	if k == 0 {
		return "items that are no events"
	}
	return k.String()
}
