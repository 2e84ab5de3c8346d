package history

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/store"
	"github.com/tracklayer/tracklayer/web"
)

const (
	keepViews = 16 // former states that stay in memory
	maxMaking = 16 // former states that may be waited for

	replayBatch = 2000 // records that are folded into one commit at most
)

// former is a state that was made, by the sequence that was asked for.
type former struct {
	seq  uint64
	view *sums.View
}

// making is a former state that is being made, or waits for its turn.
type making struct {
	applied atomic.Uint64
	done    chan struct{} // closed when view and err are set
	view    *sums.View
	err     error
}

// At returns the state as of a sequence, and implements web.Past. A *web.Underway reports that it is still being made.
func (h *History) At(ctx context.Context, seq uint64) (*sums.View, error) {
	h.mu.Lock()
	if i := slices.IndexFunc(h.views, func(f former) bool { return f.seq == seq }); i >= 0 {
		f := h.views[i]
		h.views = append(slices.Delete(h.views, i, i+1), f)
		h.mu.Unlock()
		return f.view, nil
	}
	m := h.making[seq]
	if m == nil {
		if len(h.making) >= maxMaking || h.ctx.Err() != nil {
			h.mu.Unlock()
			return nil, &web.Underway{Sought: seq}
		}
		m = &making{done: make(chan struct{})}
		h.making[seq] = m
		go h.make(seq, m)
	}
	h.mu.Unlock()
	select {
	case <-m.done:
		return m.view, m.err
	case <-ctx.Done():
		return nil, &web.Underway{Applied: m.applied.Load(), Sought: seq}
	}
}

// Close ends what is under way, and returns once nothing is. Run must have returned.
func (h *History) Close() {
	h.end()
	for {
		h.mu.Lock()
		var waits chan struct{}
		for _, m := range h.making {
			waits = m.done
		}
		h.mu.Unlock()
		if waits == nil {
			return
		}
		<-waits
	}
}

// make waits for its turn and makes one former state, which all who ask for it share.
func (h *History) make(seq uint64, m *making) {
	select {
	case h.turn <- struct{}{}:
		began := time.Now()
		if m.view, m.err = h.replay(seq, m); m.err == nil {
			h.replays.Inc()
			h.log.Info("a former state was made", "stream_seq", seq, "took", time.Since(began).String())
		} else if h.ctx.Err() == nil {
			h.log.Warn("a former state cannot be made", "stream_seq", seq, "error", m.err)
		}
		<-h.turn
	case <-h.ctx.Done():
		m.err = h.ctx.Err()
	}
	if m.err != nil {
		m.err = fmt.Errorf("%w: the state at sequence %d: %w", problem.ErrUnavailable, seq, m.err)
	}
	h.mu.Lock()
	delete(h.making, seq)
	if m.err == nil {
		if len(h.views) >= keepViews {
			h.views = slices.Delete(h.views, 0, 1)
		}
		h.views = append(h.views, former{seq, m.view})
	}
	h.mu.Unlock()
	close(m.done)
}

// replay makes the state at a sequence in a folder of its own: of the nearest copy before it, and of the log from there
// on. The copy stays as it is.
func (h *History) replay(seq uint64, m *making) (v *sums.View, err error) {
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return nil, err
	}
	private, err := os.MkdirTemp(h.dir, "private-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(private)) }()
	dir := filepath.Join(private, "state")
	h.link(seq, dir)
	db, err := store.Open(dir, store.Options{Lookups: core.Lookups, Cache: 32 << 20, Logger: h.log})
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
		err = h.events.Replay(h.ctx, fold.Seq()+1, seq, replayBatch, func(records []canonical.Record) error {
			err := fold.Apply(records)
			m.applied.Store(fold.Seq())
			return err
		})
	}
	if err == nil {
		err = h.checkWhole(fold)
	}
	if err == nil {
		err = fold.Settle()
	}
	return fold.View(), err
}

// checkWhole refuses a former state that lacks what the state of now has counted: the log has lost it since.
func (h *History) checkWhole(former *core.Fold) error {
	lost, err := former.LostBeside(h.fold)
	if err != nil || len(lost) == 0 {
		return err
	}
	never, err := h.fold.Lost()
	if err != nil {
		return err
	}
	if lost = core.Subtract(lost, never); len(lost) > 0 {
		return fmt.Errorf("the log is damaged: %d records that were counted are missing on it (%s); give the log back from a backup", core.Count(lost), Ranges(lost))
	}
	return nil
}

// link makes dir of the nearest copy at or before the sequence. If none can be used it makes nothing: then the log is
// replayed from its first record.
func (h *History) link(seq uint64, dir string) {
	h.mu.Lock()
	defer h.mu.Unlock() // so that the copy is not removed meanwhile
	for _, from := range slices.Backward(h.kept) {
		if from > seq {
			continue
		}
		err := store.Link(h.path(from), dir)
		if err == nil {
			return
		}
		h.log.Warn("a copy of the state cannot be used", "stream_seq", from, "error", err)
	}
}

var _ web.Past = (*History)(nil)

// Ranges names the first ranges in a text for an operator.
func Ranges(ranges []core.Range) string {
	const first = 10
	var parts []string
	for _, r := range ranges[:min(len(ranges), first)] {
		if r.From == r.To {
			parts = append(parts, fmt.Sprintf("%d", r.From))
			continue
		}
		parts = append(parts, fmt.Sprintf("%d-%d", r.From, r.To))
	}
	if len(ranges) > first {
		parts = append(parts, fmt.Sprintf("and %d more ranges", len(ranges)-first))
	}
	return strings.Join(parts, ", ")
}
