package store

import (
	"sync/atomic"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"
)

// absent knows, for most keys that are not in the store, that they are not: a Bloom filter in memory over the keys that
// are looked up. Nearly every event is new and so is its id, and to find that out by looking takes Pebble four
// microseconds, as long as everything else that is done with the event.
//
// Every key ever set is in the filter from the moment it is set, so a "no" is certain; a "maybe" is looked up. After an
// open it says nothing until it has seen the keys that were there before, which a goroutine reads meanwhile.
type absent struct {
	letters [256]bool // of keys that are looked up
	words   []atomic.Uint64
	mask    uint64
	ready   atomic.Bool
	stop    chan struct{}
	done    chan struct{}
	failed  func(error) // is called if a key cannot be read because its file is damaged
}

// newAbsent makes a filter of at least so many bytes, for keys that start with one of the letters.
func newAbsent(bytes int, letters string) *absent {
	n := 1024
	for n*8 < bytes {
		n *= 2
	}
	a := &absent{words: make([]atomic.Uint64, n), mask: uint64(n - 1), stop: make(chan struct{}), done: make(chan struct{})}
	for i := range len(letters) {
		a.letters[letters[i]] = true
	}
	return a
}

// place is the word of a key and four of its bits: one touch of memory a key.
func (a *absent) place(key []byte) (word, bits uint64) {
	h := xxhash.Sum64(key)
	bits = 1<<(h&63) | 1<<(h>>6&63) | 1<<(h>>12&63) | 1<<(h>>18&63)
	return h >> 24 & a.mask, bits
}

func (a *absent) add(key []byte) {
	if !a.letters[key[0]] {
		return
	}
	word, bits := a.place(key)
	if w := &a.words[word]; w.Load()&bits != bits {
		w.Or(bits)
	}
}

// certain reports that the key was never set.
func (a *absent) certain(key []byte) bool {
	if !a.letters[key[0]] || !a.ready.Load() {
		return false
	}
	word, bits := a.place(key)
	return a.words[word].Load()&bits != bits
}

// learn reads all keys that were in the store when it was opened. A fault leaves the filter silent, which costs time
// and no truth.
func (a *absent) learn(snapshot *pebble.Snapshot) {
	defer close(a.done)
	defer func() { _ = snapshot.Close() }() // it was only read
	for c := range a.letters {
		if !a.letters[c] {
			continue
		}
		iter, err := snapshot.NewIter(below([]byte{byte(c)}))
		if err != nil {
			return
		}
		for ok := iter.First(); ok; ok = iter.Next() {
			a.add(iter.Key())
			select {
			case <-a.stop:
				_ = iter.Close()
				return
			default:
			}
		}
		if err := iter.Close(); err != nil {
			if pebble.IsCorruptionError(err) && a.failed != nil {
				a.failed(err)
			}
			return
		}
	}
	a.ready.Store(true)
}

// close ends learning, and returns when the store is no longer read by it.
func (a *absent) close() {
	close(a.stop)
	<-a.done
}
