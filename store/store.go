// Package store keeps the core's state in Pebble: records, aggregates, ledger and the applied sequence of the log in
// one atomic write. It implements what core declares and knows nothing of what the bytes mean; it imports core alone,
// and only the program may import it.
package store

import (
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tracklayer/tracklayer/core"
)

// Options of a store.
type Options struct {
	Cache    int64  // bytes of blocks kept in memory, beside the write buffers; 0: 64 MiB
	MemTable uint64 // bytes of one write buffer; 0: 32 MiB
	Lookups  string // first letters of keys that are got rather than scanned: their absence is known without looking
	Filter   int    // bytes of memory for that; 0: 32 MiB, good for some 30 million keys
	ReadOnly bool   // nothing in the folder changes; a Commit fails
	Disk     *Disk  // nil: the machine's
	Logger   *slog.Logger
	Fatal    func(error) // is called if the open store can never be written again, and must not return; nil: panic
}

// Disk is a disk in memory, for tests and for looking around. It outlives the stores opened on it.
type Disk struct{ fs vfs.FS }

// NewDisk makes an empty disk in memory.
func NewDisk() *Disk { return &Disk{vfs.NewMem()} }

// DB is an open store.
type DB struct {
	db     *pebble.DB
	cache  *pebble.Cache
	absent *absent
	faults *faults
	still  bool // opened to be read only
}

var _ core.Store = (*DB)(nil)

// defaultMemTable lets two write buffers absorb a second of events before anything is sorted onto disk.
const defaultMemTable = 32 << 20

const defaultFilter = 32 << 20

// Open opens or makes the store in dir, which one process may hold at a time. It does not write ahead: the log is
// replayed from the last commit that reached the disk, so fsync here would buy nothing. Checkpoint puts a commit there.
func Open(dir string, o Options) (*DB, error) {
	if o.Cache == 0 {
		o.Cache = 64 << 20
	}
	if o.MemTable == 0 {
		o.MemTable = defaultMemTable
	}
	if o.Filter == 0 {
		o.Filter = defaultFilter
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	// Pebble takes the write buffers out of the cache; without room for both, nothing is ever cached.
	d := &DB{cache: pebble.NewCache(o.Cache + 3*int64(o.MemTable)), still: o.ReadOnly, faults: newFaults(o.Logger, o.Fatal)}
	options := &pebble.Options{
		Cache:                      d.cache,
		MemTableSize:               o.MemTable,
		CompactionConcurrencyRange: func() (int, int) { return 1, 1 },
		DisableWAL:                 true,
		ReadOnly:                   o.ReadOnly,
		L0CompactionThreshold:      4,
		Logger:                     logger{d.faults, dir},
		EventListener:              d.faults.listener(),
		FS:                         vfs.Default,
	}
	for i := range options.Levels {
		options.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	if o.Disk != nil {
		options.FS = o.Disk.fs
	}
	disk := options.FS
	options.FS = slowFS{disk, d.faults}
	var err error
	if d.db, err = open(dir, options); err != nil {
		d.cache.Unref()
		return nil, openFailed(dir, err)
	}
	d.faults.opened.Store(true)
	if err := d.renew(dir, disk); err != nil {
		d.cache.Unref()
		return nil, openFailed(dir, errors.Join(err, d.db.Close()))
	}
	d.absent = newAbsent(o.Filter, o.Lookups)
	d.absent.failed = d.faults.damaged
	go d.absent.learn(d.db.NewSnapshot())
	return d, nil
}

// Begin starts a transaction.
func (d *DB) Begin() core.Tx { return &tx{batch: d.db.NewIndexedBatch(), absent: d.absent} }

// Freeze reads what is committed now.
func (d *DB) Freeze() core.Reader { return &frozen{snapshot: d.db.NewSnapshot(), absent: d.absent} }

// Checkpoint puts everything committed onto the disk, so that a start after it replays nothing.
func (d *DB) Checkpoint() error {
	if err := d.db.Flush(); err != nil {
		return fmt.Errorf("flush the state: %w", err)
	}
	return nil
}

// Close puts everything committed onto the disk and closes the store.
func (d *DB) Close() error {
	d.absent.close()
	var err error
	if !d.still {
		err = d.Checkpoint()
	}
	err = errors.Join(err, d.db.Close())
	d.cache.Unref()
	return err
}

type tx struct {
	batch  *pebble.Batch
	absent *absent
	closer interface{ Close() error }
}

// release gives the last value back.
func (t *tx) release() error {
	if t.closer == nil {
		return nil
	}
	c := t.closer
	t.closer = nil
	return c.Close()
}

// Get implements core.Tx.
func (t *tx) Get(key []byte) ([]byte, bool, error) {
	if err := t.release(); err != nil {
		return nil, false, err
	}
	if t.absent.certain(key) {
		return nil, false, nil
	}
	value, closer, err := t.batch.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	t.closer = closer
	return value, true, nil
}

// Set implements core.Tx.
func (t *tx) Set(key, value []byte) error {
	t.absent.add(key)
	return t.batch.Set(key, value, nil)
}

// Delete implements core.Tx.
func (t *tx) Delete(key []byte) error { return t.batch.Delete(key, nil) }

// Scan implements core.Tx.
func (t *tx) Scan(prefix []byte) iter.Seq2[core.Record, error] {
	return records(t.batch, below(prefix))
}

// ScanAfter implements core.Tx.
func (t *tx) ScanAfter(prefix, after []byte) iter.Seq2[core.Record, error] {
	return records(t.batch, &pebble.IterOptions{LowerBound: append(slices.Clone(after), 0), UpperBound: successor(prefix)})
}

// records iterates over the records within the bounds.
func records(from pebble.Reader, bounds *pebble.IterOptions) iter.Seq2[core.Record, error] {
	return func(yield func(core.Record, error) bool) {
		it, err := from.NewIter(bounds)
		if err != nil {
			yield(core.Record{}, err)
			return
		}
		for ok := it.First(); ok; ok = it.Next() {
			value, err := it.ValueAndErr()
			if err != nil {
				yield(core.Record{}, errors.Join(err, it.Close()))
				return
			}
			if !yield(core.Record{Key: it.Key(), Value: value}, nil) {
				_ = it.Close() // the loop has ended; what it read was read
				return
			}
		}
		if err := errors.Join(it.Error(), it.Close()); err != nil {
			yield(core.Record{}, err)
		}
	}
}

// below bounds an iterator to the keys with a prefix.
func below(prefix []byte) *pebble.IterOptions {
	if len(prefix) == 0 {
		return nil
	}
	return &pebble.IterOptions{LowerBound: prefix, UpperBound: successor(prefix)}
}

// successor is the smallest key after all keys with the prefix, nil where there is none.
func successor(prefix []byte) []byte {
	s := append([]byte(nil), prefix...)
	for i := len(s) - 1; i >= 0; i-- {
		if s[i]++; s[i] != 0 {
			return s[:i+1]
		}
	}
	return nil
}

// Commit implements core.Tx.
func (t *tx) Commit() error {
	if err := t.release(); err != nil {
		return err
	}
	return t.batch.Commit(pebble.NoSync)
}

// Discard implements core.Tx. After Commit it only frees memory.
func (t *tx) Discard() {
	_ = t.release()     // the value was read; there is nothing to undo
	_ = t.batch.Close() // the same
}

type logger struct {
	faults *faults
	dir    string
}

func (l logger) Infof(string, ...any) {}
func (l logger) Errorf(format string, args ...any) {
	l.faults.line("Pebble reports a failure", fmt.Sprintf(format, args...))
}

// Fatalf is called if Pebble cannot go on. It must not return. While the store is being opened, open turns the panic into
// an error, unless the disk is full: that, and everything later, is found by a goroutine of Pebble, where nothing can
// catch a panic.
func (l logger) Fatalf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if l.faults.fatal != nil && (l.faults.opened.Load() || strings.Contains(text, syscall.ENOSPC.Error())) {
		l.faults.fatal(openFailed(l.dir, errors.New(text)))
	}
	panic(text)
}
