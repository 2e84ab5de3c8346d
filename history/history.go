// Package history answers for former states. It puts the state onto the disk from time to time, keeps copies of it as it
// was, and makes the state at a sequence of the nearest copy before it and of the log from there on.
//
// Package web declares what it needs of the past; package app joins the two. No other package imports it.
package history

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tracklayer/tracklayer/config"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/store"
	"github.com/tracklayer/tracklayer/stream"
)

// flushEvery is how long a commit may be in memory only: what a start after a crash replays is younger, or fits the
// store's write buffers.
const flushEvery = 30 * time.Second

// Options are what a History is made of. All must be set.
type Options struct {
	Dir     string // of the copies
	Want    config.History
	DB      *store.DB
	Fold    *core.Fold
	Log     *stream.Log
	Metrics prometheus.Registerer
	Logger  *slog.Logger
}

// History puts the state onto the disk from time to time, keeps copies of it as it was, and makes former states of
// those and the log. A copy that cannot be made is a warning: it only takes longer to make former states. It is safe for
// concurrent use.
type History struct {
	dir    string
	want   config.History
	db     *store.DB
	fold   *core.Fold
	events *stream.Log
	log    *slog.Logger

	ctx context.Context // of the former states that are being made
	end func()

	due  chan struct{} // rings when enough records were folded
	last atomic.Uint64 // sequence at the newest try to make a copy
	turn chan struct{} // holds one: former states are made one at a time

	disk    sync.Mutex // one flush or copy at a time
	flushed uint64     // sequence at the last flush

	mu     sync.Mutex
	kept   []uint64 // sequences of the copies, in order
	taken  time.Time
	making map[uint64]*making
	views  []former // as they were asked for, the newest last

	copies  *prometheus.CounterVec
	replays prometheus.Counter
}

// Open finds the copies in the folder and removes what is none: what a crash left behind, copies that another
// version wrote, and copies from beyond the state, which belong to another log.
func Open(o Options) *History {
	ctx, end := context.WithCancel(context.Background())
	h := &History{
		dir: o.Dir, want: o.Want, db: o.DB, fold: o.Fold, events: o.Log, log: o.Logger, ctx: ctx, end: end,
		due: make(chan struct{}, 1), turn: make(chan struct{}, 1), making: map[uint64]*making{}, taken: time.Now(),
		copies: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tracklayer_history_copies_total", Help: "Copies of the state for readouts of the past, by outcome.",
		}, []string{"outcome"}),
		replays: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tracklayer_history_replays_total", Help: "Former states that were made from a copy and the log.",
		}),
	}
	o.Metrics.MustRegister(h.copies, h.replays)
	h.copies.WithLabelValues("made")
	h.copies.WithLabelValues("failed")
	entries, err := os.ReadDir(h.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		h.log.Warn("the copies of the state cannot be read; the past is made from the log", "error", err)
	}
	for _, entry := range entries {
		path := filepath.Join(h.dir, entry.Name())
		seq, err := h.check(path, entry.Name())
		if err != nil {
			h.log.Warn("a copy of the state is of no use and is removed", "copy", entry.Name(), "error", err)
		}
		if err == nil && seq > 0 {
			h.kept = append(h.kept, seq)
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			h.log.Warn("it cannot be removed", "copy", entry.Name(), "error", err)
		}
	}
	slices.Sort(h.kept)
	if n := len(h.kept); n > 0 {
		h.last.Store(h.kept[n-1])
		if info, err := os.Stat(h.path(h.kept[n-1])); err == nil {
			h.taken = info.ModTime()
		}
	} else {
		h.last.Store(h.fold.Seq() - h.fold.Seq()%uint64(h.want.Every))
	}
	h.thin()
	return h
}

// Forget drops all former states: they hold every person of their time.
func (h *History) Forget() error {
	h.turn <- struct{}{} // none is being made
	defer func() { <-h.turn }()
	h.disk.Lock()
	defer h.disk.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept, h.views = nil, nil
	return os.RemoveAll(h.dir)
}

// check opens a copy and returns its sequence, 0 for what only looks like one.
func (h *History) check(path, name string) (uint64, error) {
	seq, err := strconv.ParseUint(name, 10, 64)
	if err != nil {
		return 0, nil //nolint:nilerr // a private copy, or one that was not finished
	}
	found, err := sequenceOf(path)
	switch {
	case err != nil:
		return 0, err
	case found != seq:
		return 0, errors.New("it stands for sequence " + strconv.FormatUint(found, 10))
	case seq > h.fold.Seq():
		return 0, errors.New("it is newer than the state")
	}
	return seq, nil
}

// sequenceOf reads the sequence of a store that is not open, and changes nothing.
func sequenceOf(dir string) (seq uint64, err error) {
	db, err := store.Open(dir, store.Options{ReadOnly: true, Cache: 1 << 20, MemTable: 1 << 20, Filter: 1 << 10})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return core.SequenceOf(db)
}

func (h *History) path(seq uint64) string {
	return filepath.Join(h.dir, strconv.FormatUint(seq, 10))
}

// Folded must be called after every commit of the state. It costs nothing until a copy is due.
func (h *History) Folded() {
	if h.want.Keep == 0 || h.fold.Seq() < h.last.Load()+uint64(h.want.Every) {
		return
	}
	select {
	case h.due <- struct{}{}:
	default:
	}
}

// Run flushes and copies until ctx ends.
func (h *History) Run(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.due:
			h.Keep()
		case <-tick.C:
			h.Flush()
		}
	}
}

// Flush puts onto the disk what was committed since the last time, as a copy if the newest of them is old.
func (h *History) Flush() {
	h.disk.Lock()
	defer h.disk.Unlock()
	seq := h.fold.Seq()
	if seq == h.flushed {
		return
	}
	h.flushed = seq
	if h.old() && seq > h.last.Load() {
		h.keepNow()
	} else if err := h.db.Checkpoint(); err != nil {
		h.log.Warn("the state is not on disk yet; a start after a crash would replay more", "error", err)
	}
}

// old reports that the newest copy is older than the interval.
func (h *History) old() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.want.Keep > 0 && time.Since(h.taken) >= h.want.Interval
}

// Keep makes a copy. The next try is a whole distance away even if this one fails, so that a full disk is not tried again
// and again.
func (h *History) Keep() {
	h.disk.Lock()
	defer h.disk.Unlock()
	h.keepNow()
}

func (h *History) keepNow() {
	h.last.Store(h.fold.Seq())
	h.mu.Lock()
	h.taken = time.Now()
	h.mu.Unlock()
	began := time.Now()
	seq, err := h.copy()
	if err != nil {
		h.copies.WithLabelValues("failed").Inc()
		h.log.Warn("no copy of the state was made; readouts of the past take longer", "error", err)
		return
	}
	h.copies.WithLabelValues("made").Inc()
	h.log.Info("a copy of the state was made", "stream_seq", seq, "took", time.Since(began).String())
}

// copy makes a copy under a name of its own, so that what has a sequence for a name is whole.
func (h *History) copy() (seq uint64, err error) {
	fresh := filepath.Join(h.dir, "new")
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(fresh))
		}
	}()
	if err := os.RemoveAll(fresh); err != nil {
		return 0, err
	}
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return 0, err
	}
	if err := h.db.Copy(fresh); err != nil {
		return 0, err
	}
	if seq, err = sequenceOf(fresh); err != nil {
		return 0, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if slices.Contains(h.kept, seq) {
		return seq, os.RemoveAll(fresh)
	}
	if err := os.Rename(fresh, h.path(seq)); err != nil {
		return 0, err
	}
	h.kept = append(h.kept, seq)
	slices.Sort(h.kept)
	h.thin()
	return seq, nil
}

// thin removes copies beyond the number wanted. The caller holds the lock or is alone.
func (h *History) thin() {
	for len(h.kept) > h.want.Keep {
		i := superfluous(h.kept)
		if err := os.RemoveAll(h.path(h.kept[i])); err != nil {
			h.log.Warn("a copy of the state cannot be removed", "stream_seq", h.kept[i], "error", err)
		}
		h.kept = slices.Delete(h.kept, i, i+1)
	}
}

// superfluous is the index of the copy that is missed least: the one whose absence leaves the smallest gap for the root of
// its age, which keeps the early half of a log within reach too. The newest is never it, unless it is the only one.
func superfluous(kept []uint64) (index int) {
	newest := kept[len(kept)-1]
	least := 0.0
	for i := range len(kept) - 1 {
		before := uint64(0)
		if i > 0 {
			before = kept[i-1]
		}
		if loss := float64(kept[i+1]-before) / math.Sqrt(float64(newest-kept[i])); i == 0 || loss < least {
			index, least = i, loss
		}
	}
	return index
}
