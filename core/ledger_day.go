package core

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/tracklayer/tracklayer/canonical"
)

// LedgerDay is all lines of the ledger of one source on one day.
type LedgerDay struct {
	Day    int64 // of receipt, days since 1970
	Source string
}

// Key orders days and sources as the ledger does.
func (d LedgerDay) Key() string {
	return string(append(binary.BigEndian.AppendUint64(nil, uint64(d.Day)), d.Source...))
}

func ledgerDayOf(key string) LedgerDay {
	return LedgerDay{int64(binary.BigEndian.Uint64([]byte(key[:8]))), key[8:]}
}

func (d LedgerDay) before(o LedgerDay) bool { return d.Key() < o.Key() }

// prefix is what the keys of its lines begin with.
func (d LedgerDay) prefix() []byte {
	return append(append(binary.BigEndian.AppendUint64([]byte{keyLedger}, uint64(d.Day)), d.Source...), 0)
}

func (k LedgerKey) day() LedgerDay { return LedgerDay{k.Day, k.Source} }

// ledgerLine is a line that was read, with its sums as they are stored.
type ledgerLine struct {
	LedgerEntry
	was LedgerEntry
}

// sums is the entry without reasons.
func (e *LedgerEntry) sums() LedgerEntry {
	return LedgerEntry{Accepted: e.Accepted, Redelivered: e.Redelivered, Conflicts: e.Conflicts, Rejected: e.Rejected, Erased: e.Erased, Ignored: e.Ignored}
}

// add adds another entry's sums, or takes them off if sign is -1.
func (e *LedgerEntry) add(sign int64, o *LedgerEntry) {
	e.Accepted += sign * o.Accepted
	e.Redelivered += sign * o.Redelivered
	e.Conflicts += sign * o.Conflicts
	e.Rejected += sign * o.Rejected
	e.Erased += sign * o.Erased
	e.Ignored += sign * o.Ignored
}

// loadLedgerDays reads the sums of all days.
func (f *Fold) loadLedgerDays(db Reader) error {
	return db.Scan([]byte{keyLedgerDay}, func(key, value []byte) error {
		sum, err := decodeLedger(value)
		if err == nil && len(key) < 9 {
			err = fmt.Errorf("ledger: %w", errRecord)
		}
		if err == nil {
			f.next.ledgerDays.set(string(key[1:]), sum.sums())
		}
		return err
	})
}

// LedgerQuery says which lines of the ledger are wanted.
type LedgerQuery struct {
	Fits        func(LedgerDay) bool // nil: every day of every source
	Experiments []string             // as events name them, "" for none; nil: all
	After       *LedgerKey           // only lines that come after it are listed; nil: from the beginning
	Limit       int                  // of lines that are listed; 0: all
}

// LedgerLines calls fn with the lines that a query wants, in order, and returns the sum of all lines that fit, listed or
// not. It costs what is listed, and the days and sources that there are; of a query for experiments, that times the number
// of experiments.
func (f *Fold) LedgerLines(q LedgerQuery, fn func(LedgerKey, LedgerEntry) error) (sum LedgerEntry, err error) {
	return sum, f.reading(func(v *View, r *reader) error { return q.read(v, r.db, &sum, fn) })
}

func (q *LedgerQuery) read(v *View, r Reader, sum *LedgerEntry, fn func(LedgerKey, LedgerEntry) error) (err error) {
	listed := 0
	list := func(k LedgerKey, l LedgerEntry) error {
		if q.Limit > 0 && listed == q.Limit {
			return errStop
		}
		listed++
		return fn(k, l)
	}
	for key, total := range v.LedgerDays.All() {
		of := ledgerDayOf(key)
		if q.Fits != nil && !q.Fits(of) {
			continue
		}
		if q.Experiments != nil {
			err = q.named(r, of, sum, list)
		} else {
			sum.add(1, &total)
			err = q.scan(r, of, list)
		}
		if err != nil && !errors.Is(err, errStop) {
			return err
		}
	}
	return nil
}

// passes reports whether the line comes after the place at which the list begins.
func (q *LedgerQuery) passes(k LedgerKey) bool {
	return q.After == nil || string(q.After.encode()) < string(k.encode())
}

// scan lists the lines of a day.
func (q *LedgerQuery) scan(r Reader, of LedgerDay, list func(LedgerKey, LedgerEntry) error) error {
	from := of.prefix()
	if q.After != nil {
		if of.before(q.After.day()) {
			return nil
		}
		from = slices.Clone(from)
		if of == q.After.day() {
			from = q.After.encode()
		}
	}
	return r.ScanAfter(of.prefix(), from, func(key, value []byte) error {
		k, err := decodeLedgerKey(key)
		if err != nil || !q.passes(k) {
			return err
		}
		l, err := decodeLedger(value)
		if err != nil {
			return err
		}
		return list(k, l)
	})
}

// named lists and adds up the lines of a day that name one of the experiments.
func (q *LedgerQuery) named(r Reader, of LedgerDay, sum *LedgerEntry, list func(LedgerKey, LedgerEntry) error) error {
	experiments := slices.Compact(slices.Sorted(slices.Values(q.Experiments)))
	full := error(nil)
	for kind := canonical.Kind(0); kind <= canonical.LastKind; kind++ {
		for _, experiment := range experiments {
			k := LedgerKey{of.Day, of.Source, kind, experiment}
			raw, found, err := r.Get(k.encode())
			if err != nil || !found {
				if err != nil {
					return err
				}
				continue
			}
			l, err := decodeLedger(raw)
			if err != nil {
				return err
			}
			sum.add(1, &l)
			if full == nil && q.passes(k) {
				if full = list(k, l); full != nil && !errors.Is(full, errStop) {
					return full
				}
			}
		}
	}
	return full
}

// LedgerByDay calls fn with the sum of the lines of each day and source, in order, and with the reasons why items were
// rejected or ignored then.
func (f *Fold) LedgerByDay(fn func(LedgerDay, LedgerEntry) error) error {
	return f.reading(func(v *View, r *reader) error {
		for key, sum := range v.LedgerDays.All() {
			of := ledgerDayOf(key)
			raw, found, err := r.db.Get(LedgerKey{Day: of.Day, Source: of.Source}.encode())
			if err != nil {
				return err
			}
			if found {
				l, err := decodeLedger(raw)
				if err != nil {
					return err
				}
				sum.Reasons, sum.OtherRejected, sum.OtherIgnored = l.Reasons, l.OtherRejected, l.OtherIgnored
			}
			if err := fn(of, sum); err != nil {
				return err
			}
		}
		return nil
	})
}
