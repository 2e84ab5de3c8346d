package tracklayer

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// failure is an error with what the caller can do about it.
type failure struct {
	cause string // equal for equal causes, whatever the rest of the text says
	todo  string
	err   error
}

func (f *failure) Error() string { return f.err.Error() + "; " + f.todo }

func (f *failure) Unwrap() error { return f.err }

var errQueueFull = &failure{
	"queue full", "send less, or raise Options.Queue", errors.New("the queue is full, so that events are dropped"),
}

// unreachable is a request that got no answer.
func unreachable(err error) error {
	if fault := (*url.Error)(nil); errors.As(err, &fault) {
		err = fault.Err // without the address, which todo names
	}
	return &failure{"no answer", "check that TrackLayer runs and that Options.URL is its address", fmt.Errorf("TrackLayer does not answer: %w", err)}
}

// refused is an answer that another attempt would not change.
func (c *Client) refused(status string, code int, text []byte) error {
	todo := "see the answer for what is wrong"
	switch code {
	case http.StatusUnauthorized, http.StatusForbidden:
		todo = "set Options.Key to a write key of TrackLayer's configuration, and Options.Source to one of its sources"
	case http.StatusBadRequest, http.StatusNotFound:
		todo = "check that Options.Source is a source of TrackLayer's configuration, and that Options.URL has no path of another program"
	case http.StatusRequestEntityTooLarge:
		todo = "lower Options.Batch"
	}
	return &failure{"status " + status, todo, fmt.Errorf("%w: %s: %.300s", errRefused, status, text)}
}

// failureLog writes failures to the program's log: each cause at most once a minute.
type failureLog struct {
	mu    sync.Mutex
	last  map[string]time.Time
	noted uint64 // dropped events that were logged
}

const (
	quiet     = time.Minute
	maxCauses = 100
)

// warn logs one failure. dropped is how many events were dropped so far.
func (l *failureLog) warn(err error, dropped uint64) {
	cause := err.Error()
	if f := (*failure)(nil); errors.As(err, &f) {
		cause = f.cause
	}
	now := time.Now()
	l.mu.Lock()
	if at, ok := l.last[cause]; ok && now.Sub(at) < quiet {
		l.mu.Unlock()
		return
	}
	if l.last == nil || len(l.last) >= maxCauses {
		l.last = map[string]time.Time{}
	}
	l.last[cause] = now
	lately := dropped - min(dropped, l.noted)
	l.noted = max(l.noted, dropped)
	l.mu.Unlock()
	slog.Default().Warn("tracklayer: events were not delivered", "error", err, "dropped", lately, "dropped_total", dropped)
}
