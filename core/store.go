package core

// Store is an ordered map of bytes with one writer. What a Tx wrote becomes visible and, together, durable or lost as
// one at Commit.
type Store interface {
	Begin() Tx
	Close() error
}

// Tx reads the store with its own writes on top. Slices passed to Set and Delete are copied; slices returned by Get and
// Scan are valid until the next call on the Tx. Errors are the disk's: the caller stops, and starts again from the last
// commit.
type Tx interface {
	Get(key []byte) (value []byte, found bool, err error)
	Set(key, value []byte) error
	Delete(key []byte) error
	// Scan calls fn for every key with the prefix in byte order until fn returns an error. fn must not write.
	Scan(prefix []byte, fn func(key, value []byte) error) error
	// ScanAfter is Scan from the first key after one that has the prefix.
	ScanAfter(prefix, after []byte, fn func(key, value []byte) error) error
	Commit() error
	Discard()
}
