package core

import "iter"

// Store is an ordered map of bytes with one writer. What a Tx wrote becomes visible and, together, durable or lost as
// one at Commit.
type Store interface {
	// Begin starts the writer's transaction. There is at most one at a time: the Fold begins one for each commit, and
	// nothing that only reads begins any.
	Begin() Tx
	// Freeze reads what is committed now, whatever is committed later. Any goroutine may call it at any time, beside the
	// writer too; the Reader belongs to one goroutine until Discard. While it lives the store keeps on disk what it sees.
	Freeze() Reader
	Close() error
}

// Record is one key of the store with its value.
type Record struct{ Key, Value []byte }

// Reader reads the store. A value returned by Get is valid until the next call on the Reader. Errors are the
// disk's.
type Reader interface {
	Get(key []byte) (value []byte, found bool, err error)
	// Scan iterates over all records whose key has the prefix, in byte order of the keys. A record is valid until the loop
	// reads another one or goes on; the loop may read and must not write. An error comes last, with no record.
	Scan(prefix []byte) iter.Seq2[Record, error]
	// ScanAfter is Scan from the first key after one that has the prefix.
	ScanAfter(prefix, after []byte) iter.Seq2[Record, error]
	Discard()
}

// Tx is a Reader of what is committed, with its own writes on top. Slices passed to Set and Delete are copied. After an
// error the caller stops, and starts again from the last commit.
type Tx interface {
	Reader
	Set(key, value []byte) error
	Delete(key []byte) error
	Commit() error
}
