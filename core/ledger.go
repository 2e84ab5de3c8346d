package core

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/tracklayer/tracklayer/canonical"
)

// LedgerKey is one line of the conservation ledger.
type LedgerKey struct {
	Day    int64 // of receipt, days since 1970
	Source string
	Kind   canonical.Kind
}

// LedgerEntry is what became of the events of one line: received = Accepted + Redelivered + Conflicts.
type LedgerEntry struct {
	Accepted    int64 // facts
	Redelivered int64 // the same event again
	Conflicts   int64 // another body under a known id; the one that sorts first is the fact
}

func (k LedgerKey) encode() []byte {
	b := binary.BigEndian.AppendUint64([]byte{keyLedger}, uint64(k.Day))
	return append(append(append(b, k.Source...), 0), byte(k.Kind))
}

func (e *LedgerEntry) encode() []byte {
	return binary.AppendVarint(binary.AppendVarint(binary.AppendVarint(nil, e.Accepted), e.Redelivered), e.Conflicts)
}

// ledgerOf is the line that counts the event, read from the store where need be.
func (f *Fold) ledgerOf(e *canonical.Event) (*LedgerEntry, error) {
	key := LedgerKey{day(e.ReceivedAt), e.Source, e.Kind}
	if l := f.ledger[key]; l != nil {
		return l, nil
	}
	raw, found, err := f.tx.Get(key.encode())
	if err != nil {
		return nil, err
	}
	l := &LedgerEntry{}
	if found {
		d := decoder{b: raw}
		l.Accepted, l.Redelivered, l.Conflicts = d.int(), d.int(), d.int()
		if d.bad {
			return nil, fmt.Errorf("ledger: %w", errRecord)
		}
	}
	f.ledger[key] = l
	return l, nil
}

func (f *Fold) flushLedger() error {
	for key, l := range f.ledger {
		if err := f.tx.Set(key.encode(), l.encode()); err != nil {
			return err
		}
	}
	clear(f.ledger)
	return nil
}

// Ledger reads every line of the ledger in order.
func (f *Fold) Ledger(fn func(LedgerKey, LedgerEntry) error) error {
	tx := f.store.Begin()
	defer tx.Discard()
	return tx.Scan([]byte{keyLedger}, func(k, v []byte) error {
		source, kind, ok := bytes.Cut(k[9:], []byte{0})
		d := decoder{b: v}
		l := LedgerEntry{d.int(), d.int(), d.int()}
		if !ok || len(kind) != 1 || d.bad {
			return fmt.Errorf("ledger: %w", errRecord)
		}
		return fn(LedgerKey{int64(binary.BigEndian.Uint64(k[1:9])), string(source), canonical.Kind(kind[0])}, l)
	})
}
