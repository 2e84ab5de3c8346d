package app

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

	longestWait = time.Minute // as the API's description says of wait
)

// guard refuses to show what is being counted again, and ends waiting readers when the program stops.
func (p *Program) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.inflight.Add(1)
		defer p.inflight.Add(-1)
		if r.Method == http.MethodGet && r.URL.Query().Has("wait") {
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			defer context.AfterFunc(p.stopping, cancel)()
			r = r.WithContext(ctx)
		}
		if p.fold != nil && counted(r.URL.Path) {
			if text := p.foldedBy(r); text != "" {
				problem.Write(w, unavailable("Being made again from the log: "+text, retryAgain))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// foldedBy waits, as long as a reader asked for with wait, until the state has been made again from the log. It returns
// what is still to be folded, "" if nothing is. A wait that is no duration is the API's to refuse.
func (p *Program) foldedBy(r *http.Request) string {
	text := p.foldingAgain()
	wait, err := time.ParseDuration(r.URL.Query().Get("wait"))
	if text == "" || err != nil || r.Method != http.MethodGet {
		return text
	}
	ctx, cancel := context.WithTimeout(r.Context(), min(wait, longestWait))
	defer cancel()
	_, _ = p.fold.Wait(ctx, p.again.target.Load()) // whether it was reached, foldingAgain says
	return p.foldingAgain()
}

// closed is why no event can be taken now, as the answer to a sender, nil if events can be taken.
func (p *Program) closed() error {
	if err := p.events.Full(); err != nil {
		return unavailable(err.Error(), retryFull)
	}
	if err := p.clock.check(); err != nil {
		return unavailable(err.Error(), retryClock)
	}
	return nil
}

func unavailable(title string, later time.Duration) problem.Problem {
	answer := problem.Unavailable(later)
	answer.Title = title
	return answer
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
