package apptest

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Story is a program that things happen to, and what its readouts were.
type Story struct {
	*testing.T
	Program
	Seq  uint64            // of the last record
	Said map[uint64]string // the readout by sequence
	etag string            // of the definition
}

// NewStory begins the story of a program.
func NewStory(t *testing.T, p Program) *Story {
	return &Story{T: t, Program: p, Said: map[uint64]string{}}
}

// Send makes a request that must succeed, and notes the sequence and the entity tag of the answer.
func (s *Story) Send(method, path, kind, body string) {
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
		if s.Seq, err = strconv.ParseUint(named, 10, 64); err != nil {
			s.Fatal(err)
		}
	}
}

// Happen sends so many persons into the experiment, every second one of whom buys later by the number of hours.
func (s *Story) Happen(first, n, hours int) {
	s.Helper()
	var b strings.Builder
	for i := first; i < first+n; i++ {
		variant := []string{"a", "b", "beta"}[i%3]
		fmt.Fprintf(&b, `,{"event_name":"experiment_exposed","event_id":"x%d","experiment_id":"checkout","variant":%q,"user_id":"u%d","exposed_at":"2026-11-20T10:00:00Z"}`, i, variant, i)
		if i%2 == 0 {
			fmt.Fprintf(&b, `,{"event_name":"experiment_converted","event_id":"c%d","conversion_event":"purchase","user_id":"u%d","value":%d,"currency":"EUR","converted_at":"2026-11-20T%02d:00:00Z"}`, i, i, i, 10+hours)
		}
	}
	s.Send(http.MethodPost, "/v1/events", "application/json", "["+b.String()[1:]+"]")
	s.Look()
}

// Look notes the readout at the last sequence.
func (s *Story) Look() {
	s.Helper()
	status, text := Fetch(s.T, fmt.Sprintf("http://%s/v1/experiments/checkout/readout?min_seq=%d&wait=20s", s.Addr(), s.Seq))
	if status != http.StatusOK {
		s.Fatalf("%d %s", status, text)
	}
	if !strings.Contains(text, fmt.Sprintf(`"stream_seq":%d,`, s.Seq)) {
		s.Fatalf("not as of %d: %s", s.Seq, text)
	}
	s.Said[s.Seq] = text
}

// Remember asks for every readout again, while other events come in.
func (s *Story) Remember(when string) {
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
	for seq, want := range s.Said {
		status, text := Fetch(s.T, fmt.Sprintf("http://%s/v1/experiments/checkout/readout?at_seq=%d&wait=60s", s.Addr(), seq))
		if status != http.StatusOK || text != want {
			s.Errorf("%s, at %d: %d\n%s\nit was\n%s", when, seq, status, text, want)
		}
	}
}
