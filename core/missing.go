package core

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/ledger"
	"github.com/tracklayer/tracklayer/core/wire"
)

// Range is a range of stream sequences, both ends in it.
type Range struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

// Count is how many sequences the ranges hold.
func Count(ranges []Range) (n int64) {
	for _, r := range ranges {
		n += int64(r.To - r.From + 1)
	}
	return n
}

// Lost returns the messages that this state never read although the log had given them a sequence, without those that
// a receipt of an erasure accounts for. Such messages were lost. A message may be erased before this state reads it, and
// its receipt comes later, so the answer holds once the state has reached the end of the log.
func (f *Fold) Lost() ([]Range, error) { return f.LostBeside(f) }

// LostBeside is Lost with the receipts that another state of the same log has.
func (f *Fold) LostBeside(receipts *Fold) ([]Range, error) {
	_, state := f.committed()
	defer state.db.Discard()
	gaps, err := state.gaps()
	if err != nil || len(gaps) == 0 {
		return nil, err
	}
	ranges := make([]Range, len(gaps))
	for i, s := range gaps {
		ranges[i] = Range{s.from, s.to}
	}
	erased, err := receipts.ErasedSequences()
	if err != nil {
		return nil, err
	}
	return Without(ranges, erased), nil
}

// ErasedSequences are those of all messages that receipts account for, in order, each once.
func (f *Fold) ErasedSequences() ([]uint64, error) {
	receipts, err := f.Receipts()
	if err != nil {
		return nil, err
	}
	var all []uint64
	for i := range receipts {
		all = append(all, receipts[i].Sequences()...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Without returns the parts of the ranges that hold none of the sequences. Both are in order.
func Without(ranges []Range, seqs []uint64) (left []Range) {
	for _, r := range ranges {
		i, _ := slices.BinarySearch(seqs, r.From)
		for ; i < len(seqs) && seqs[i] <= r.To; i++ {
			if seqs[i] > r.From {
				left = append(left, Range{r.From, seqs[i] - 1})
			}
			r.From = seqs[i] + 1
		}
		if r.From <= r.To {
			left = append(left, r)
		}
	}
	return left
}

// Subtract returns the parts of the ranges that are in none of the others. Both are in order.
func Subtract(ranges, others []Range) (left []Range) {
	for _, r := range ranges {
		for _, o := range others {
			if o.To < r.From || o.From > r.To {
				continue
			}
			if o.From > r.From {
				left = append(left, Range{r.From, o.From - 1})
			}
			r.From = o.To + 1
		}
		if r.From <= r.To {
			left = append(left, r)
		}
	}
	return left
}

// Union returns the ranges that hold what any of the two lists hold, in order.
func Union(a, b []Range) []Range {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(x, y Range) int {
		switch {
		case x.From < y.From:
			return -1
		case x.From > y.From:
			return 1
		}
		return 0
	})
	var union []Range
	for _, r := range all {
		if n := len(union); n > 0 && r.From <= union[n-1].To+1 {
			union[n-1].To = max(union[n-1].To, r.To)
			continue
		}
		union = append(union, r)
	}
	return union
}

// Holdings are what a state has counted, to compare it with another one of the same log.
type Holdings struct {
	Seq      uint64
	Erasures int64
	Persons  int64
	Sources  map[string]Held
}

// Held is what a state has counted of one source.
type Held struct {
	Accepted int64 // events
	Erased   int64 // messages that were erased
	Messages int64 // all deliveries: accepted, redelivered, conflicting and erased
}

// Holdings adds the ledger up by source.
func (f *Fold) Holdings() (Holdings, error) {
	h := Holdings{Sources: map[string]Held{}}
	_, state := f.committed()
	defer state.db.Discard()
	m, err := readMeta(state.db)
	if err != nil {
		return h, err
	}
	h.Seq, h.Erasures, h.Persons = m.Seq, m.Erasures, m.Persons
	err = state.ledger(func(k ledger.Key, l ledger.Entry) error {
		held := h.Sources[k.Source]
		held.Accepted += l.Accepted
		held.Erased += l.Erased
		held.Messages += l.Accepted + l.Redelivered + l.Conflicts + l.Erased
		h.Sources[k.Source] = held
		return nil
	})
	return h, err
}

// ClockCorrection is a record of the log: the watermark had been set by a clock that was wrong.
type ClockCorrection struct {
	To     canonical.Time `json:"to"` // what the watermark becomes if it is later
	By     string         `json:"by,omitempty"`
	Reason string         `json:"reason,omitempty"`
}

// correctClock caps the watermark. Receipts before this record count no later than the correction, receipts after it as
// they come, so the watermark stays a function of the log.
func (f *Fold) correctClock(r *canonical.Record) error {
	var c ClockCorrection
	if err := json.Unmarshal(r.Clock, &c); err != nil || c.To <= 0 {
		f.meta.Unreadable++
		return nil //nolint:nilerr // counted, as a definition is
	}
	f.meta.Watermark = min(f.meta.Watermark, c.To)
	return nil
}

// IsUnreadable reports that a record of the state holds something else than was written.
func IsUnreadable(err error) bool { return errors.Is(err, wire.ErrRecord) }
