package webhooks

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/problem"
)

// visit is one request on its way through the ingest endpoints.
type visit struct {
	w      http.ResponseWriter
	r      *http.Request
	id     string // X-Request-Id
	meter  *sourceMeter
	at     canonical.Time // of receipt
	status int
	signed bool // a secret of the source verified the request
	bufs   buffers
	share  share
	from   netip.Addr // the client's address
	source string     // that the request is for
	key    string     // that the request shows

	raw      []byte // the body as it came
	most     int64  // bytes that it may unfold to
	coded    bool   // raw is compressed as Content-Encoding says
	stale    bool   // Content-Encoding names a coding that the body does not have
	begun    bool   // the body was read, or part of it
	complete bool   // the body was read to its end
	full     bool   // the answer was written before the body was read
}

// serve gives a request its id, its CORS headers and its line in the metrics. What serve returns as an error becomes
// the answer.
func (d *Ingest) serve(w http.ResponseWriter, r *http.Request, route string, serve func(*visit) error) {
	begun := d.Now()
	v := &visit{w: w, r: r, meter: d.strayed, at: canonical.TimeOf(begun), share: share{budget: d.budget}}
	defer v.share.free()
	defer v.bufs.free()
	v.id = d.requestID(r.Header.Get("X-Request-Id"), v.at)
	w.Header().Set("X-Request-Id", v.id)
	d.cors.headers(w.Header(), r.Header.Get("Origin"))
	if err := d.open(v, serve); err != nil {
		v.early()
		v.status = d.refuse(v, err)
	}
	v.share.free() // what follows needs none of it
	v.bufs.free()
	d.linger(v)
	took := d.Now().Sub(begun)
	v.meter.request(v.status)
	d.meters.seconds.WithLabelValues(route).Observe(took.Seconds())
	if d.Log.Enabled(r.Context(), slog.LevelDebug) {
		d.Log.LogAttrs(r.Context(), slog.LevelDebug, "request", slog.String("request_id", v.id), slog.String("source", v.meter.name),
			slog.String("route", route), slog.Int("status", v.status), slog.Duration("took", took))
	}
}

// open serves a request unless none can be taken now. A browser's preflight is always answered.
func (d *Ingest) open(v *visit, serve func(*visit) error) error {
	if d.Closed != nil && v.r.Method != http.MethodOptions {
		if err := d.Closed(); err != nil {
			return err
		}
	}
	return serve(v)
}

// refuse writes an error as the answer and returns its status.
func (d *Ingest) refuse(v *visit, err error) int {
	if o := overloaded(err); o != nil {
		d.shed(v, o)
		p := o.problem()
		p.Instance = v.id
		problem.Write(v.w, p)
		return p.Status
	}
	return problem.Respond(v.w, d.Log, v.id, d.problem(err))
}

// requestID takes the sender's id where it is one, else draws one.
func (d *Ingest) requestID(given string, at canonical.Time) string {
	visible := len(given) >= 1 && len(given) <= 128
	for i := 0; visible && i < len(given); i++ {
		visible = given[i] > ' ' && given[i] < 0x7f
	}
	if visible {
		return given
	}
	id, err := canonical.NewID(at, d.Random)
	if err != nil {
		return "none" // without randomness nothing else works either, and says why
	}
	return id
}

// later is how long a sender should wait before it tries a request again that could not be stored.
const later = time.Second

// problem turns what goes wrong at an ingest endpoint into what the client reads.
func (d *Ingest) problem(err error) error {
	if _, ok := errors.AsType[problem.Problem](err); ok {
		return err
	}
	switch {
	case errors.Is(err, adapters.ErrBusy):
		return &unstored{problem.Unavailable(later), err}
	case errors.Is(err, adapters.ErrTooLarge):
		return problem.TooLarge(err.Error())
	case errors.Is(err, adapters.ErrUnreadable):
		return problem.BadRequest(err.Error())
	}
	return err
}

// unstored answers with a Problem and keeps the cause for the log.
type unstored struct {
	problem.Problem
	cause error
}

func (u *unstored) Error() string { return u.cause.Error() }
func (u *unstored) Unwrap() error { return u.Problem }

// unauthorized counts a request that no key or secret vouches for.
func (v *visit) unauthorized() { v.meter.unauthorized.Inc() }
