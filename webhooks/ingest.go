// Package webhooks is the ingest endpoints: everything that is measured comes in here, and nothing else in the module knows HTTP's
// part of it. It limits and decompresses a request, asks who sends it, hands it to the canonical form or to a vendor's
// adapter, stores what came of it, and answers in the words that the sender's program understands.
//
// Two promises are kept in this package. No 2xx is sent before every accepted event and every rejected item is on
// disk. And no item vanishes: it is accepted, rejected with a reason and kept, or ignored and counted.
//
// It knows neither the log nor the core: it declares the Publisher and the DeadLetters that it needs, and app joins
// them. Only cmd may import it; an adapter must not.
package webhooks

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
)

// Publisher stores events and what is to be recorded about items that are no events. It returns the stream sequence of the last message
// once all of them are on disk; any error means that this is not certain, and that the sender must send them again. What
// the events point to belongs to the caller again when Publish returns.
type Publisher interface {
	Publish(ctx context.Context, events []canonical.Event, rejected ...canonical.Rejected) (uint64, error)
}

// Reports stores what a vendor says of an experiment as a whole. It returns the stream sequence of the last report once
// all are on disk.
type Reports interface {
	Tell(ctx context.Context, lives []canonical.Life) (uint64, error)
}

// Catalogs keeps the catalog of one source up to date.
type Catalogs interface {
	// Catalog is the newest one, nil where there is none yet.
	Catalog() *adapters.Catalog
	// Push takes a catalog that a request brought. An error says what is wrong with it; it counts from then on otherwise.
	Push(ctx context.Context, data []byte) error
	// Refresh says that the source's catalog has changed where it lies.
	Refresh()
}

// DeadLetters keeps requests of which something could not be counted. StoreDeadLetter returns nil once the letter is on
// disk.
type DeadLetters interface {
	StoreDeadLetter(ctx context.Context, d canonical.DeadLetter) error
}

// Source is a configured connection: its vendor's adapter, opened with the source's options, and who may send.
type Source struct {
	adapters.Adapter
	adapters.Decoder
	adapters.Source
	Secrets  [][]byte // known to the vendor and here alone
	Public   [][]byte // keys that clients publish: they let events in, and prove nothing
	Catalogs Catalogs // nil: the source has no catalog

	DeclaredOnly bool // events of experiments that are not declared are ignored
}

// locked reports whether a request must be verified by a secret or a public key of the source. If not, it needs a write
// key.
func (s *Source) locked() bool { return len(s.Secrets)+len(s.Public) > 0 }

// read is the source as a request is decoded by.
func (s Source) read() adapters.Source {
	if s.Catalogs != nil {
		s.Catalog = s.Catalogs.Catalog()
	}
	return s.Source
}

// Limits bound what one request may cost. A zero is the default.
type Limits struct {
	Body        int64 // bytes of a body, before and after decompression; 5 MiB
	Event       int64 // bytes of one event of POST /v1/events; 1 MiB
	Memory      int64 // bytes that all requests under way may take together; 0: no limit
	BatchEvents int   // events or items of one request, at every endpoint; 20,000
}

// Options are what an Ingest is made of.
type Options struct {
	Publisher   Publisher
	DeadLetters DeadLetters
	Reports     Reports           // nil: reports about experiments cannot be taken
	Sources     map[string]Source // by the name in their route, which is also their events' source

	// WriteKey reports whether the key may write to the source from a web page of the origin, "" for a caller that names
	// none; nil: no key is needed.
	WriteKey func(presented, source, origin string) bool
	// EditKey reports whether the key may change experiments; nil: no key is needed. What requests of other callers report
	// about experiments is kept as notes, unless a secret verifies them.
	EditKey func(presented string) bool
	// Closed returns why no request can be taken now, as the problem to answer with, else nil; nil: requests can always be
	// taken. It is asked before a request is read.
	Closed func() error
	// Refused is called with each request that presented wrong credentials, before it is answered; nil: nothing is called.
	Refused func(r *http.Request, kind string)

	Experiments  Experiments // nil: nothing is known of them, and every name counts towards Names
	Names        Names
	DeclaredOnly bool // of POST /v1/events and all sources

	Rules  canonical.Rules // what the deployment refuses as an id; holds for every source
	Limits Limits
	Rates  Rates

	// WriteRequest writes an envelope as HTTP/1.1 text, for the dead letters.
	WriteRequest func(w io.Writer, e adapters.Envelope) error

	Now     func() time.Time      // nil: time.Now
	Random  io.Reader             // safe for concurrent use; nil: crypto/rand
	Log     *slog.Logger          // nil: nothing is logged
	Origins []string              // web pages that may send from a browser; "*": all
	Metrics prometheus.Registerer // nil: they are not collected
}

// apiSource is the source of what comes over POST /v1/events.
const apiSource = "api"

const (
	routeEvents  = "/v1/events"
	routeVendors = "/webhooks/"
)

// Ingest handles the requests that bring events. It is safe for concurrent use.
type Ingest struct {
	Options
	meters    *meters
	api       *sourceMeter
	sources   map[string]*source
	cors      cors
	inflate   *inflate
	budget    *budget
	sheds     sheds
	buckets   buckets
	seed      maphash.Seed // of the names of senders
	lingering lingering
	strayed   *sourceMeter       // of requests to sources that do not exist
	rosters   map[string]*roster // by source
}

// source is a Source with what the ingest endpoints add.
type source struct {
	Source
	meter *sourceMeter
	heard []string // headers that Decode reads
	keep  []string // headers that a dead letter keeps
}

// New checks the options and says every fault at once.
func New(o Options) (*Ingest, error) {
	var faults []error
	if o.Publisher == nil || o.DeadLetters == nil || o.WriteRequest == nil {
		faults = append(faults, errors.New("webhooks: Publisher, DeadLetters and WriteRequest must be set"))
	}
	if o.Limits.Body < 0 || o.Limits.Event < 0 || o.Limits.BatchEvents < 0 || o.Limits.Memory < 0 || o.Rates.Address < 0 || o.Rates.Shared < 0 ||
		o.Names.Experiments < 0 || o.Names.Variants < 0 || o.Names.ConversionNames < 0 {
		faults = append(faults, errors.New("webhooks: a limit must not be negative"))
	}
	o.setDefaults()
	m := newMeters()
	d := &Ingest{Options: o, meters: m, api: m.source(apiSource), strayed: m.source("unknown"), sources: map[string]*source{}}
	d.cors, d.budget, d.seed = newCORS(o.Origins), newBudget(o.Limits.Memory), maphash.MakeSeed()
	for _, name := range slices.Sorted(maps.Keys(o.Sources)) {
		s, err := d.newSource(name, o.Sources[name])
		if err != nil {
			faults = append(faults, fmt.Errorf("webhooks: source %q: %w", name, err))
			continue
		}
		d.sources[name] = s
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	d.newRosters()
	var err error
	if d.inflate, err = newInflate(o.Limits.Body); err != nil {
		return nil, fmt.Errorf("webhooks: %w", err)
	}
	if err := m.register(o.Metrics); err != nil {
		return nil, fmt.Errorf("webhooks: register the metrics: %w", err)
	}
	return d, nil
}

func (o *Options) setDefaults() {
	o.Names.setDefaults()
	if o.Limits.Body == 0 {
		o.Limits.Body = adapters.DefaultBody
	}
	if o.Limits.Event == 0 {
		o.Limits.Event = 1 << 20
	}
	if o.Limits.BatchEvents == 0 {
		o.Limits.BatchEvents = adapters.DefaultItems
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

func (d *Ingest) newSource(name string, s Source) (*source, error) {
	switch {
	case name == "" || strings.ContainsAny(name, "/?#%"):
		return nil, errors.New("the name cannot stand in a path; use letters, digits and dashes")
	case name == apiSource:
		return nil, errors.New("the name is taken by POST /v1/events; choose another")
	case s.Name != "" && s.Name != name:
		return nil, fmt.Errorf("its events would say that they come from %q; give both the same name", s.Name)
	case s.Decode == nil || s.Reply == nil:
		return nil, fmt.Errorf("the adapter of %q has no Decode or no Reply", s.Vendor)
	case s.locked() && s.Verify == nil:
		return nil, fmt.Errorf("%q signs nothing that a secret could verify; remove the secrets and use a write key", s.Vendor)
	}
	s.Name, s.Rules, s.Limits = name, d.Rules, adapters.Limits{Body: d.Limits.Body, Items: d.Limits.BatchEvents}
	out := &source{Source: s, meter: d.meters.source(name)}
	for _, h := range s.Headers {
		h = http.CanonicalHeaderKey(h)
		if slices.Contains(secretHeaders, h) {
			return nil, fmt.Errorf("the adapter of %q reads %s, which no dead letter may keep; read it in Verify only", s.Vendor, h)
		}
		out.heard = append(out.heard, h)
	}
	out.keep = append(slices.Clone(keptHeaders), out.heard...)
	return out, nil
}

// Register adds the routes that take events. A method that a route does not know is answered as well.
func (d *Ingest) Register(e *echo.Echo) {
	e.Any(routeEvents, d.handle(routeEvents, d.events))
	e.Any("/webhooks/:source", d.handle("/webhooks/:source", d.vendor))
	e.Any("/webhooks/:source/*", d.handle("/webhooks/:source", d.vendor))
}

func (d *Ingest) handle(route string, serve func(*visit) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		d.serve(c.Response(), c.Request(), route, serve)
		return nil
	}
}
