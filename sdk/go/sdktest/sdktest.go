// Package sdktest is a TrackLayer for the tests of whatever sends through sdk/go: it takes every event and remembers it.
package sdktest

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
)

// Server takes what a client sends. A request that is none of the client's is answered with 400, which the client counts
// as dropped.
type Server struct {
	*httptest.Server
	mu     sync.Mutex
	path   string
	text   []byte
	events []map[string]any
}

// New starts a Server. Close it.
func New() *Server {
	s := &Server{}
	s.Server = httptest.NewServer(s)
	return s
}

// ServeHTTP takes one batch.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct{ Batch []json.RawMessage }
	z, err := gzip.NewReader(r.Body)
	if err == nil {
		err = json.NewDecoder(z).Decode(&in)
	}
	events := make([]map[string]any, len(in.Batch))
	for i, raw := range in.Batch {
		if err == nil {
			err = json.Unmarshal(raw, &events[i])
		}
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.path = r.URL.String()
	s.events = append(s.events, events...)
	for _, raw := range in.Batch {
		s.text = append(append(s.text, raw...), '\n')
	}
	w.WriteHeader(http.StatusAccepted)
	_, _ = fmt.Fprintf(w, `{"accepted":%d,"rejected":0}`, len(events)) // the client counts on it
}

// Events are those taken so far, in the order in which they came.
func (s *Server) Events() []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// Path is the path and the query of the newest request.
func (s *Server) Path() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.path
}

// Text is everything that was taken, as it was written: for looking for what must not be there.
func (s *Server) Text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.text)
}

// Said tells the events in few words, the fields that are named and no others, in byte order.
func (s *Server) Said(fields ...string) []string {
	var words []string
	for _, e := range s.Events() {
		one := fmt.Sprint(e["event_name"])
		for _, name := range fields {
			if v, ok := e[name]; ok {
				one += fmt.Sprintf(" %s=%v", name, v)
			}
		}
		words = append(words, one)
	}
	slices.Sort(words)
	return words
}
