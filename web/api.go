// Package web is what people and programs ask TrackLayer: the JSON API over experiments, their readouts and rows, single
// persons, and the ledger. It decides nothing about numbers: readout makes them, core holds them, registry says what a
// definition is.
//
// A readout is computed once for a state of the core and given out until the next one, so that asking often is cheap.
// Errors are RFC 9457 and say what to do.
//
// It declares the State and the Publisher that it needs; cmd joins them with the core and the log. It imports readout,
// registry, core, canonical and problem, and only cmd may import it.
package web

import (
	"context"
	"crypto/rand"
	_ "embed"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/core/ledger"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/registry"
)

// State is the core's read side.
type State interface {
	View() *sums.View
	// Wait returns the first View that has applied the stream sequence, or the newest one and ctx's error.
	Wait(ctx context.Context, seq uint64) (*sums.View, error)
	// Until returns the first View, from the newest on, that is good, or the newest one and ctx's error.
	Until(ctx context.Context, good func(*sums.View) bool) (*sums.View, error)
	// LedgerLines calls fn with the lines of the ledger that a query wants, and returns the sum of all that fit.
	LedgerLines(q core.LedgerQuery, fn func(ledger.Key, ledger.Entry) error) (ledger.Entry, error)
	// Trace returns a person's events and their outcomes; core.ErrNoUnit if the id is unknown.
	Trace(u canonical.Unit) (*core.Trace, error)
	// Receipts are those of all erasures, in order.
	Receipts() ([]core.Receipt, error)
	// Associations calls begin with a state, and each with all rows of an experiment in it, or of one run of it if run
	// is not 0.
	Associations(ctx context.Context, experiment string, run int, begin func(*sums.View) error, each func(*core.Association) error) error
	// Officials are the stored readouts of an experiment, the newest first; Official is one with its bytes, by its hash.
	// core.ErrNoOfficial if it is not there.
	Officials(experiment string) ([]registry.Official, error)
	Official(experiment, hash string) (registry.Official, []byte, error)
}

// Publisher stores changes of definitions and readouts on the log. After is the sequence of the experiment's change before, 0 for
// none; it returns the sequence of the new one once that is on disk.
type Publisher interface {
	PublishDefinition(ctx context.Context, experiment string, after uint64, data []byte) (uint64, error)
	// PublishFilters does the same for the filters.
	PublishFilters(ctx context.Context, after uint64, data []byte) (uint64, error)
	PublishReadout(ctx context.Context, experiment string, data []byte) (uint64, error)
	// PublishArchive stores a change of what lists show, under the same condition.
	PublishArchive(ctx context.Context, name string, after uint64, data []byte) (uint64, error)
}

// Options are what an API is made of. State and Registry must be set.
type Options struct {
	State    State
	Past     Past    // nil: only the newest state can be had
	Moments  Moments // nil: states can be had by their sequence only
	Registry Publisher
	Eraser   Eraser           // nil: this process cannot erase
	Changed  func(error) bool // whether the Publisher's error reports a concurrent change; nil: none does
	Largest  int64            // bytes of a readout that is stored; 0: 512 KiB
	Code     string           // version of the code, which a readout names

	ReadKey  func(presented string) bool // whether the key opens reading; nil: reading is open
	WriteKey func(presented string) bool // whether the key opens changing and erasing; nil: that is open
	// EditingOff says why no key opens changing and erasing, and what to do; "": some do, or none is needed.
	EditingOff string
	// Refused is called with each request that presented a wrong key, before it is answered; nil: nothing is called.
	Refused func(r *http.Request, kind string)

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: nothing is logged
}

// API answers requests. It is safe for concurrent use.
type API struct {
	opts        Options
	write       *writer
	definitions *definitions
	readouts    *readouts
}

// New fills in the defaults.
func New(o Options) *API {
	if o.Changed == nil {
		o.Changed = func(error) bool { return false }
	}
	if o.Largest == 0 {
		o.Largest = 512 << 10
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	write := &writer{o}
	made := &readouts{opts: o, write: write}
	return &API{opts: o, write: write, readouts: made, definitions: &definitions{o, write}}
}

// route is one thing that can be asked.
type route struct {
	method, path string
	lock         *lock // nil: no key is needed
	serve        func(echo.Context) error
}

func (a *API) routes() []route {
	read, write := &lock{"read", a.opts.ReadKey, "", a.opts.Refused}, &lock{"admin", a.opts.WriteKey, a.opts.EditingOff, a.opts.Refused}
	x, r := a.definitions, a.readouts
	return []route{
		{http.MethodGet, "/v1/experiments", read, x.list},
		{http.MethodPost, "/v1/experiments", write, x.create},
		{http.MethodGet, "/v1/experiments/:id", read, x.experiment},
		{http.MethodPatch, "/v1/experiments/:id", write, x.patch},
		{http.MethodPost, "/v1/experiments/:id/start", write, x.step(start)},
		{http.MethodPost, "/v1/experiments/:id/stop", write, x.step(stop)},
		{http.MethodPost, "/v1/experiments/:id/end-early", write, x.step(endEarly)},
		{http.MethodDelete, "/v1/experiments/:id/end-early", write, x.step(takeBack)},
		{http.MethodPost, "/v1/experiments/:id/archive", write, x.archive(true)},
		{http.MethodPost, "/v1/experiments/:id/unarchive", write, x.archive(false)},
		{http.MethodPost, "/v1/experiments/:id/decisions", write, x.step(r.decide)},
		{http.MethodGet, "/v1/experiments/:id/revisions", read, x.revisions},
		{http.MethodGet, "/v1/experiments/:id/readout", read, r.readout},
		{http.MethodGet, "/v1/experiments/:id/timeseries", read, r.timeseries},
		{http.MethodGet, "/v1/experiments/:id/allocation", read, r.allocation},
		{http.MethodGet, "/v1/experiments/:id/readouts", read, r.officials},
		{http.MethodPost, "/v1/experiments/:id/readouts", write, r.keepReadout},
		{http.MethodGet, "/v1/experiments/:id/readouts/:sha256", read, r.official},
		{http.MethodGet, "/v1/experiments/:id/associations", read, a.associations},
		{http.MethodGet, "/v1/units/:kind/:id", read, a.unit},
		{http.MethodDelete, "/v1/units/:kind/:id", write, a.erase},
		{http.MethodGet, "/v1/erasures", read, a.erasures},
		{http.MethodGet, "/v1/erasures/:id", read, a.erasure},
		{http.MethodGet, "/v1/filters", read, a.filters},
		{http.MethodPut, "/v1/filters", write, a.setFilters},
		{http.MethodGet, "/v1/ledger", read, a.ledger},
		{http.MethodPost, "/v1/plan", read, a.plan},
		{http.MethodGet, "/openapi.json", nil, a.openapi},
	}
}

// Register adds the routes to e, and answers for methods that a route does not support. Unknown paths are left to the
// owner of e.
func (a *API) Register(e *echo.Echo) { a.register(e, a.routes(), false) }

// Inside is the same API, its cache included, for callers in this process who have asked themselves who may do what:
// no key is asked for.
func (a *API) Inside() http.Handler {
	e := echo.New()
	routes := a.routes()
	for i := range routes {
		routes[i].lock = nil
	}
	a.register(e, routes, true)
	return e
}

func (a *API) register(e *echo.Echo, routes []route, inside bool) {
	known := map[string][]string{}
	var paths []string
	for _, r := range routes {
		e.Add(r.method, r.path, a.handle(r, inside))
		if known[r.path] == nil {
			paths = append(paths, r.path)
		}
		known[r.path] = append(known[r.path], r.method)
	}
	for _, path := range paths {
		methods := slices.Sorted(slices.Values(known[path]))
		e.RouteNotFound(path, a.handle(route{serve: func(echo.Context) error { return problem.MethodNotAllowed(methods...) }}, true))
	}
}

// handle gives a request its id and lets it in; what a route returns as an error becomes the answer.
//
// A page of another site may change nothing, whatever it makes a browser send. This is not checked inside, because the
// pages have asked it.
func (a *API) handle(r route, inside bool) echo.HandlerFunc {
	elsewhere := http.NewCrossOriginProtection()
	return func(c echo.Context) error {
		h := c.Response().Header()
		id := requestID(h.Get(headerID), c.Request().Header.Get(headerID))
		h.Set(headerID, id)
		h.Set("X-Content-Type-Options", "nosniff")
		var key string
		var err error
		switch {
		case inside:
			key = c.Request().Header.Get(headerFingerprint)
		case elsewhere.Check(c.Request()) != nil:
			err = problem.Forbidden("A page of another site cannot make changes. Send the request from a program, or from a page of this site.")
		default:
			key, err = r.lock.open(c.Request())
		}
		if err == nil {
			c.Set(contextKey, key)
			err = r.serve(c)
		}
		if err != nil {
			problem.Respond(c.Response(), a.opts.Log, id, err)
		}
		return nil
	}
}

const (
	headerID       = "X-Request-Id"
	headerSeq      = "Tracklayer-Stream-Seq"
	headerRevision = "Tracklayer-Registry-Revision"
)

// requestID is the first of the given ids that can stand in a log, else a new one.
func requestID(given ...string) string {
	for _, id := range given {
		visible := len(id) >= 1 && len(id) <= 128
		for i := 0; visible && i < len(id); i++ {
			visible = id[i] > ' ' && id[i] < 0x7f
		}
		if visible {
			return id
		}
	}
	return rand.Text()
}

//go:embed openapi.json
var openapiText []byte

// openapi is GET /openapi.json. It holds nothing secret, so it needs no key.
func (a *API) openapi(c echo.Context) error { return fresh(c, tagOf(openapiText), openapiText) }
