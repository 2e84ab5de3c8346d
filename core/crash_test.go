package core_test

import (
	"errors"
	"iter"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/store"
)

var errDisk = errors.New("the disk is gone")

// dying is a store that fails at its n-th call and at every one after it, as a disk that is gone does.
type dying struct {
	core.Store
	left    int
	durable bool // a commit that fails was written all the same: the answer was lost, not the write
	calls   int
}

func (d *dying) Begin() core.Tx { return &dyingTx{d.Store.Begin(), d} }

func (d *dying) fails() bool {
	d.calls++
	return d.calls >= d.left
}

type dyingTx struct {
	core.Tx
	d *dying
}

func (t *dyingTx) Get(key []byte) ([]byte, bool, error) {
	if t.d.fails() {
		return nil, false, errDisk
	}
	return t.Tx.Get(key)
}

func (t *dyingTx) Set(key, value []byte) error {
	if t.d.fails() {
		return errDisk
	}
	return t.Tx.Set(key, value)
}

func (t *dyingTx) Delete(key []byte) error {
	if t.d.fails() {
		return errDisk
	}
	return t.Tx.Delete(key)
}

// Scan may fail before the first key or, every other time, after it.
func (t *dyingTx) Scan(prefix []byte) iter.Seq2[core.Record, error] {
	return func(yield func(core.Record, error) bool) {
		if !t.d.fails() {
			t.Tx.Scan(prefix)(yield)
			return
		}
		if t.d.left%2 != 0 {
			for record, err := range t.Tx.Scan(prefix) {
				if !yield(record, err) {
					return
				}
				break
			}
		}
		yield(core.Record{}, errDisk)
	}
}

func (t *dyingTx) Commit() error {
	if !t.d.fails() {
		return t.Tx.Commit()
	}
	if t.d.durable {
		if err := t.Tx.Commit(); err != nil {
			return err
		}
	}
	return errDisk
}

// number gives the records their place on the log.
func number(records []canonical.Record) []canonical.Record {
	log := make([]canonical.Record, len(records))
	for i, r := range records {
		r.Seq = uint64(i + 1)
		log[i] = r
	}
	return log
}

// feed applies the log in batches that end at multiples of size.
func feed(f *core.Fold, log []canonical.Record, size int) error {
	for len(log) > 0 {
		n := min(len(log), size)
		if err := f.Apply(log[:n]); err != nil {
			return err
		}
		log = log[n:]
	}
	return nil
}

// crash runs into the failure at call n, starts again from what the store holds and returns the state at the end, and
// whether the store lived long enough for no failure to happen.
func crash(t fataler, log []canonical.Record, size, n int, durable, fromStart bool) (end string, unharmed bool) {
	db := openStore(t, store.NewDisk())
	defer db.Close()
	d := &dying{Store: db, left: n, durable: durable}
	f, err := core.Open(d)
	if err == nil {
		err = feed(f, log, size)
		if err != nil && f.Apply(log) == nil {
			t.Fatal("a fold whose store failed went on")
		}
	}
	if unharmed = err == nil; !unharmed && !errors.Is(err, errDisk) {
		t.Fatal("another error than the store's:", err)
	}
	f = openFold(t, db)
	rest := log
	if !fromStart {
		rest = log[f.Seq():]
	}
	if err := feed(f, rest, size); err != nil {
		t.Fatal(err)
	}
	if diff, err := f.Audit(); err != nil || len(diff) > 0 {
		t.Fatal("audit:", diff, err)
	}
	return state(t, f), unharmed
}

// TestEveryCrashIsForgotten kills the store at every single call of a small history in which everything happens: links,
// moved ownership, merges, conflicts that retract them, duplicates, changes of the registry.
func TestEveryCrashIsForgotten(t *testing.T) {
	b := &builder{}
	b.expose("", "n", "a", 0)
	b.convert("w", "", 7, func(e *canonical.Event) { e.DedupKey, e.Channel = "o", canonical.Client })
	b.link("w", "n", "", 5)
	b.link("v", "n", "", 4)
	b.define(define(1))
	b.link("w", "", "v", 9)
	b.convert("", "n", 6, func(e *canonical.Event) { e.DedupKey, e.Channel = "o", canonical.Server })
	b.add(canonical.Event{Kind: canonical.Linked, ID: "id-4", UserID: "a", AnonymousID: "m", At: t0 + 3}) // sorts before the link of v
	b.end("w", "a", "incident", 8)
	b.define(declarations[1])
	log := number(b.events)
	for _, size := range []int{1, 4, len(log)} {
		for _, durable := range []bool{false, true} {
			want, unharmed := crash(t, log, size, 1<<30, durable, false)
			if !unharmed {
				t.Fatal("the undisturbed store failed")
			}
			n := 0
			for unharmed = false; !unharmed; {
				n++
				var got string
				if got, unharmed = crash(t, log, size, n, durable, n/2%2 == 0); got != want {
					t.Fatalf("batches of %d, a crash at call %d: %s", size, n, differ(got, want))
				}
			}
			if n < 100 {
				t.Fatalf("only %d calls were tried: the history is too small to mean anything", n)
			}
		}
	}
}

// TestCrashesAreForgotten kills the store somewhere in larger histories, and again while it catches up.
func TestCrashesAreForgotten(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		log := number(declaredHistory(rt))
		size := rapid.SampledFrom([]int{1, 5, 30}).Draw(rt, "batch")
		seed := rapid.Uint64().Draw(rt, "seed")
		random := rand.New(rand.NewPCG(seed, seed))
		want, _ := crash(rt, log, size, 1<<30, false, false)

		db := openStore(rt, store.NewDisk())
		defer db.Close()
		f := openFold(rt, db)
		for most := 20 * len(log); f.Seq() < uint64(len(log)); most *= 2 {
			d := &dying{Store: db, left: 1 + random.IntN(most), durable: random.IntN(2) == 0}
			dead, err := core.Open(d)
			if err == nil {
				err = feed(dead, log[random.IntN(int(f.Seq())+1):], size)
			}
			if err != nil && !errors.Is(err, errDisk) {
				rt.Fatalf("another error than the store's: %v", err)
			}
			f = openFold(rt, db)
		}
		if got := state(rt, f); got != want {
			rt.Fatalf("after crashes: %s\nafter\n%s", differ(got, want), tell(log))
		}
		if diff, err := f.Audit(); err != nil || len(diff) > 0 {
			rt.Fatalf("audit: %v %v", diff, err)
		}
	})
}
