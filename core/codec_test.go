package core_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/store"
)

// FuzzDecodePerson: no record, however broken, takes the program down, and what can be read means the same after it was
// written again.
func FuzzDecodePerson(f *testing.F) {
	for _, seed := range []int{1, 2, 3, 5, 8, 13, 21} {
		b := rapid.Custom(history).Example(seed)
		b.define(define(1))
		fold := run(f, b)
		records, err := fold.PersonRecords()
		if err != nil {
			f.Fatal(err)
		}
		for _, r := range records {
			f.Add(r)
		}
	}
	f.Add([]byte{})
	f.Add([]byte("\x01\x00\x01\x01\x01u\x01\x01x\x00\x00\x01\x01\x00\x00\x01\x00\x00\x00\x01r\x00\x00\x00")) // an early end at no time
	f.Fuzz(func(t *testing.T, record []byte) {
		if again, _, err := core.Reencode(record); err != nil {
			t.Fatalf("%x, written again as %x: %v", record, again, err)
		}
	})
}

// TestWhatTheFoldWritesIsReadAsItWas: of the fold's own records, not a byte changes.
func TestWhatTheFoldWritesIsReadAsItWas(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		db := openStore(rt, store.NewDisk())
		defer db.Close()
		f := openFold(rt, db)
		fold(rt, f, declaredHistory(rt), all)
		records, err := f.PersonRecords()
		if err != nil {
			rt.Fatal(err)
		}
		for _, r := range records {
			again, readable, err := core.Reencode(r)
			if err != nil || !readable || !bytes.Equal(r, again) {
				rt.Fatalf("%x became %x: %v %v", r, again, readable, err)
			}
		}
	})
}
