package main

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/tracklayer/tracklayer/problem"
)

const (
	retryFull  = 5 * time.Second
	retryClock = time.Minute
	retryAgain = 2 * time.Second
)

// guard refuses early what cannot be done now, and ends waiting readers when the program stops.
func (p *Program) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.inflight.Add(1)
		defer p.inflight.Add(-1)
		if p.role&gatewayRole != 0 && doorOf(r.URL.Path) != "" {
			if text, later := p.refuses(); text != "" && r.Method != http.MethodOptions {
				refuse(w, text, later)
				return
			}
			next.ServeHTTP(w, r)
			return
		}
		if p.fold != nil && counted(r.URL.Path) {
			if text := p.foldingAgain(); text != "" {
				refuse(w, "Being made again from the log: "+text, retryAgain)
				return
			}
		}
		if r.Method == http.MethodGet && r.URL.Query().Has("wait") {
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			defer context.AfterFunc(p.stopping, cancel)()
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	})
}

// refuses says why no event can be taken now, "" if one can.
func (p *Program) refuses() (text string, later time.Duration) {
	if err := p.events.Full(); err != nil {
		return err.Error(), retryFull
	}
	if err := p.clock.check(); err != nil {
		return err.Error(), retryClock
	}
	return "", 0
}

func refuse(w http.ResponseWriter, title string, later time.Duration) {
	answer := problem.Unavailable(later)
	answer.Title = title
	problem.Write(w, answer)
}

// counted reports that a path shows what was counted, or changes what depends on it.
func counted(path string) bool {
	for _, prefix := range []string{"/v1/experiments", "/v1/units", "/v1/ledger", "/v1/program", "/v1/filters", "/experiments", "/units", "/program"} {
		if path == prefix || strings.HasPrefix(path, prefix+"/") {
			return true
		}
	}
	return false
}
