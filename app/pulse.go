package app

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tracklayer/tracklayer/pages"
	"github.com/tracklayer/tracklayer/webhooks"
)

// ownSource is the name that events over /v1/events have as their source.
const ownSource = "api"

// pulses note when a request came to a source, so that people who set it up see its first request arrive.
type pulses struct {
	now func() time.Time
	mu  sync.Mutex
	by  map[string]*pulse
}

// pulse is one source.
type pulse struct {
	vendor   string
	snippets []pages.Snippet
	requests int64
	refused  map[int]int64 // by status
	last     time.Time
	status   int
	minutes  [pages.Minutes]int64 // by the minute's number, as far as newest
	newest   int64
}

func newPulses(sources map[string]webhooks.Source) *pulses {
	p := &pulses{now: time.Now, by: map[string]*pulse{ownSource: {}}}
	for name, s := range sources {
		one := &pulse{vendor: s.Vendor}
		for _, snippet := range s.About.Snippets {
			one.snippets = append(one.snippets, pages.Snippet(snippet))
		}
		p.by[name] = one
	}
	return p
}

// watch notes the requests that go to next.
func (p *pulses) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := doorOf(r.URL.Path)
		if name == "" {
			next.ServeHTTP(w, r)
			return
		}
		s := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(s, r)
		p.beat(name, cmp.Or(s.status, http.StatusOK))
	})
}

// doorOf is the source that a path leads to, "" for none.
func doorOf(path string) string {
	if path == "/v1/events" {
		return ownSource
	}
	rest, ok := strings.CutPrefix(path, "/webhooks/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func (p *pulses) beat(name string, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.by[name]
	if one == nil { // no such source
		return
	}
	at := p.now()
	one.requests++
	one.last, one.status = at, status
	if status >= http.StatusBadRequest {
		if one.refused == nil {
			one.refused = map[int]int64{}
		}
		one.refused[status]++
	}
	one.move(at.Unix() / 60)
	one.minutes[one.newest%pages.Minutes]++
}

// move empties the minutes up to the given one.
func (p *pulse) move(minute int64) {
	for p.newest = max(p.newest, minute-pages.Minutes); p.newest < minute; {
		p.newest++
		p.minutes[p.newest%pages.Minutes] = 0
	}
}

// all are the sources by name, our own clients first.
func (p *pulses) all(now time.Time) []pages.Source {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]pages.Source, 0, len(p.by))
	for name, one := range p.by {
		one.move(now.Unix() / 60)
		s := pages.Source{Name: name, Vendor: one.vendor, Snippets: one.snippets, Requests: one.requests, Refused: maps.Clone(one.refused), Last: one.last, LastStatus: one.status}
		for i := range s.ByMinute {
			s.ByMinute[i] = one.minutes[(one.newest+1+int64(i))%pages.Minutes]
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b pages.Source) int {
		return cmp.Or(cmp.Compare(min(len(a.Vendor), 1), min(len(b.Vendor), 1)), strings.Compare(a.Name, b.Name))
	})
	return list
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (s *statusWriter) WriteHeader(status int) {
	if s.status == 0 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find what lies below.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }
