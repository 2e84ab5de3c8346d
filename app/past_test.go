package app

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/app/apptest"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/store"
)

// TestCopiesOfNoUse: what a crash left, what cannot be opened and what belongs to another log is removed at the start,
// and the past is made without it.
func TestCopiesOfNoUse(t *testing.T) {
	dir := t.TempDir()
	environ := []string{"TRACKLAYER_HISTORY_EVERY=1000000"}
	p := begin(t, dir, environ...)
	s := apptest.NewStory(t, p)
	s.Happen(0, 10, 1)
	p.past.Keep()
	good := s.Seq
	s.Happen(10, 10, 1)
	stop(t, p)
	kept := filepath.Join(dir, "history")
	for name, content := range map[string]string{"private-1/state/x": "", "new/x": "", "7/MANIFEST-000001": "nonsense"} {
		path := filepath.Join(kept, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Link(filepath.Join(kept, fmt.Sprint(good)), filepath.Join(kept, "1000000")); err != nil {
		t.Fatal(err)
	}
	p = begin(t, dir, environ...)
	defer stop(t, p)
	s.Program = p
	entries, err := os.ReadDir(kept)
	if err != nil || len(entries) != 1 || entries[0].Name() != fmt.Sprint(good) {
		t.Errorf("%v %v", entries, err)
	}
	s.Remember("with one good copy")
}

// TestNoRoomForCopies: a copy that cannot be made is counted, and nothing else happens.
func TestNoRoomForCopies(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "history"), nil, 0o600); err != nil { // no folder can be made there
		t.Fatal(err)
	}
	p := begin(t, dir)
	defer stop(t, p)
	s := apptest.NewStory(t, p)
	s.Happen(0, 10, 1)
	p.past.Keep()
	s.Happen(10, 10, 1)
	if _, text := apptest.Fetch(t, "http://"+s.AdminAddr()+"/metrics"); !strings.Contains(text, `tracklayer_history_copies_total{outcome="failed"} 1`) {
		t.Error("the failure was not counted")
	}
	if status, text := apptest.Fetch(t, "http://"+s.Addr()+"/v1/experiments/checkout/readout?at_seq=3"); status != http.StatusServiceUnavailable {
		t.Errorf("the past without a folder: %d %s", status, text)
	}
}

// TestACrashReplaysTheUnflushed: what was flushed is not folded again by a start after a crash, which is played by a
// start on what is on the disk while the program runs.
func TestACrashReplaysTheUnflushed(t *testing.T) {
	dir := t.TempDir()
	p := begin(t, dir)
	defer stop(t, p)
	s := apptest.NewStory(t, p)
	crashed := func() uint64 {
		t.Helper()
		left := filepath.Join(t.TempDir(), "state")
		if err := store.Link(filepath.Join(dir, "state"), left); err != nil {
			t.Fatal(err)
		}
		return sequenceOf(t, left)
	}
	s.Happen(0, 100, 1)
	if seq := crashed(); seq != 0 {
		t.Fatalf("%d are on disk although nothing was flushed: the test plays no crash", seq)
	}
	p.past.Flush()
	flushed := s.Seq
	s.Happen(100, 10, 1)
	if seq := crashed(); seq != flushed {
		t.Errorf("a start would replay %d records, want %d", s.Seq-seq, s.Seq-flushed)
	}
}

// sequenceOf reads the sequence of a state that no program has open.
func sequenceOf(t *testing.T, dir string) uint64 {
	t.Helper()
	db, err := store.Open(dir, store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	seq, err := core.SequenceOf(db)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}
