package app

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/store"
)

// story is a program that things happen to, and what its readouts were.
type story struct {
	*testing.T
	*Program
	seq  uint64 // of the last record
	etag string // of the definition
	said map[uint64]string
}

func (s *story) send(method, path, kind, body string) {
	s.Helper()
	req, err := http.NewRequest(method, "http://"+s.Addr()+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	if method == http.MethodPatch {
		req.Header.Set("If-Match", s.etag)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode > 299 {
		s.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, text, err)
	}
	if tag := resp.Header.Get("ETag"); tag != "" {
		s.etag = tag
	}
	if named := resp.Header.Get("Tracklayer-Stream-Seq"); named != "" {
		if s.seq, err = strconv.ParseUint(named, 10, 64); err != nil {
			s.Fatal(err)
		}
	}
}

// happen sends so many persons into the experiment, every second one of whom buys later by the number of hours.
func (s *story) happen(first, n, hours int) {
	s.Helper()
	var b strings.Builder
	for i := first; i < first+n; i++ {
		variant := []string{"a", "b", "beta"}[i%3]
		fmt.Fprintf(&b, `,{"event_name":"experiment_exposed","event_id":"x%d","experiment_id":"checkout","variant":%q,"user_id":"u%d","exposed_at":"2026-11-20T10:00:00Z"}`, i, variant, i)
		if i%2 == 0 {
			fmt.Fprintf(&b, `,{"event_name":"experiment_converted","event_id":"c%d","conversion_event":"purchase","user_id":"u%d","value":%d,"currency":"EUR","converted_at":"2026-11-20T%02d:00:00Z"}`, i, i, i, 10+hours)
		}
	}
	s.send(http.MethodPost, "/v1/events", "application/json", "["+b.String()[1:]+"]")
	s.look()
}

// look notes the readout at the last sequence.
func (s *story) look() {
	s.Helper()
	status, text := fetch(s.T, fmt.Sprintf("http://%s/v1/experiments/checkout/readout?min_seq=%d&wait=20s", s.Addr(), s.seq))
	if status != http.StatusOK {
		s.Fatalf("%d %s", status, text)
	}
	if !strings.Contains(text, fmt.Sprintf(`"stream_seq":%d,`, s.seq)) {
		s.Fatalf("not as of %d: %s", s.seq, text)
	}
	s.said[s.seq] = text
}

// remember asks for every readout again, while other events come in.
func (s *story) remember(when string) {
	s.Helper()
	var others sync.WaitGroup
	done := make(chan struct{})
	others.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			body := fmt.Sprintf(`{"event_name":"experiment_exposed","event_id":"%s%d","experiment_id":"checkout","variant":"a","user_id":"%s%d","exposed_at":"2026-11-20T10:00:00Z"}`, when, i, when, i)
			resp, err := http.Post("http://"+s.Addr()+"/v1/events", "application/json", strings.NewReader(body))
			if err != nil {
				s.Error(err)
				return
			}
			resp.Body.Close()
		}
	})
	defer others.Wait()
	defer close(done)
	for seq, want := range s.said {
		status, text := fetch(s.T, fmt.Sprintf("http://%s/v1/experiments/checkout/readout?at_seq=%d&wait=60s", s.Addr(), seq))
		if status != http.StatusOK || text != want {
			s.Errorf("%s, at %d: %d\n%s\nit was\n%s", when, seq, status, text, want)
		}
	}
}

// TestCopiesOfNoUse: what a crash left, what cannot be opened and what belongs to another log is removed at the start,
// and the past is made without it.
func TestCopiesOfNoUse(t *testing.T) {
	dir := t.TempDir()
	environ := []string{"TRACKLAYER_HISTORY_EVERY=1000000"}
	s := &story{T: t, Program: begin(t, dir, environ...), said: map[uint64]string{}}
	s.happen(0, 10, 1)
	s.past.Keep()
	good := s.seq
	s.happen(10, 10, 1)
	stop(t, s.Program)
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
	s.Program = begin(t, dir, environ...)
	defer func() { stop(t, s.Program) }()
	entries, err := os.ReadDir(kept)
	if err != nil || len(entries) != 1 || entries[0].Name() != fmt.Sprint(good) {
		t.Errorf("%v %v", entries, err)
	}
	s.remember("with one good copy")
}

// TestNoRoomForCopies: a copy that cannot be made is counted, and nothing else happens.
func TestNoRoomForCopies(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "history"), nil, 0o600); err != nil { // no folder can be made there
		t.Fatal(err)
	}
	s := &story{T: t, Program: begin(t, dir), said: map[uint64]string{}}
	defer func() { stop(t, s.Program) }()
	s.happen(0, 10, 1)
	s.past.Keep()
	s.happen(10, 10, 1)
	if _, text := fetch(t, "http://"+s.AdminAddr()+"/metrics"); !strings.Contains(text, `tracklayer_history_copies_total{outcome="failed"} 1`) {
		t.Error("the failure was not counted")
	}
	if status, text := fetch(t, "http://"+s.Addr()+"/v1/experiments/checkout/readout?at_seq=3"); status != http.StatusServiceUnavailable {
		t.Errorf("the past without a folder: %d %s", status, text)
	}
}

// TestACrashReplaysTheUnflushed: what was flushed is not folded again by a start after a crash, which is played by a
// start on what is on the disk while the program runs.
func TestACrashReplaysTheUnflushed(t *testing.T) {
	dir := t.TempDir()
	s := &story{T: t, Program: begin(t, dir), said: map[uint64]string{}}
	defer func() { stop(t, s.Program) }()
	crashed := func() uint64 {
		t.Helper()
		left := filepath.Join(t.TempDir(), "state")
		if err := store.Link(filepath.Join(dir, "state"), left); err != nil {
			t.Fatal(err)
		}
		return sequenceOf(t, left)
	}
	s.happen(0, 100, 1)
	if seq := crashed(); seq != 0 {
		t.Fatalf("%d are on disk although nothing was flushed: the test plays no crash", seq)
	}
	s.past.Flush()
	flushed := s.seq
	s.happen(100, 10, 1)
	if seq := crashed(); seq != flushed {
		t.Errorf("a start would replay %d records, want %d", s.seq-seq, s.seq-flushed)
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
