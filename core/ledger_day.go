package core

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/ledger"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/core/wire"
)

// ledgerDayPrefix is what the keys of its lines begin with.
func ledgerDayPrefix(d ledger.Day) []byte {
	return append(append(binary.BigEndian.AppendUint64([]byte{keyLedger}, uint64(d.Day)), d.Source...), 0)
}

// ledgerLine is a line that was read, with its sums as they are stored.
type ledgerLine struct {
	ledger.Entry
	was ledger.Entry
}

// loadLedgerDays reads the sums of all days.
func (f *Fold) loadLedgerDays(db Reader) error {
	return eachRecord(db.Scan([]byte{keyLedgerDay}), func(key, value []byte) error {
		sum, err := ledger.Decode(value)
		if err == nil && len(key) < 9 {
			err = fmt.Errorf("ledger: %w", wire.ErrRecord)
		}
		if err == nil {
			f.next.LedgerDays.Set(string(key[1:]), sum.Sums())
		}
		return err
	})
}

// LedgerQuery says which lines of the ledger are wanted.
type LedgerQuery struct {
	Fits        func(ledger.Day) bool // nil: every day of every source
	Experiments []string              // as events name them, "" for none; nil: all
	After       *ledger.Key           // only lines that come after it are listed; nil: from the beginning
	Limit       int                   // of lines that are listed; 0: all
}

// LedgerLines calls fn with the lines that a query wants, in order, and returns the sum of all lines that fit, listed or
// not. It costs what is listed, and the days and sources that there are; of a query for experiments, that times the number
// of experiments.
func (f *Fold) LedgerLines(q LedgerQuery, fn func(ledger.Key, ledger.Entry) error) (sum ledger.Entry, err error) {
	return sum, f.reading(func(v *sums.View, r *reader) error { return q.read(v, r.db, &sum, fn) })
}

// errFull ends the list of a query that has as many lines as were asked for.
var errFull = errors.New("enough lines")

func (q *LedgerQuery) read(v *sums.View, r Reader, sum *ledger.Entry, fn func(ledger.Key, ledger.Entry) error) (err error) {
	listed := 0
	list := func(k ledger.Key, l ledger.Entry) error {
		if q.Limit > 0 && listed == q.Limit {
			return errFull
		}
		listed++
		return fn(k, l)
	}
	for key, total := range v.LedgerDays.All() {
		of := ledger.DayOf(key)
		if q.Fits != nil && !q.Fits(of) {
			continue
		}
		if q.Experiments != nil {
			err = q.named(r, of, sum, list)
		} else {
			sum.Add(1, &total)
			err = q.scan(r, of, list)
		}
		if err != nil && !errors.Is(err, errFull) {
			return err
		}
	}
	return nil
}

// passes reports whether the line comes after the place at which the list begins.
func (q *LedgerQuery) passes(k ledger.Key) bool {
	return q.After == nil || string(ledgerKey(*q.After)) < string(ledgerKey(k))
}

// scan lists the lines of a day.
func (q *LedgerQuery) scan(r Reader, of ledger.Day, list func(ledger.Key, ledger.Entry) error) error {
	from := ledgerDayPrefix(of)
	if q.After != nil {
		if of.Before(q.After.SourceDay()) {
			return nil
		}
		from = slices.Clone(from)
		if of == q.After.SourceDay() {
			from = ledgerKey(*q.After)
		}
	}
	return eachRecord(r.ScanAfter(ledgerDayPrefix(of), from), func(key, value []byte) error {
		k, err := decodeLedgerKey(key)
		if err != nil || !q.passes(k) {
			return err
		}
		l, err := ledger.Decode(value)
		if err != nil {
			return err
		}
		return list(k, l)
	})
}

// named lists and adds up the lines of a day that name one of the experiments.
func (q *LedgerQuery) named(r Reader, of ledger.Day, sum *ledger.Entry, list func(ledger.Key, ledger.Entry) error) error {
	experiments := slices.Compact(slices.Sorted(slices.Values(q.Experiments)))
	full := error(nil)
	for kind := canonical.Kind(0); kind <= canonical.LastKind; kind++ {
		for _, experiment := range experiments {
			k := ledger.Key{Day: of.Day, Source: of.Source, Kind: kind, Experiment: experiment}
			raw, found, err := r.Get(ledgerKey(k))
			if err != nil || !found {
				if err != nil {
					return err
				}
				continue
			}
			l, err := ledger.Decode(raw)
			if err != nil {
				return err
			}
			sum.Add(1, &l)
			if full == nil && q.passes(k) {
				if full = list(k, l); full != nil && !errors.Is(full, errFull) {
					return full
				}
			}
		}
	}
	return full
}

// LedgerByDay calls fn with the sum of the lines of each day and source, in order, and with the reasons why items were
// rejected or ignored then.
func (f *Fold) LedgerByDay(fn func(ledger.Day, ledger.Entry) error) error {
	return f.reading(func(v *sums.View, r *reader) error {
		for key, sum := range v.LedgerDays.All() {
			of := ledger.DayOf(key)
			raw, found, err := r.db.Get(ledgerKey(ledger.Key{Day: of.Day, Source: of.Source}))
			if err != nil {
				return err
			}
			if found {
				l, err := ledger.Decode(raw)
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
