package core

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/ledger"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/core/wire"
)

// Format is the version of the stored records. A store of another format is refused.
const Format = 7

// ErrFormat reports a store whose records this program does not read.
var ErrFormat = errors.New("the state was written by another version of TrackLayer")

// Fold is the state and its one writer. Apply and Recompute wait for each other; everything that reads is for any number
// of goroutines, beside them.
type Fold struct {
	reader // of tx; people are the units that were read, as many as stay in memory
	store  Store
	tx     Tx
	meta   meta
	aggregates
	touched []*entry                   // of these, the ones that changed since the last commit
	names   map[name]int64             // all that facts call experiments, with how many do
	renamed map[name]struct{}          // of these, the ones whose number changed since the last commit
	seen    map[string]sums.Seen       // conversion events of facts
	reseen  map[string]struct{}        // of these, the ones whose number changed since the last commit
	ledger  map[ledger.Key]*ledgerLine // lines that were read since the last commit
	next    sums.Tables                // what readers see from the next commit on
	hints   hints                      // where to find what a receipt of this process erases
	frozen  map[string]*sums.Snapshot  // experiments that are being recomputed, as they were before
	due     map[canonical.Unit]byte    // ids that wait for the background, with what is due
	seq     uint64                     // of the record that is being applied
	erasing bool                       // a receipt is being followed: what it erases must be gone at once
	groups  int                        // of due: ids of which it must be found again who is who
	beside  *aside                     // a person that is computed beside the writer
	broken  error                      // a failed write: memory and disk differ, nothing may be applied any more
	buf     []byte
	writer  sync.Mutex // Apply or Recompute

	view atomic.Pointer[sums.View]
	gate sync.RWMutex // held for reading, View and store are of one commit
	mu   sync.Mutex
	more chan struct{} // closed at the next commit
}

// meta is stored with every commit.
type meta struct {
	Format        int            `json:"format"`
	Seq           uint64         `json:"seq"`
	Watermark     canonical.Time `json:"watermark"`
	LinkConflicts int64          `json:"link_conflicts"`
	Unreadable    int64          `json:"unreadable"` // records that are none of what the log holds
	Retracted     uint64         `json:"retracted"`  // sequence of the newest record that changed rows which is not remembered
	Erasures      int64          `json:"erasures"`   // receipts
	Persons       int64          `json:"persons"`
	Ambiguous     int64          `json:"ambiguous,omitempty"` // ids that events name without saying whose they are
	Overgrown     int64          `json:"overgrown,omitempty"` // user ids of which no merge holds
	Walk          *walk          `json:"walk,omitempty"`      // the recomputation under way
}

// entry is a unit as read since the last commit: a person, a redirect to one, or nothing yet.
type entry struct {
	unit     canonical.Unit
	person   *person.Person
	redirect canonical.Unit
	touched  bool           // since the last commit
	weighed  *person.Person // whose weight is known
	weight   int64
}

// touch notes that the entry must be written.
func (f *Fold) touch(e *entry) {
	if !e.touched {
		e.touched = true
		f.touched = append(f.touched, e)
	}
}

// Open reads the state and stands at its last commit.
func Open(store Store) (*Fold, error) {
	f := &Fold{
		reader: reader{people: map[canonical.Unit]*entry{}}, store: store, aggregates: aggregates{aggs: map[string]*sums.Aggregate{}, dirty: map[string]struct{}{}},
		names: map[name]int64{}, seen: map[string]sums.Seen{}, reseen: map[string]struct{}{}, renamed: map[name]struct{}{}, frozen: map[string]*sums.Snapshot{}, due: map[canonical.Unit]byte{}, ledger: map[ledger.Key]*ledgerLine{}, more: make(chan struct{}),
	}
	f.overgrownIDs = &f.meta.Overgrown
	db := store.Freeze()
	defer db.Discard()
	var err error
	if f.meta, err = readMeta(db); err != nil {
		return nil, err
	}
	err = eachRecord(db.Scan([]byte{keyDefinition}), func(key, value []byte) error {
		next, _, err := f.rules.Apply(value, binary.BigEndian.Uint64(key[1:]))
		f.rules.Registry = next
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.loadNames(db), f.loadSeen(db), f.loadLedgerDays(db)); err != nil {
		return nil, err
	}
	err = eachRecord(db.Scan([]byte{keyAggregate}), func(key, value []byte) error {
		a := &sums.Aggregate{}
		if err := json.Unmarshal(value, a); err != nil {
			return fmt.Errorf("aggregate %q: %w: %w", key[1:], wire.ErrRecord, err)
		}
		f.aggs[string(key[1:])] = a
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := f.loadParts(db); err != nil {
		return nil, err
	}
	if err := errors.Join(f.loadCuts(db), f.loadProducts(db)); err != nil {
		return nil, err
	}
	for id, a := range f.aggs {
		a.Loaded()
		f.show(f.snapshot(id, a))
	}
	if err := f.resume(db); err != nil {
		return nil, err
	}
	f.publish()
	return f, nil
}

// Seq is the stream sequence of the last record applied and committed.
func (f *Fold) Seq() uint64 { return f.View().Seq }

// Apply folds records that follow each other on the log, and commits what they changed together with the sequence of
// the last one. Records at or below the sequence reached before are passed over, so a replay counts nothing twice.
// An error is the store's: nothing of the batch was kept, and the Fold must be opened again.
func (f *Fold) Apply(records []canonical.Record) error {
	return f.write(func() error {
		for i := range records {
			r := &records[i]
			if r.Seq <= f.meta.Seq {
				continue
			}
			if err := f.noteGap(r.Seq); err != nil {
				return err
			}
			if err := f.record(r); err != nil {
				return fmt.Errorf("record %d: %w", r.Seq, err)
			}
			f.meta.Seq = r.Seq
		}
		return nil
	})
}

// write lets fn change the state and commits that. After a failure nothing may be written any more: memory and disk
// differ.
func (f *Fold) write(fn func() error) error {
	f.writer.Lock()
	defer f.writer.Unlock()
	if f.broken != nil {
		return fmt.Errorf("after an earlier failure: %w", f.broken)
	}
	f.tx = f.store.Begin()
	f.db = f.tx
	defer func() {
		f.tx.Discard()
		f.tx, f.db = nil, nil
	}()
	if f.broken = fn(); f.broken == nil {
		f.broken = f.commit()
	}
	return f.broken
}

func (f *Fold) record(r *canonical.Record) error {
	f.seq = r.Seq
	switch {
	case r.Definition != nil:
		return f.define(r)
	case r.Readout != nil:
		return f.official(r)
	case r.Erasure != nil:
		return f.erase(r)
	case r.Clock != nil:
		return f.correctClock(r)
	case r.Rejected != nil:
		return f.reject(r.Rejected)
	case r.Err != nil:
		f.meta.Unreadable++
		return nil
	}
	f.meta.Watermark = max(f.meta.Watermark, r.Event.ReceivedAt)
	return f.event(&r.Event, r.Seq)
}

// commit writes everything that changed as one, and only then lets readers see it.
func (f *Fold) commit() error {
	if err := f.flushPeople(); err != nil {
		return err
	}
	for id := range f.dirty {
		if err := f.flushAggregate(id); err != nil {
			return err
		}
	}
	if err := errors.Join(f.flushLedger(), f.flushNames(), f.flushSeen()); err != nil {
		return err
	}
	raw, err := json.Marshal(f.meta)
	if err != nil {
		return err
	}
	if err := f.tx.Set([]byte{keyMeta}, raw); err != nil {
		return err
	}
	f.gate.Lock()
	defer f.gate.Unlock()
	if err := f.tx.Commit(); err != nil {
		return err
	}
	f.dirty = emptied(f.dirty)
	f.publish()
	return nil
}

// flushAggregate writes what changed of an aggregate, and lets readers see it from the next commit on unless they see
// what it was before a recomputation.
func (f *Fold) flushAggregate(id string) error {
	a := f.aggs[id]
	if err := f.flushCuts(id, a); err != nil {
		return err
	}
	if err := f.flushProducts(id, a); err != nil {
		return err
	}
	a.Prune()
	if err := f.flushParts(id, a); err != nil {
		return err
	}
	if a.IsEmpty() {
		delete(f.aggs, id)
		if f.frozen[id] == nil {
			f.hide(id)
		}
		return f.tx.Delete(append([]byte{keyAggregate}, id...))
	}
	raw, err := a.Head()
	if err != nil {
		return err
	}
	if f.frozen[id] == nil {
		f.show(f.snapshot(id, a))
	}
	return f.tx.Set(append([]byte{keyAggregate}, id...), raw)
}

// keepPeople is how many decoded persons stay in memory between commits.
const keepPeople = 20_000

func (f *Fold) flushPeople() error {
	for _, e := range f.touched {
		if err := f.flushPerson(e); err != nil {
			return err
		}
		e.touched = false
	}
	clear(f.touched)
	f.touched = f.touched[:0]
	if len(f.people) > keepPeople {
		clear(f.people)
	}
	return nil
}

// change lets fn change the person in place and keeps the aggregates equal to the sum of all persons. Only the
// participation in the experiment may change, or any of them where experiment is "".
func (f *Fold) change(e *entry, experiment string, fn func()) error {
	if f.waits(e.unit) || e.isBulky() {
		return f.later(e)
	}
	f.contribute(-1, e.person, experiment)
	fn()
	f.contribute(1, e.person, experiment)
	if experiment == "" { // a conversion that names no experiment may add a number to every run
		e.weight += int64(len(e.person.Parts))
	}
	f.touch(e)
	return nil
}

// recompute replaces the person by what its facts say, at once or, where that takes long, later.
func (f *Fold) recompute(e *entry) error {
	if e.person.Size() > heavy || f.waits(e.unit) || e.isBulky() {
		return f.later(e)
	}
	return f.settle(e)
}

// settle replaces the person by what its facts say.
func (f *Fold) settle(e *entry) error {
	fresh, err := f.evaluated(e.person.Units, e.person.Size())
	if err != nil {
		return err
	}
	f.contribute(-1, e.person, "")
	e.person = fresh
	f.contribute(1, e.person, "")
	f.touch(e)
	return nil
}
