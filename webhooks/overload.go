package webhooks

import (
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/problem"
)

// overload is the refusal of a request that is fine and comes at the wrong time. Nothing of it was stored, unless the
// process had no file left to store it in.
type overload struct {
	reason string // a metric's label
	status int    // 429 or 503; a vendor's SDK gets the status after which it tries again
	text   string // for the client and the log
}

func (o *overload) Error() string { return o.text }
func (o *overload) Unwrap() error { return adapters.ErrBusy }

func (o *overload) problem() problem.Problem {
	if o.status == http.StatusTooManyRequests {
		return problem.TooMany(later, o.text)
	}
	return problem.Busy(later, o.text)
}

// overloaded is the overload that err wraps, nil if there is none. The Publisher has one as well.
func overloaded(err error) *overload {
	if o, ok := errors.AsType[*overload](err); ok {
		return o
	}
	if full := (interface{ Overload() string })(nil); errors.As(err, &full) {
		reason := "queue"
		if one, ok := full.(interface{ Reason() string }); ok {
			reason = one.Reason()
		}
		return &overload{reason, http.StatusServiceUnavailable, full.Overload()}
	}
	return nil
}

// sheds counts refusals and logs the first of each reason in a minute: a line for each would fill the disk.
type sheds struct {
	mu   sync.Mutex
	last map[string]time.Time
}

const shedEvery = time.Minute

// shed notes that a request was refused.
func (d *Ingest) shed(v *visit, o *overload) {
	d.meters.refused.WithLabelValues(v.meter.name, o.reason).Inc()
	now := time.Now()
	d.sheds.mu.Lock()
	if d.sheds.last == nil {
		d.sheds.last = map[string]time.Time{}
	}
	silent := now.Sub(d.sheds.last[o.reason]) < shedEvery
	if !silent {
		d.sheds.last[o.reason] = now
	}
	d.sheds.mu.Unlock()
	if !silent {
		d.Log.LogAttrs(v.r.Context(), slog.LevelWarn, "requests are refused because of overload; tracklayer_overload_total counts them",
			slog.String("reason", o.reason), slog.String("source", v.meter.name), slog.String("cause", o.text))
	}
}
