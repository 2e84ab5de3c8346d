package core

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/ledger"
)

// Receipt says that a person was erased, and what of it lay on the log, without saying who it was.
type Receipt struct {
	ID        string         `json:"receipt"` // random
	Seq       uint64         `json:"stream_seq,omitempty"`
	At        canonical.Time `json:"at"` // not before the receipt of anything erased
	By        string         `json:"by,omitempty"`
	Key       string         `json:"key,omitempty"` // fingerprint of the key; By is what its holder wrote
	Reason    string         `json:"reason,omitempty"`
	IDs       int            `json:"ids"`       // how many ids the person had
	Events    int64          `json:"events"`    // different events
	Messages  int64          `json:"messages"`  // their deliveries, and other bodies under their ids
	Contested int64          `json:"contested"` // of the events, those under whose id another person's body came; erased as well
	// MentionsKept are events of other persons that name one of the ids, as those of a shared device do.
	MentionsKept int64 `json:"mentions_kept"`
	DeadLetters  int64 `json:"dead_letters"` // that named one of the ids, and were deleted
	// DeadLettersToReview may be about the person: they hold an id that is too short to tell.
	DeadLettersToReview int64        `json:"dead_letters_to_review"`
	Erased              []ErasedLine `json:"erased"`
}

// ErasedLine is what was erased of one line of the ledger and one of its columns.
type ErasedLine struct {
	Day        string `json:"day"` // of receipt, UTC
	Source     string `json:"source"`
	Kind       string `json:"kind"`
	Experiment string `json:"experiment_id,omitempty"`
	Outcome    string `json:"outcome"` // accepted, redelivered or conflict
	Messages   int64  `json:"messages"`
	Seqs       []byte `json:"seqs,omitempty"` // stream sequences, each as a varint of its distance to the one before
}

// Outcomes of a message, by the column of the ledger that counts it.
const (
	outcomeAccepted    = "accepted"
	outcomeRedelivered = "redelivered"
	outcomeConflict    = "conflict"
)

// ErrErasing reports that another erasure is at work.
var ErrErasing = errors.New("another erasure is at work")

var errReceipt = errors.New("not a receipt of an erasure")

// ParseReceipt reads a receipt as it is stored in the log at that sequence.
func ParseReceipt(data []byte, seq uint64) (r Receipt, err error) {
	if err = json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("%w: %w", errReceipt, err)
	}
	if r.ID == "" {
		return r, errReceipt
	}
	for i := range r.Erased {
		if _, _, err := r.Erased[i].key(); err != nil {
			return r, err
		}
	}
	r.Seq = seq
	return r, nil
}

// Sequences are those of all erased messages, the newest first. That is the order in which they must leave the log: who
// reads it meanwhile then sees the first deliveries of an event or none, and counts what it sees as all others did.
func (r *Receipt) Sequences() []uint64 {
	all := make([]uint64, 0, r.Messages)
	for i := range r.Erased {
		all = append(all, r.Erased[i].sequences()...)
	}
	slices.SortFunc(all, func(a, b uint64) int { return cmp.Compare(b, a) })
	return all
}

func (l *ErasedLine) sequences() (seqs []uint64) {
	last := uint64(0)
	for b := l.Seqs; len(b) > 0; {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return seqs // key has refused it
		}
		last += n
		seqs, b = append(seqs, last), b[size:]
	}
	return seqs
}

// key is the line of the ledger and, in it, the column.
func (l *ErasedLine) key() (ledger.Key, func(*ledger.Entry) *int64, error) {
	k := ledger.Key{Source: l.Source, Kind: canonical.ParseKind(l.Kind), Experiment: l.Experiment}
	day, err := time.Parse(time.DateOnly, l.Day)
	if err != nil || k.Kind == 0 || int64(len(l.sequences())) != l.Messages {
		return k, nil, errReceipt
	}
	k.Day = day.Unix() / 86400
	switch l.Outcome {
	case outcomeAccepted:
		return k, func(e *ledger.Entry) *int64 { return &e.Accepted }, nil
	case outcomeRedelivered:
		return k, func(e *ledger.Entry) *int64 { return &e.Redelivered }, nil
	case outcomeConflict:
		return k, func(e *ledger.Entry) *int64 { return &e.Conflicts }, nil
	}
	return k, nil, errReceipt
}

// Receipts reads the receipts of all erasures in order.
func (f *Fold) Receipts() ([]Receipt, error) {
	_, state := f.committed()
	defer state.db.Discard()
	all := []Receipt{}
	err := eachRecord(state.db.Scan([]byte{keyErasure}), func(key, value []byte) error {
		r, err := ParseReceipt(value, binary.BigEndian.Uint64(key[1:]))
		all = append(all, r)
		return err
	})
	return all, err
}
