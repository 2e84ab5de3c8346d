package pages

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/problem"
)

const (
	maxListening = 256                    // open pages at a time
	maxOfOne     = 32                     // of them, those of one session or user of a proxy
	settle       = 250 * time.Millisecond // after a change, in which more of them come
	settleAll    = 2 * time.Second        // the same, for pages of all experiments
	glance       = time.Second            // how often what has no news of its own is looked at
	perWrite     = 10 * time.Second       // for a client that takes nothing
	listenFor    = time.Hour              // then the page asks again, and who it is with it
)

// versionOf names what a page shows.
func versionOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}

// listener knows how many pages are open, and ends them all.
type listener struct {
	mu    sync.Mutex
	open  int
	by    map[string]int // whose
	done  chan struct{}
	ended bool
}

func newListener() *listener { return &listener{done: make(chan struct{}), by: map[string]int{}} }

func (l *listener) begin(who string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || l.open >= maxListening || who != "" && l.by[who] >= maxOfOne {
		return false
	}
	l.open++
	l.by[who]++
	return true
}

func (l *listener) end(who string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.by[who]--; l.by[who] == 0 {
		delete(l.by, who)
	}
}

func (l *listener) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.ended = true
		close(l.done)
	}
}

// told is a version, and the sequence of its state.
type told struct {
	version string
	seq     uint64
	state   any // that it depends on; nil: on everything
	at      time.Time
}

// versions caches the newest version of each subject that open pages listen to, so that many listeners cost one.
type versions struct {
	mu  sync.Mutex
	all map[string]told
}

// live says to open pages when what they show has changed.
type live struct {
	opts     Options
	versions versions
	listener *listener
}

func newLive(o Options) *live {
	return &live{opts: o, versions: versions{all: map[string]told{}}, listener: newListener()}
}

// version returns the version under a key, at most every old. It is not computed again while the state that it depends
// on is the same.
func (p *live) version(key string, every time.Duration, state func(*sums.View) any, version func() (string, error)) (told, error) {
	p.versions.mu.Lock()
	defer p.versions.mu.Unlock()
	last, known := p.versions.all[key]
	if known && time.Since(last.at) < every {
		return last, nil
	}
	v := p.opts.State.View()
	next := told{seq: v.Seq, at: time.Now()}
	if state != nil {
		next.state = state(v)
	}
	if known && next.state != nil && next.state == last.state {
		next.version = last.version
	} else {
		var err error
		if next.version, err = version(); err != nil {
			return next, err
		}
	}
	if len(p.versions.all) >= 2*maxListening {
		clear(p.versions.all)
	}
	p.versions.all[key] = next
	return next, nil
}

// listen tells an open page the version of what it shows, now and whenever it changes, as server-sent events. Version is
// asked whenever the state moved on and
// had time to settle, and every second if ticking. A page that receives another version than its own reloads itself.
func (p *live) listen(q *request, ticking bool, settle time.Duration, version func() (told, error)) error {
	who := q.listenerOf()
	if !p.listener.begin(who) {
		return problem.Unavailable(30 * time.Second)
	}
	defer p.listener.end(who)
	ctx, cancel := context.WithTimeout(q.Context(), listenFor)
	defer cancel()
	go func() {
		select {
		case <-p.listener.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	defer func() { _ = http.NewResponseController(q.w).SetWriteDeadline(time.Time{}) }() // the connection may serve others
	h := q.w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no") // a proxy must not collect it
	said, pause := "", p.opts.Beat
	if ticking {
		pause = min(pause, glance)
	}
	for beaten := time.Now(); ; {
		now, err := version()
		if err != nil {
			return nil // the page finds out when it loads itself again
		}
		switch {
		case now.version != said:
			err = p.tell(q, "event: version\ndata: "+now.version+"\n\n")
			said, beaten = now.version, time.Now()
		case time.Since(beaten) >= p.opts.Beat:
			err = p.tell(q, ": still here\n\n")
			beaten = time.Now()
		}
		if err != nil || p.awaitNews(ctx, now.seq, pause, settle) != nil {
			return nil
		}
	}
}

// listenerOf is who holds an open page, "" if there is nothing to tell visitors apart by.
func (q *request) listenerOf() string {
	switch v := q.visitor; {
	case v.session != "":
		return "session " + v.session
	case v.byProxy:
		return "proxy " + v.name
	}
	return ""
}

// awaitNews returns once the state is past seq and had a moment to move further, or after the pause. It fails with ctx.
func (p *live) awaitNews(ctx context.Context, seq uint64, pause, settle time.Duration) error {
	waiting, cancel := context.WithTimeout(ctx, pause)
	defer cancel()
	if _, err := p.opts.State.Until(waiting, func(v *sums.View) bool { return v.Seq > seq }); err == nil {
		select {
		case <-ctx.Done():
		case <-time.After(settle):
		}
	}
	return ctx.Err()
}

func (p *live) tell(q *request, text string) error {
	c := http.NewResponseController(q.w)
	if err := c.SetWriteDeadline(time.Now().Add(perWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := fmt.Fprint(q.w, text); err != nil {
		return err
	}
	return c.Flush()
}
