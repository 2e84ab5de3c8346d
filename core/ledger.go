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
	Kind   canonical.Kind // 0: of items that were rejected, whose kind nobody knows
	// Experiment is what the events call it; aliases are not looked up, so that no change of the registry moves a line.
	Experiment string // "": they name none
}

// LedgerEntry is what became of the events of one line: received is the sum of its columns.
type LedgerEntry struct {
	Accepted    int64 // facts
	Redelivered int64 // the same event again
	Conflicts   int64 // another body under a known id; the one that sorts first is the fact
	Rejected    int64 // items that could not be counted
	Erased      int64 // what was one of the first three, until its person was erased
}

// Received is how many events came.
func (e LedgerEntry) Received() int64 {
	return e.Accepted + e.Redelivered + e.Conflicts + e.Rejected + e.Erased
}

func (k LedgerKey) encode() []byte {
	b := binary.BigEndian.AppendUint64([]byte{keyLedger}, uint64(k.Day))
	return append(append(append(append(b, k.Source...), 0), byte(k.Kind)), k.Experiment...)
}

func (e *LedgerEntry) encode() []byte {
	var b []byte
	for _, n := range [...]int64{e.Accepted, e.Redelivered, e.Conflicts, e.Rejected, e.Erased} {
		b = binary.AppendVarint(b, n)
	}
	return b
}

func decodeLedger(b []byte) (e LedgerEntry, err error) {
	d := decoder{b: b}
	e = LedgerEntry{d.int(), d.int(), d.int(), d.int(), d.int()}
	if d.bad || len(d.b) > 0 {
		return e, fmt.Errorf("ledger: %w", errRecord)
	}
	return e, nil
}

// reject counts the items of a request that could not be counted as events.
func (f *Fold) reject(r *canonical.Rejected) error {
	l, err := f.ledgerLine(LedgerKey{Day: day(r.ReceivedAt), Source: r.Source})
	if err != nil {
		return err
	}
	l.Rejected += r.Items
	return nil
}

// ledgerOf is the line that counts the event, read from the store where need be.
func (f *Fold) ledgerOf(e *canonical.Event) (*LedgerEntry, error) {
	return f.ledgerLine(LedgerKey{day(e.ReceivedAt), e.Source, e.Kind, e.ExperimentID})
}

func (f *Fold) ledgerLine(key LedgerKey) (*LedgerEntry, error) {
	if l := f.ledger[key]; l != nil {
		return l, nil
	}
	raw, found, err := f.tx.Get(key.encode())
	if err != nil {
		return nil, err
	}
	l := &LedgerEntry{}
	if found {
		if *l, err = decodeLedger(raw); err != nil {
			return nil, err
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
		key, err := decodeLedgerKey(k)
		if err != nil {
			return err
		}
		l, err := decodeLedger(v)
		if err != nil {
			return err
		}
		return fn(key, l)
	})
}

func decodeLedgerKey(k []byte) (LedgerKey, error) {
	source, rest, ok := bytes.Cut(k[9:], []byte{0})
	if !ok || len(rest) == 0 {
		return LedgerKey{}, fmt.Errorf("ledger: %w", errRecord)
	}
	return LedgerKey{int64(binary.BigEndian.Uint64(k[1:9])), string(source), canonical.Kind(rest[0]), string(rest[1:])}, nil
}

// kindWord is what a line is about.
func kindWord(k canonical.Kind) string {
	if k == 0 {
		return "rejected items"
	}
	return k.String()
}
