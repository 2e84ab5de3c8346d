package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/store"
	"github.com/tracklayer/tracklayer/web"
)

const (
	keepViews = 16 // former states that stay in memory
	maxMaking = 16 // former states that may be waited for
)

// former is a state that was made, by the sequence that was asked for.
type former struct {
	seq  uint64
	view *core.View
}

// making is a former state that is being made, or waits for its turn.
type making struct {
	applied atomic.Uint64
	done    chan struct{} // closed when view and err are set
	view    *core.View
	err     error
}

// past answers for former states while the program runs.
type past struct {
	*history
	ctx context.Context
	end func()
}

func (h *history) past(ctx context.Context) *past {
	ctx, end := context.WithCancel(ctx)
	return &past{h, ctx, end}
}

// At implements web.Past.
func (p *past) At(ctx context.Context, seq uint64) (*core.View, error) {
	p.mu.Lock()
	if i := slices.IndexFunc(p.views, func(f former) bool { return f.seq == seq }); i >= 0 {
		f := p.views[i]
		p.views = append(slices.Delete(p.views, i, i+1), f)
		p.mu.Unlock()
		return f.view, nil
	}
	m := p.making[seq]
	if m == nil {
		if len(p.making) >= maxMaking || p.ctx.Err() != nil {
			p.mu.Unlock()
			return nil, &web.Underway{Sought: seq}
		}
		m = &making{done: make(chan struct{})}
		p.making[seq] = m
		go p.make(seq, m)
	}
	p.mu.Unlock()
	select {
	case <-m.done:
		return m.view, m.err
	case <-ctx.Done():
		return nil, &web.Underway{Applied: m.applied.Load(), Sought: seq}
	}
}

// close ends what is under way, and returns once nothing is.
func (p *past) close() {
	p.end()
	for {
		p.mu.Lock()
		var waits chan struct{}
		for _, m := range p.making {
			waits = m.done
		}
		p.mu.Unlock()
		if waits == nil {
			return
		}
		<-waits
	}
}

// make waits for its turn and makes one former state, which all who ask for it share.
func (p *past) make(seq uint64, m *making) {
	select {
	case p.turn <- struct{}{}:
		began := time.Now()
		if m.view, m.err = p.replay(seq, m); m.err == nil {
			p.replays.Inc()
			p.log.Info("a former state was made", "stream_seq", seq, "took", time.Since(began).String())
		} else if p.ctx.Err() == nil {
			p.log.Warn("a former state cannot be made", "stream_seq", seq, "error", m.err)
		}
		<-p.turn
	case <-p.ctx.Done():
		m.err = p.ctx.Err()
	}
	if m.err != nil {
		m.err = fmt.Errorf("%w: the state at sequence %d: %w", problem.ErrUnavailable, seq, m.err)
	}
	p.mu.Lock()
	delete(p.making, seq)
	if m.err == nil {
		if len(p.views) >= keepViews {
			p.views = slices.Delete(p.views, 0, 1)
		}
		p.views = append(p.views, former{seq, m.view})
	}
	p.mu.Unlock()
	close(m.done)
}

// replay makes the state at a sequence in a folder of its own: of the nearest copy before it, and of the log from there
// on. The copy stays as it is.
func (p *past) replay(seq uint64, m *making) (v *core.View, err error) {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return nil, err
	}
	private, err := os.MkdirTemp(p.dir, "private-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(private)) }()
	dir := filepath.Join(private, "state")
	p.link(seq, dir)
	db, err := store.Open(dir, store.Options{Lookups: core.Lookups, Cache: 32 << 20, Logger: p.log})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	fold, err := core.Open(db)
	if err != nil {
		return nil, err
	}
	m.applied.Store(fold.Seq())
	if fold.Seq() < seq {
		err = p.events.Replay(p.ctx, fold.Seq()+1, seq, foldBatch, func(records []canonical.Record) error {
			err := fold.Apply(records)
			m.applied.Store(fold.Seq())
			return err
		})
	}
	if err == nil {
		err = p.checkWhole(fold)
	}
	if err == nil {
		err = fold.Settle()
	}
	return fold.View(), err
}

// checkWhole refuses a former state that lacks what the state of now has counted: the log has lost it since.
func (p *past) checkWhole(former *core.Fold) error {
	lost, err := former.LostBeside(p.fold)
	if err != nil || len(lost) == 0 {
		return err
	}
	never, err := p.fold.Lost()
	if err != nil {
		return err
	}
	if lost = core.Subtract(lost, never); len(lost) > 0 {
		return fmt.Errorf("the log is damaged: %d records that were counted are missing on it (%s); give the log back from a backup", core.Count(lost), sayRanges(lost))
	}
	return nil
}

// link makes dir of the nearest copy at or before the sequence. Where none is any good it makes nothing: then the log is
// replayed from its first record.
func (p *past) link(seq uint64, dir string) {
	p.mu.Lock()
	defer p.mu.Unlock() // so that the copy is not removed meanwhile
	for _, from := range slices.Backward(p.kept) {
		if from > seq {
			continue
		}
		err := store.Link(p.path(from), dir)
		if err == nil {
			return
		}
		p.log.Warn("a copy of the state cannot be used", "stream_seq", from, "error", err)
	}
}

var _ web.Past = (*past)(nil)
