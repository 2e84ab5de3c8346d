// Package erasure removes a person from the log, the state, the dead letters and the copies of the state. Erase is its one
// entry point; Run finishes what an erasure before the last stop, or one by another process on the same log, has left.
//
// An erasure is a protocol over the log and the state: search the log to its end, delete the dead letters, store a receipt
// in the log if nothing came after the search, wait until the state has folded it, and only then delete the messages. The
// packages that do the steps do not know each other; this one has their order. Package app joins it with them.
package erasure

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/registry"
	"github.com/tracklayer/tracklayer/stream"
	"github.com/tracklayer/tracklayer/web"
)

// Log is the log of events as an erasure needs it. Package stream has it.
type Log interface {
	LastSeq(ctx context.Context) (uint64, error)
	Scan(ctx context.Context, buckets []byte, from, through uint64, show func(*canonical.Record)) error
	PublishErasure(ctx context.Context, after uint64, receipt []byte) (uint64, error)
	Has(ctx context.Context, seq uint64) (bool, error)
	Erase(ctx context.Context, seqs []uint64) error
	EraseDeadLetters(ctx context.Context, certain, doubtful [][]byte) (erased, doubts int64, err error)
	// Quietly runs fn while no event is stored.
	Quietly(fn func() error) error
}

// Store is the files of the state. Package store has it.
type Store interface {
	Forget(ctx context.Context, prefixes [][]byte) error
}

// State is what was counted. Package core has it.
type State interface {
	View() *sums.View
	Wait(ctx context.Context, seq uint64) (*sums.View, error)
	Search(u canonical.Unit) (*core.Search, error)
	Missing(s *core.Search) (bool, error)
	Receipt(s *core.Search, id string, at canonical.Time) (core.Receipt, error)
	Expect(receipt string, s *core.Search)
	Receipts() ([]core.Receipt, error)
	Wiped(seq uint64) (prefixes [][]byte, known bool)
	Officials(experiment string) ([]registry.Official, error)
}

// Options are the parts that hold persons. All must be set.
type Options struct {
	Log    Log
	Store  Store
	State  State
	Logger *slog.Logger
	Drop   func() error // removes copies of the state that cannot be changed
}

// Eraser erases persons, one at a time. It is safe for concurrent use.
type Eraser struct {
	o Options

	busy atomic.Bool         // a request is being processed
	mu   sync.Mutex          // held while anything is erased, for a request or because it was left unfinished
	done map[uint64]struct{} // receipts of which nothing is left in the log
}

// New makes an Eraser.
func New(o Options) *Eraser { return &Eraser{o: o, done: map[uint64]struct{}{}} }

// attempts is how often an erasure searches again if events came in between. After the first open ones none are stored
// meanwhile.
const (
	attempts = 20
	open     = 3
)

// Erase removes the person that a unit belongs to, and implements web.Eraser. The receipt is stored only if the log still
// ends with what was searched, so that it covers everything before it; then every process that follows the log forgets
// the person. core.ErrErasing reports that another erasure is under way, core.ErrNoUnit that the unit is unknown.
func (e *Eraser) Erase(ctx context.Context, u canonical.Unit, on web.Order) (web.Erased, error) {
	if !e.busy.CompareAndSwap(false, true) {
		return web.Erased{}, core.ErrErasing
	}
	defer e.busy.Store(false)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.finish(ctx); err != nil { // what was erased before must not be found again
		return web.Erased{}, err
	}
	h := &search{Eraser: e, unit: u, on: on, dead: -1}
	for n := range attempts {
		try := func() error { return h.try(ctx) }
		var err error
		if n < open {
			err = try()
		} else {
			err = e.o.Log.Quietly(try)
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
		naming, err := textsNaming(h.found, e.o.State.View(), e.o.State)
		if err != nil {
			return web.Erased{}, err
		}
		e.o.Logger.Info("a person was erased", "receipt", h.receipt.ID, "stream_seq", h.receipt.Seq, "messages", h.receipt.Messages, "texts_to_review", len(naming))
		return web.Erased{Receipt: h.receipt, TextsToReview: naming}, nil
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

// search is one search for a person, which may have to look at the log's end more than once.
type search struct {
	*Eraser
	unit canonical.Unit
	on   web.Order

	found   *core.Search
	through uint64 // of the log, that was searched
	known   int64  // erasures that the search knows of
	dead    int64  // letters deleted; -1: not looked for yet
	doubts  int64
	receipt core.Receipt
}

// try searches what is new, and publishes the receipt if nothing more is.
func (h *search) try(ctx context.Context) error {
	last, err := h.o.Log.LastSeq(ctx)
	if err != nil {
		return err
	}
	v, err := h.o.State.Wait(ctx, last)
	if err != nil {
		return err
	}
	if err := h.look(ctx, v, last); err != nil {
		return err
	}
	if !h.found.Found() {
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
	if h.receipt, err = h.o.State.Receipt(h.found, h.receipt.ID, canonical.TimeOf(time.Now())); err != nil {
		return err
	}
	h.receipt.By, h.receipt.Key, h.receipt.Reason = h.on.By, h.on.Key, h.on.Reason
	h.receipt.DeadLetters, h.receipt.DeadLettersToReview = h.dead, h.doubts
	data, err := json.Marshal(h.receipt)
	if err != nil {
		return err
	}
	h.o.State.Expect(h.receipt.ID, h.found)
	if h.receipt.Seq, err = h.o.Log.PublishErasure(ctx, last, data); err != nil {
		return err
	}
	_, err = h.o.State.Wait(ctx, h.receipt.Seq)
	return err
}

// look shows the log to the search as far as it has not seen it. If the person became another one, or another person
// was erased, it begins again.
func (h *search) look(ctx context.Context, v *sums.View, last uint64) error {
	s, err := h.o.State.Search(h.unit)
	if err != nil {
		return err
	}
	if h.found == nil || !h.found.Same(s) || h.known != v.Erasures {
		if h.known != v.Erasures {
			if err := h.finish(ctx); err != nil {
				return err
			}
		}
		h.found, h.through, h.known = s, 0, v.Erasures
		if err := h.o.Log.Scan(ctx, s.Buckets(), 1, last, h.found.Message); err != nil {
			return err
		}
	} else if err := h.o.Log.Scan(ctx, nil, h.through+1, last, h.found.Message); err != nil {
		return err
	}
	h.through = last
	missing, err := h.o.State.Missing(h.found)
	if err != nil || !missing {
		return err
	}
	return h.o.Log.Scan(ctx, nil, 1, last, h.found.Message)
}

// checkNotes refuses a receipt that would name the person for ever.
func (h *search) checkNotes() error {
	var faults []problem.FieldError
	for _, note := range []struct{ pointer, text string }{{"/by", h.on.By}, {"/reason", h.on.Reason}} {
		for _, u := range h.found.Units {
			if strings.Contains(note.text, u.ID) && len(u.ID) > 2 {
				faults = append(faults, problem.FieldError{Pointer: note.pointer, Detail: "must not hold an id of the person"})
				break
			}
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return problem.Invalid("The receipt is kept, so it must not say who was erased. Fix what errors names and send the request again; nothing was erased.", faults...)
}

// certainLength is how long an id is that is hardly anything else where it stands alone in a request.
const certainLength = 6

// letters deletes the dead letters that name the person. It comes before the receipt, after which the ids are not known.
func (h *search) letters(ctx context.Context) (err error) {
	if h.dead >= 0 {
		return nil
	}
	var certain, doubtful [][]byte
	for _, u := range h.found.Units {
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
	h.dead, h.doubts, err = h.o.Log.EraseDeadLetters(ctx, certain, doubtful)
	if err != nil {
		h.dead = -1
	}
	return err
}

// finish deletes what receipts of the state speak of and the log still has. The state is on the disk before anything
// leaves the log. The oldest message goes last, so where it is gone everything is.
func (e *Eraser) finish(ctx context.Context) error {
	receipts, err := e.o.State.Receipts()
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
			if left, err = e.o.Log.Has(ctx, seqs[len(seqs)-1]); err != nil {
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

var _ web.Eraser = (*Eraser)(nil)

// maxRanges is how many ranges of keys are compacted one by one; past it the whole store is.
const maxRanges = 1000

// clear removes the traces of one erasure: from what this process has written itself, or, where it has started since,
// from everything, if the deletion was under way.
func (e *Eraser) clear(ctx context.Context, receipt uint64, seqs []uint64, left bool) error {
	prefixes, known := e.o.State.Wiped(receipt)
	if !known && !left {
		return nil
	}
	if err := e.o.Drop(); err != nil {
		return err
	}
	if !known || len(prefixes) > maxRanges {
		prefixes = [][]byte{nil}
	}
	if err := e.o.Store.Forget(ctx, prefixes); err != nil {
		return err
	}
	return e.o.Log.Erase(ctx, seqs)
}

// Run finishes what was begun before the start, or by another process that follows the same log, until ctx ends.
func (e *Eraser) Run(ctx context.Context) {
	for seen, wait := int64(-1), time.Second; ctx.Err() == nil; {
		v := e.o.State.View()
		if v.Erasures != seen {
			e.mu.Lock()
			err := e.finish(ctx)
			e.mu.Unlock()
			if err != nil && ctx.Err() == nil {
				e.o.Logger.Warn("an erasure is not finished; trying again", "error", err, "wait", wait.String())
				select {
				case <-time.After(wait):
				case <-ctx.Done():
				}
				wait = min(2*wait, time.Minute)
				continue
			}
			seen, wait = v.Erasures, time.Second
		}
		if _, err := e.o.State.Wait(ctx, v.Seq+1); err != nil {
			return
		}
	}
}
