package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/store"
	"github.com/tracklayer/tracklayer/stream"
	"github.com/tracklayer/tracklayer/web"
)

// eraser removes persons from the log, the state and whatever else is kept.
type eraser struct {
	events *stream.Log
	db     *store.DB
	fold   *core.Fold
	log    *slog.Logger
	drop   func() error // of what is kept of the past and cannot be changed

	busy atomic.Bool         // somebody's request is at work
	mu   sync.Mutex          // held while anything is erased, for a request or because it was left unfinished
	done map[uint64]struct{} // receipts of which nothing is left on the log
}

func (p *Program) newEraser() *eraser {
	return &eraser{events: p.events, db: p.db, fold: p.fold, log: p.log, drop: p.dropCopies, done: map[uint64]struct{}{}}
}

// dropCopies removes every copy of the state: they hold everybody who was there then.
func (p *Program) dropCopies() error {
	all, err := asides(statePath(p.cfg), damagedSuffix, beforeSuffix)
	for _, dir := range all {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return errors.Join(err, p.past.forget())
}

// attempts is how often an erasure looks again where events came in between. After the first few, none come.
const (
	attempts = 20
	loud     = 3
)

// Erase implements web.Eraser. The receipt goes onto the log where the log still ends with what was searched, so that it
// speaks of everything before it; then everybody who follows the log forgets the person.
func (e *eraser) Erase(ctx context.Context, u canonical.Unit, on web.Order) (web.Erased, error) {
	if !e.busy.CompareAndSwap(false, true) {
		return web.Erased{}, core.ErrErasing
	}
	defer e.busy.Store(false)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.finish(ctx); err != nil { // what was erased before must not be found again
		return web.Erased{}, err
	}
	hunt := &hunt{eraser: e, unit: u, on: on, dead: -1}
	for n := range attempts {
		try := func() error { return hunt.try(ctx) }
		err := error(nil)
		if n < loud {
			err = try()
		} else {
			err = e.events.Quietly(try)
		}
		if errors.Is(err, stream.ErrMoved) {
			continue
		}
		if err != nil {
			return web.Erased{}, unstored(err)
		}
		if err := e.finish(ctx); err != nil {
			return web.Erased{}, err
		}
		naming, err := textsNaming(hunt.search, e.fold.View(), e.fold)
		if err != nil {
			return web.Erased{}, err
		}
		e.log.Info("a person was erased", "receipt", hunt.receipt.ID, "stream_seq", hunt.receipt.Seq, "messages", hunt.receipt.Messages, "texts_to_review", len(naming))
		return web.Erased{Receipt: hunt.receipt, TextsToReview: naming}, nil
	}
	return web.Erased{}, unstored(stream.ErrMoved)
}

// unstored makes a failure of the log the client's to try again.
func unstored(err error) error {
	if errors.Is(err, stream.ErrUnavailable) || errors.Is(err, stream.ErrMoved) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: erase: %w", problem.ErrUnavailable, err)
	}
	return err
}

// hunt is one search for a person, which may have to look at the log's end more than once.
type hunt struct {
	*eraser
	unit canonical.Unit
	on   web.Order

	search  *core.Search
	through uint64 // of the log, that was searched
	known   int64  // erasures that the search knows of
	dead    int64  // letters deleted; -1: not looked for yet
	doubts  int64
	receipt core.Receipt
}

// try searches what is new, and publishes the receipt where nothing more is.
func (h *hunt) try(ctx context.Context) error {
	last, err := h.events.LastSeq(ctx)
	if err != nil {
		return err
	}
	v, err := h.fold.Wait(ctx, last)
	if err != nil {
		return err
	}
	if err := h.look(ctx, v, last); err != nil {
		return err
	}
	if !h.search.Found() {
		return core.ErrNoUnit
	}
	if err := h.checkNotes(); err != nil {
		return err
	}
	if err := h.letters(ctx); err != nil {
		return err
	}
	if h.receipt.ID == "" {
		if h.receipt.ID, err = canonical.NewID(canonical.TimeOf(time.Now()), rand.Reader); err != nil {
			return err
		}
	}
	if h.receipt, err = h.fold.Receipt(h.search, h.receipt.ID, canonical.TimeOf(time.Now())); err != nil {
		return err
	}
	h.receipt.By, h.receipt.Key, h.receipt.Reason = h.on.By, h.on.Key, h.on.Reason
	h.receipt.DeadLetters, h.receipt.DeadLettersToReview = h.dead, h.doubts
	data, err := json.Marshal(h.receipt)
	if err != nil {
		return err
	}
	h.fold.Expect(h.receipt.ID, h.search)
	if h.receipt.Seq, err = h.events.PublishErasure(ctx, last, data); err != nil {
		return err
	}
	_, err = h.fold.Wait(ctx, h.receipt.Seq)
	return err
}

// look shows the log to the search as far as it has not seen it. Where the person became another one, or somebody else
// erased a person, it begins anew.
func (h *hunt) look(ctx context.Context, v *core.View, last uint64) error {
	s, err := h.fold.Search(h.unit)
	if err != nil {
		return err
	}
	if h.search == nil || !h.search.Same(s) || h.known != v.Erasures {
		if h.known != v.Erasures {
			if err := h.finish(ctx); err != nil {
				return err
			}
		}
		h.search, h.through, h.known = s, 0, v.Erasures
		if err := h.events.Scan(ctx, s.Buckets(), 1, last, h.search.Message); err != nil {
			return err
		}
	} else if err := h.events.Scan(ctx, nil, h.through+1, last, h.search.Message); err != nil {
		return err
	}
	h.through = last
	missing, err := h.fold.Missing(h.search)
	if err != nil || !missing {
		return err
	}
	return h.events.Scan(ctx, nil, 1, last, h.search.Message)
}

// checkNotes refuses a receipt that would name the person for ever.
func (h *hunt) checkNotes() error {
	var faults []problem.FieldError
	for _, note := range []struct{ pointer, text string }{{"/by", h.on.By}, {"/reason", h.on.Reason}} {
		for _, u := range h.search.Units {
			if strings.Contains(note.text, u.ID) && len(u.ID) > 2 {
				faults = append(faults, problem.FieldError{Pointer: note.pointer, Detail: "must not hold an id of the person"})
				break
			}
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return problem.Invalid("The receipt is kept, so it must not say who was erased. Mend what errors names and send the request again; nothing was erased.", faults...)
}

// certainLength is how long an id is that is hardly anything else where it stands alone in a request.
const certainLength = 6

// letters deletes the dead letters that name the person. It comes before the receipt, after which nobody knows the ids.
func (h *hunt) letters(ctx context.Context) (err error) {
	if h.dead >= 0 {
		return nil
	}
	var certain, doubtful [][]byte
	for _, u := range h.search.Units {
		list := &certain
		if len(u.ID) < certainLength {
			list = &doubtful
		}
		quoted, err := json.Marshal(u.ID)
		if err != nil {
			return err
		}
		*list = append(*list, quoted, []byte(`"`+u.ID+`"`))
		if escaped := url.QueryEscape(u.ID); escaped != "" {
			*list = append(*list, []byte("="+escaped+"&"), []byte("="+escaped+" "), []byte("="+escaped+"\r"))
		}
	}
	h.dead, h.doubts, err = h.events.EraseDeadLetters(ctx, certain, doubtful)
	if err != nil {
		h.dead = -1
	}
	return err
}

// finish deletes what receipts of the state speak of and the log still has. The state is on the disk before anything
// leaves the log. The oldest message goes last, so where it is gone everything is.
func (e *eraser) finish(ctx context.Context) error {
	receipts, err := e.fold.Receipts()
	if err != nil {
		return err
	}
	for i := range receipts {
		r := &receipts[i]
		if _, done := e.done[r.Seq]; done {
			continue
		}
		seqs := r.Sequences()
		left := false
		if len(seqs) > 0 {
			if left, err = e.events.Has(ctx, seqs[len(seqs)-1]); err != nil {
				return unstored(err)
			}
		}
		if err := e.clear(ctx, r.Seq, seqs, left); err != nil {
			return unstored(err)
		}
		e.done[r.Seq] = struct{}{}
	}
	return nil
}

// maxRanges is how many ranges of keys are compacted one by one; past it the whole store is.
const maxRanges = 1000

// clear removes the traces of one erasure: from what this process has written itself, or, where it has started since,
// from everything, if the deletion was under way.
func (e *eraser) clear(ctx context.Context, receipt uint64, seqs []uint64, left bool) error {
	prefixes, known := e.fold.Wiped(receipt)
	if !known && !left {
		return nil
	}
	if err := e.drop(); err != nil {
		return err
	}
	if !known || len(prefixes) > maxRanges {
		prefixes = [][]byte{nil}
	}
	if err := e.db.Forget(ctx, prefixes); err != nil {
		return err
	}
	return e.events.Erase(ctx, seqs)
}

// forever finishes what was begun before the start, or by somebody else who follows the same log.
func (e *eraser) forever(ctx context.Context) {
	for seen, wait := int64(-1), time.Second; ctx.Err() == nil; {
		v := e.fold.View()
		if v.Erasures != seen {
			e.mu.Lock()
			err := e.finish(ctx)
			e.mu.Unlock()
			if err != nil && ctx.Err() == nil {
				e.log.Warn("an erasure is not finished; trying again", "error", err, "wait", wait.String())
				select {
				case <-time.After(wait):
				case <-ctx.Done():
				}
				wait = min(2*wait, time.Minute)
				continue
			}
			seen, wait = v.Erasures, time.Second
		}
		if _, err := e.fold.Wait(ctx, v.Seq+1); err != nil {
			return
		}
	}
}
