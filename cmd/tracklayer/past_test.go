package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/app"
	"github.com/tracklayer/tracklayer/registry"
)

// story is a program that things happen to, and what its readouts were.
type story struct {
	*testing.T
	*app.Program
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

// tell is the life of an experiment, with a restart in its middle.
func tell(t *testing.T, dir string, environ ...string) *story {
	s := &story{T: t, Program: begin(t, dir, environ...), said: map[uint64]string{}}
	const definition = `{"id":"checkout","variants":[{"key":"a"},{"key":"b"}],"control":"a","metrics":[
		{"id":"purchase","role":"primary","type":"proportion","event":"purchase","window":"4h"},{"id":"revenue","role":"secondary","type":"sum","event":"purchase","field":"value"}]}`
	const experiment = "/v1/experiments/checkout"
	s.happen(0, 12, 1) // nobody has declared it yet
	s.send(http.MethodPost, "/v1/experiments", "application/json", definition)
	s.look()
	s.happen(12, 30, 2)
	s.happen(42, 30, 5) // too late for the metric's window
	patch := func(body string) {
		t.Helper()
		s.send(http.MethodPatch, experiment, "application/merge-patch+json", body)
		s.look()
	}
	patch(`{"variants":[{"key":"a"},{"key":"b","aliases":{"api":["beta"]}}]}`)
	stop(t, s.Program)
	s.Program = begin(t, dir, environ...)
	s.look()
	s.happen(72, 30, 3)
	patch(`{"metrics":[{"id":"purchase","role":"primary","type":"proportion","event":"purchase","window":"8h"}]}`)
	s.happen(102, 30, 4)
	s.send(http.MethodPost, experiment+"/end-early", "application/json", `{"reason":"incident","by":"t"}`)
	s.look()
	s.happen(132, 10, 1)
	s.send(http.MethodPost, experiment+"/readouts", "application/json", `{"by":"t","note":"for the minutes"}`)
	s.look()
	s.send(http.MethodPost, experiment+"/decisions", "application/json", `{"variant":null,"why":"it broke","by":"t"}`)
	s.look()
	s.happen(142, 6, 1)
	return s
}

// official is the list of stored readouts, each of which it fetches and compares with what was said when it was stored.
func (s *story) official(when string) string {
	s.Helper()
	base := "http://" + s.Addr() + "/v1/experiments/checkout"
	_, list := fetch(s.T, base+"/readouts")
	var kept struct{ Readouts []registry.Official }
	if err := json.Unmarshal([]byte(list), &kept); err != nil || len(kept.Readouts) != 2 {
		s.Fatalf("%s: %v %s", when, err, list)
	}
	for _, o := range kept.Readouts {
		if _, text := fetch(s.T, base+"/readouts/"+o.SHA256); text != s.said[o.AsOf.StreamSeq] {
			s.Errorf("%s: the stored readout as of %d is %s", when, o.AsOf.StreamSeq, text)
		}
	}
	if _, text := fetch(s.T, base); !strings.Contains(text, `"readout_sha256":"`+kept.Readouts[0].SHA256) {
		s.Errorf("%s: the decision does not name its readout: %s", when, text)
	}
	return list
}

// copies are the sequences of the copies on disk.
func copies(t *testing.T, dir string) (all []uint64) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "history"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if seq, err := strconv.ParseUint(e.Name(), 10, 64); err == nil {
			all = append(all, seq)
		}
	}
	slices.Sort(all)
	return all
}

// TestThePastStaysAsItWas: what a readout said at a sequence it says again, to the byte, from the log alone and with the
// help of copies, after a restart and after a rebuild.
func TestThePastStaysAsItWas(t *testing.T) {
	for name, environ := range map[string][]string{
		"log":    {"TRACKLAYER_HISTORY_KEEP=0"},
		"copies": {"TRACKLAYER_HISTORY_KEEP=3", "TRACKLAYER_HISTORY_EVERY=20"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := tell(t, dir, environ...)
			if len(s.said) < 10 {
				t.Fatalf("only %d readouts to compare", len(s.said))
			}
			for name == "copies" && len(copies(t, dir)) == 0 {
				time.Sleep(time.Millisecond) // until one was made; a test that never ends fails as one
			}
			s.remember("while it runs")
			kept := s.official("while it runs")
			status, text := fetch(t, "http://"+s.Addr()+"/v1/experiments/checkout/readout?at_seq=0")
			if status != http.StatusNotFound {
				t.Errorf("before everything: %d %s", status, text)
			}
			var out, errs bytes.Buffer
			first := slices.Min(slices.Collect(keys(s.said)))
			command := []string{"readout", "checkout", "--json", "--server", "http://" + s.Addr(), "--at-seq", strconv.FormatUint(first, 10)}
			if code := run(t.Context(), command, streams{nil, &out, &errs}, nil); code != 0 || out.String() != s.said[first] {
				t.Errorf("the command says %s%s", &out, &errs)
			}
			stop(t, s.Program)
			if n := len(copies(t, dir)); name == "log" && n > 0 || name == "copies" && (n == 0 || n > 3) {
				t.Errorf("%d copies", n)
			}
			s.Program = begin(t, dir, environ...)
			s.remember("after a restart")
			stop(t, s.Program)
			if code := run(t.Context(), []string{"rebuild", "--data-dir", dir}, streams{nil, &out, &errs}, nil); code != 0 {
				t.Fatal(errs.String())
			}
			if n := len(copies(t, dir)); n > 0 {
				t.Errorf("a rebuild leaves %d copies of the old state", n)
			}
			s.Program = begin(t, dir, environ...)
			s.remember("after a rebuild")
			if again := s.official("after a rebuild"); again != kept {
				t.Errorf("a rebuild makes of %s %s", kept, again)
			}
			stop(t, s.Program)
		})
	}
}

func keys(m map[uint64]string) func(func(uint64) bool) {
	return func(yield func(uint64) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}
