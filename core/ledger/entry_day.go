package ledger

import "encoding/binary"

// Day is all lines of the ledger of one source on one day.
type Day struct {
	Day    int64 // of receipt, days since 1970
	Source string
}

// Key orders days and sources as the ledger does.
func (d Day) Key() string {
	return string(append(binary.BigEndian.AppendUint64(nil, uint64(d.Day)), d.Source...))
}

// DayOf reads what Key wrote.
func DayOf(key string) Day {
	return Day{int64(binary.BigEndian.Uint64([]byte(key[:8]))), key[8:]}
}

// Before reports whether the day comes before another one in the ledger.
func (d Day) Before(o Day) bool { return d.Key() < o.Key() }

// SourceDay is the source and the day of the line.
func (k Key) SourceDay() Day { return Day{k.Day, k.Source} }

// Sums is the entry without reasons.
func (e *Entry) Sums() Entry {
	return Entry{Accepted: e.Accepted, Redelivered: e.Redelivered, Conflicts: e.Conflicts, Rejected: e.Rejected, Erased: e.Erased, Ignored: e.Ignored}
}

// Add adds another entry's sums, or takes them off if sign is -1.
func (e *Entry) Add(sign int64, o *Entry) {
	e.Accepted += sign * o.Accepted
	e.Redelivered += sign * o.Redelivered
	e.Conflicts += sign * o.Conflicts
	e.Rejected += sign * o.Rejected
	e.Erased += sign * o.Erased
	e.Ignored += sign * o.Ignored
}
