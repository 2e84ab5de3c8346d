package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// What part of the time to stop has passed when the next step begins.
const (
	untilRequests = 0.4  // requests under way end
	untilFolded   = 0.6  // what is on the log is folded
	untilIdle     = 0.75 // background work ends between two commits
	untilClosed   = 0.9  // files are closed
)

// Stop takes no more requests, lets those under way end, folds what is on the log, and closes everything. What does not
// end in time is cut off or left: nothing acknowledged is lost by that, and the state goes on from its last commit on the
// disk. Stop returns before ctx ends, whatever is under way.
func (p *Program) Stop(ctx context.Context) error {
	began := time.Now()
	total := time.Minute
	if deadline, ok := ctx.Deadline(); ok {
		total = time.Until(deadline)
	}
	until := func(part float64) (context.Context, context.CancelFunc) {
		return context.WithDeadline(ctx, began.Add(time.Duration(part*float64(total))))
	}
	p.stop() // waiting readers are answered
	p.endRequests(until)
	left := p.endFolding(until)
	err := p.close(until, left)
	for _, l := range []net.Listener{p.publicAt, p.adminAt} {
		if l != nil {
			_ = l.Close() // closed by its server, unless Start failed in between
		}
	}
	return err
}

// Left reports whether Stop has left work behind that keeps the data folder locked, so that no other Program of this
// process can open it.
func (p *Program) Left() bool { return p.left }

type stages func(part float64) (context.Context, context.CancelFunc)

func (p *Program) endRequests(until stages) {
	if p.public == nil || p.publicAt == nil {
		return
	}
	ctx, cancel := until(untilRequests)
	defer cancel()
	if err := p.public.Shutdown(ctx); err != nil {
		p.log.Warn("requests that did not end are cut off", "requests", p.inflight.Load())
		_ = p.public.Close() // the listener is closed already
		for p.inflight.Load() > 0 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
	}
}

// endFolding folds what is on the log and ends all work in the background. It reports whether some goes on: then the
// state must not be closed.
func (p *Program) endFolding(until stages) (left bool) {
	if p.cancel == nil {
		return false
	}
	if p.counting && p.lag.err() == nil {
		ctx, cancel := until(untilFolded)
		if last, err := p.events.LastSeq(ctx); err == nil {
			if v, err := p.fold.Wait(ctx, last); err != nil {
				p.log.Info("not everything was counted before the stop; the rest is counted after the next start", "applied_seq", v.Seq, "stream_seq", last)
			}
		}
		cancel()
	}
	p.cancel()
	ctx, cancel := until(untilIdle)
	defer cancel()
	if within(ctx, p.folding.Wait) && (p.past == nil || within(ctx, p.past.Close)) {
		for p.inflight.Load() > 0 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		return p.inflight.Load() > 0
	}
	return true
}

// close closes the log and the state. A state that is still in use is closed once it is not, if the process lives that
// long; without that it stands at its last commit on the disk.
func (p *Program) close(until stages, left bool) error {
	ctx, cancel := until(untilClosed)
	defer cancel()
	if p.events != nil && !within(ctx, p.events.Close) {
		p.log.Warn("the log did not close in time; what was acknowledged is on the disk")
	}
	var failed error
	var mu sync.Mutex
	closeState := func() {
		var err error
		if p.db != nil {
			err = p.db.Close()
		}
		if p.lock != nil {
			err = errors.Join(err, p.lock.Release())
		}
		mu.Lock()
		failed = err
		mu.Unlock()
	}
	if left {
		p.log.Warn("the state is left as it is, because work on it has not ended; it goes on from its last commit on the disk at the next start")
		go func() {
			p.folding.Wait()
			if p.past != nil {
				p.past.Close()
			}
			for p.inflight.Load() > 0 {
				time.Sleep(10 * time.Millisecond)
			}
			closeState()
		}()
	} else if !within(ctx, closeState) {
		left = true
		p.log.Warn("the state did not close in time; it goes on from its last commit on the disk at the next start")
	}
	p.left = left
	if p.admin != nil && p.adminAt != nil {
		_ = p.admin.Close() // nothing more is asked
	}
	mu.Lock()
	defer mu.Unlock()
	if failed != nil {
		return fmt.Errorf("close the state: %w", failed)
	}
	return nil
}

// within runs fn and reports whether it ended before ctx. If not, it goes on.
func within(ctx context.Context, fn func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}
