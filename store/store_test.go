package store_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/store"
)

func open(t interface{ Fatal(args ...any) }, disk *store.Disk) *store.DB {
	db, err := store.Open("state", store.Options{Disk: disk, MemTable: 1 << 20, Cache: 1 << 20, Lookups: "a\xff", Filter: 1 << 10})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// scan reads everything below a prefix.
func scan(t interface{ Fatal(args ...any) }, tx core.Tx, prefix string) (all []string) {
	for record, err := range tx.Scan([]byte(prefix)) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s=%s", record.Key, record.Value))
	}
	return all
}

// TestAgainstAMap: a transaction reads its own writes, no reader sees them before Commit, and what was committed survives
// a reopen.
func TestAgainstAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		disk := store.NewDisk()
		db := open(t, disk)
		defer func() { db.Close() }()
		committed := map[string]string{}
		for range rapid.IntRange(1, 5).Draw(t, "transactions") {
			tx := db.Begin()
			mine := map[string]string{}
			for k, v := range committed {
				mine[k] = v
			}
			for range rapid.IntRange(0, 30).Draw(t, "writes") {
				k := rapid.StringMatching(`[ab\xff]{1,3}`).Draw(t, "key")
				if rapid.IntRange(0, 3).Draw(t, "op") == 0 {
					delete(mine, k)
					if err := tx.Delete([]byte(k)); err != nil {
						t.Fatal(err)
					}
					continue
				}
				v := rapid.StringMatching(`[a-z]{0,5}`).Draw(t, "value")
				mine[k] = v
				if err := tx.Set([]byte(k), []byte(v)); err != nil {
					t.Fatal(err)
				}
			}
			for _, k := range []string{"a", "ab", "ba\xff", "aaa", "\xff", "bb"} {
				got, found, err := tx.Get([]byte(k))
				want, there := mine[k]
				if err != nil || found != there || string(got) != want {
					t.Fatalf("%q is %q %v %v, want %q %v", k, got, found, err, want, there)
				}
			}
			if n := len(scan(t, tx, "")); n != len(mine) {
				t.Fatalf("%d keys, want %d", n, len(mine))
			}
			outside := db.Begin()
			if n := len(scan(t, outside, "")); n != len(committed) {
				t.Fatalf("another transaction sees %d keys, %d are committed", n, len(committed))
			}
			outside.Discard()
			if rapid.Bool().Draw(t, "commit") {
				if err := tx.Commit(); err != nil {
					t.Fatal(err)
				}
				committed = mine
			}
			tx.Discard()
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = open(t, disk)
		tx := db.Begin()
		defer tx.Discard()
		if n := len(scan(t, tx, "")); n != len(committed) {
			t.Fatalf("after a reopen %d keys, want %d", n, len(committed))
		}
	})
}

func TestScanStopsAtItsPrefixAndOnAnError(t *testing.T) {
	db := open(t, store.NewDisk())
	defer db.Close()
	tx := db.Begin()
	defer tx.Discard()
	for _, k := range []string{"a", "b1", "b2", "b\xff\xff", "c"} {
		if err := tx.Set([]byte(k), nil); err != nil {
			t.Fatal(err)
		}
	}
	got := scan(t, tx, "b")
	if len(got) != 3 {
		t.Fatalf("below b: %q", got)
	}
	first, _, _ := strings.Cut(got[0], "=")
	if got := scan(t, tx, "b\xff\xff"); len(got) != 1 {
		t.Fatalf("below b ff ff: %q", got)
	}
	for record, err := range tx.Scan([]byte("b")) {
		if err != nil || string(record.Key) != first {
			t.Fatalf("%q, %v", record.Key, err)
		}
		break
	}
	if err := tx.Set([]byte("b"), []byte("again")); err != nil { // a scan that ended early holds nothing
		t.Fatal(err)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	db, err := store.Open(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(dir, store.Options{}); err == nil {
		t.Fatal("opened twice")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
