package app

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/problem"
)

// maxJump is how far the clock may run ahead of the time that has passed.
const maxJump = time.Hour

// clockGuard notices a clock that jumps ahead. Events are stamped by the clock, the newest stamp is what everything
// matures by, and nothing on the log ever goes back, so one event of a wrong clock would end every experiment's wait.
type clockGuard struct {
	now func() time.Time // nil: any time is fine

	mu     sync.Mutex
	wall   time.Time     // by the clock, at the last start or correction
	begun  time.Time     // the same moment by the monotonic clock
	uptime time.Duration // the same moment since the machine started, or 0
}

func newClockGuard(now func() time.Time) *clockGuard {
	g := &clockGuard{now: now}
	if now != nil {
		g.rebase(now())
	}
	return g
}

func (g *clockGuard) rebase(wall time.Time) {
	g.wall, g.begun, g.uptime = wall.Round(0), time.Now(), uptime()
}

// check returns an error while the clock is further ahead than the time that has passed explains. A clock that is set
// back is followed.
func (g *clockGuard) check() error {
	if g.now == nil {
		return nil
	}
	now := g.now().Round(0)
	g.mu.Lock()
	defer g.mu.Unlock()
	ahead := now.Sub(g.wall) - time.Since(g.begun)
	if ahead > maxJump && g.uptime > 0 { // a machine that slept: the monotonic clock stood still meanwhile
		if ahead = now.Sub(g.wall) - (uptime() - g.uptime); ahead <= maxJump {
			g.rebase(now)
		}
	}
	switch {
	case ahead > maxJump:
		return fmt.Errorf("the clock jumped ahead by %s: events are refused until it is right; set the clock, or, if it is right now, start TrackLayer again", ahead.Round(time.Minute))
	case ahead < -maxJump:
		g.rebase(now)
	}
	return nil
}

// aheadOfClock says that the newest receipt lies in the future, "" if it does not.
func (p *Program) aheadOfClock() string {
	if p.fold == nil || p.clock.now == nil {
		return ""
	}
	watermark := p.fold.View().Watermark
	now := p.now()
	ahead := time.Duration(watermark-canonical.TimeOf(now)) * time.Millisecond
	if ahead <= maxJump {
		return ""
	}
	return fmt.Sprintf("clock: the newest event was received at %s by a clock that was wrong, %s ahead of this one, so experiments count as matured too early; correct it with tracklayer clock correct --to %s",
		watermark, ahead.Round(time.Minute), now.UTC().Format("2006-01-02T15:04:05Z"))
}

// clockRoutes are the clock's part of the admin listener.
func (p *Program) clockRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/clock", func(w http.ResponseWriter, r *http.Request) {
		answer, err := p.correctClock(r)
		if err != nil {
			problem.Respond(w, p.log, "", err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer) // the caller has gone away, or has it
	})
}

// Corrected is the answer to POST /v1/clock of the admin listener: the watermark before and after a correction, and the
// record of the log that it is stored as.
type Corrected struct {
	Seq       uint64         `json:"stream_seq"`
	Before    canonical.Time `json:"watermark_before"`
	Watermark canonical.Time `json:"watermark"`
}

func (p *Program) correctClock(r *http.Request) (a Corrected, err error) {
	var asked struct {
		To     string `json:"to"`
		By     string `json:"by"`
		Reason string `json:"reason"`
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&asked); err != nil {
		return a, problem.BadRequest(`The body must be JSON such as {"to":"2026-11-20T10:00:00Z","reason":"the clock was wrong"}.`)
	}
	to, err := canonical.ParseTime(asked.To)
	if err != nil || to > canonical.TimeOf(p.now()) {
		return a, problem.Invalid("The time must not be in the future.", problem.FieldError{Pointer: "/to", Detail: "must be a time such as 2026-11-20T10:00:00Z, not later than now"})
	}
	if len(asked.By) > 200 || len(asked.Reason) > 1000 {
		return a, problem.Invalid("The note is too long.", problem.FieldError{Pointer: "/reason", Detail: "must be at most 1000 bytes, by at most 200"})
	}
	data, err := json.Marshal(core.ClockCorrection{To: to, By: asked.By, Reason: asked.Reason})
	if err != nil {
		return a, err
	}
	last, err := p.events.LastSeq(r.Context())
	if err != nil {
		return a, fmt.Errorf("%w: %w", problem.ErrUnavailable, err)
	}
	v, err := p.fold.Wait(r.Context(), last)
	if err != nil {
		return a, err
	}
	a.Before = v.Watermark
	if a.Seq, err = p.events.PublishClock(r.Context(), data); err != nil {
		return a, fmt.Errorf("%w: %w", problem.ErrUnavailable, err)
	}
	if v, err = p.fold.Wait(r.Context(), a.Seq); err != nil {
		return a, err
	}
	a.Watermark = v.Watermark
	p.log.Warn("the watermark was corrected", "stream_seq", a.Seq, "before", a.Before.String(), "watermark", a.Watermark.String(), "by", asked.By)
	return a, nil
}
