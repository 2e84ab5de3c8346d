package hostile

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// question is a request and what it may be answered with.
type question struct {
	name, method, url, body string
	header                  []string // name, value, name, value
	want                    int
}

// ask sends a request, without following redirects. A header Host is the request's host.
func ask(tb testing.TB, by *http.Client, q question) (int, http.Header, string) {
	tb.Helper()
	req, err := http.NewRequest(q.method, q.url, strings.NewReader(q.body))
	if err != nil {
		tb.Fatal(err)
	}
	if q.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(q.header); i += 2 {
		if q.header[i] == "Host" {
			req.Host = q.header[i+1]
			continue
		}
		if q.header[i] == "Content-Type" {
			req.Header.Del("Content-Type")
		}
		req.Header.Add(q.header[i], q.header[i+1])
	}
	if by == nil {
		by = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	resp, err := by.Do(req)
	if err != nil {
		tb.Fatalf("%s: %v", q.name, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatalf("%s: %v", q.name, err)
	}
	return resp.StatusCode, resp.Header, string(text)
}

// check asks each question and compares the status.
func check(tb testing.TB, questions []question) {
	tb.Helper()
	for _, q := range questions {
		if status, _, text := ask(tb, nil, q); status != q.want {
			tb.Errorf("%s: %s %s: %d, want %d: %.300s", q.name, q.method, q.url, status, q.want, text)
		}
	}
}

func (s *server) url(path string) string      { return "http://" + s.addr + path }
func (s *server) adminURL(path string) string { return "http://" + s.admin + path }

// drawKey is a key that no one else has.
func drawKey(tb testing.TB) string {
	tb.Helper()
	raw := make([]byte, 16)
	if _, err := rand.Read(raw); err != nil {
		tb.Fatal(err)
	}
	return hex.EncodeToString(raw)
}

// hangUp tells the process to read its keys and its certificate again.
func (s *server) hangUp() {
	s.tb.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		s.tb.Fatal(err)
	}
}

const exposure = `{"event_name":"experiment_exposed","event_id":"e-1","experiment_id":"x","variant":"a","user_id":"u-1","exposed_at":"2026-11-20T10:00:00Z"}`
