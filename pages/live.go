package pages

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/problem"
)

const (
	maxListening = 256                    // open pages at a time
	settle       = 250 * time.Millisecond // after a change, in which more of them come
	glance       = time.Second            // how often what has no news of its own is looked at
	perWrite     = 10 * time.Second       // for a client that takes nothing
	listenFor    = time.Hour              // then the page asks again, and who it is with it
)

// versionOf names what a page shows.
func versionOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}

func decode(text []byte, into any) error { return json.Unmarshal(text, into) }

// listener knows how many pages are open, and ends them all.
type listener struct {
	mu    sync.Mutex
	open  int
	done  chan struct{}
	ended bool
}

func newListener() *listener { return &listener{done: make(chan struct{})} }

func (l *listener) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || l.open >= maxListening {
		return false
	}
	l.open++
	return true
}

func (l *listener) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
}

func (l *listener) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.ended = true
		close(l.done)
	}
}

// listen tells an open page the version of what it shows, now and whenever it changes, as server-sent events. Version is
// asked whenever the state moved on, and every
// second where ticking. A page that hears another version than its own loads itself again.
func (p *Pages) listen(q *request, ticking bool, version func() (string, error)) error {
	if !p.listener.begin() {
		return problem.Unavailable(30 * time.Second)
	}
	defer p.listener.end()
	ctx, cancel := context.WithTimeout(q.Context(), listenFor)
	defer cancel()
	go func() {
		select {
		case <-p.listener.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	h := q.w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no") // a proxy must not collect it
	said, pause := "", p.Beat
	if ticking {
		pause = min(pause, glance)
	}
	for beaten := time.Now(); ; {
		seq := p.State.View().Seq
		now, err := version()
		if err != nil {
			return nil // the page finds out when it loads itself again
		}
		switch {
		case now != said:
			err = p.tell(q, "event: version\ndata: "+now+"\n\n")
			said, beaten = now, time.Now()
		case time.Since(beaten) >= p.Beat:
			err = p.tell(q, ": still here\n\n")
			beaten = time.Now()
		}
		if err != nil || p.awaitNews(ctx, seq, pause) != nil {
			return nil
		}
	}
}

// awaitNews returns once the state is past seq and had a moment to move further, or after the pause. It fails with ctx.
func (p *Pages) awaitNews(ctx context.Context, seq uint64, pause time.Duration) error {
	waiting, cancel := context.WithTimeout(ctx, pause)
	defer cancel()
	if _, err := p.State.Until(waiting, func(v *core.View) bool { return v.Seq > seq }); err == nil {
		select {
		case <-ctx.Done():
		case <-time.After(settle):
		}
	}
	return ctx.Err()
}

func (p *Pages) tell(q *request, text string) error {
	c := http.NewResponseController(q.w)
	if err := c.SetWriteDeadline(time.Now().Add(perWrite)); err != nil && !isUnsupported(err) {
		return err
	}
	if _, err := fmt.Fprint(q.w, text); err != nil {
		return err
	}
	return c.Flush()
}

func (p *Pages) listLive(q *request) error {
	return p.listen(q, false, func() (string, error) { return listVersion(p.linesOf(q)), nil })
}

func isUnsupported(err error) bool { return errors.Is(err, http.ErrNotSupported) }
