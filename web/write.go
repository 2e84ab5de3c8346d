package web

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/tracklayer/tracklayer/problem"
)

// applyWithin is how long a request waits until the core has read what the request stored.
const applyWithin = 5 * time.Second

// writer stores changes on the log.
type writer struct{ opts Options }

// change is one thing to store.
type change struct {
	what    string // that is done, as an error says it: "store the filters"
	late    string // what the log says if the core has not read it in time
	publish func(ctx context.Context) (seq uint64, err error)
	attrs   []slog.Attr // of the log's line
}

// put stores a change and waits until the core has read it. A change that is not read in time is stored all the same, and
// will be read.
func (w *writer) put(ctx context.Context, c change) (seq uint64, err error) {
	if seq, err = c.publish(ctx); err != nil {
		return 0, fmt.Errorf("%w: %s: %w", problem.ErrUnavailable, c.what, err)
	}
	ctx, cancel := context.WithTimeout(ctx, applyWithin)
	defer cancel()
	if _, err := w.opts.State.Wait(ctx, seq); err != nil {
		w.opts.Log.LogAttrs(ctx, slog.LevelWarn, c.late, //nolint:sloglint // four constants
			append(c.attrs, slog.Uint64("stream_seq", seq), slog.Any("error", err))...)
	}
	return seq, nil
}
