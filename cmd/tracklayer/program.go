package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/all"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/config"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/pages"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/store"
	"github.com/tracklayer/tracklayer/stream"
	"github.com/tracklayer/tracklayer/web"
	"github.com/tracklayer/tracklayer/webhooks"
)

// role says which halves of TrackLayer a process is.
type role uint8

const (
	gatewayRole role = 1 << iota
	coreRole
)

// foldBatch is how many records are folded into one commit at the most.
const foldBatch = 2000

// Options are what a Program takes besides its configuration.
type Options struct {
	Role role
	Log  *slog.Logger
	Now  func() time.Time // by which requests are received; nil: time.Now
}

// Program is a TrackLayer: made by New, run from Start to Stop, once. Any number of them live in one process.
type Program struct {
	cfg     config.Config
	role    role
	log     *slog.Logger
	now     func() time.Time
	metrics *prometheus.Registry
	sources map[string]webhooks.Source

	events *stream.Log
	db     *store.DB
	fold   *core.Fold
	door   *webhooks.Door // nil in a core alone
	eraser *eraser        // nil in a gateway alone
	past   *past          // nil in a gateway alone
	pages  *pages.Pages   // nil in a gateway alone
	pulses *pulses        // of the doors

	keys        atomic.Pointer[config.Keys] // the newest; cfg has those of the start
	certificate *certificate                // nil: plain HTTP
	failures    *failures

	public, admin     *http.Server
	publicAt, adminAt net.Listener
	failed            chan error
	cancel            context.CancelFunc
	folding           sync.WaitGroup
	counting          bool // foldForever was started
	lag               lag
}

// New checks what can be checked before anything is opened.
func New(cfg config.Config, o Options) (*Program, error) {
	if o.Role == 0 {
		o.Role = gatewayRole | coreRole
	}
	if o.Role != gatewayRole|coreRole && cfg.NATS.URL.IsZero() {
		return nil, errors.New("gateway and core meet at an external NATS: set nats.url (--nats-url), or run tracklayer serve")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	sources, err := sourcesOf(cfg)
	if err != nil {
		return nil, err
	}
	p := &Program{cfg: cfg, role: o.Role, log: o.Log, now: o.Now, sources: sources, metrics: prometheus.NewRegistry(), failed: make(chan error, 4)}
	p.pulses = newPulses(p.sources)
	p.keys.Store(&cfg.Keys)
	p.failures = newFailures(p.log)
	p.metrics.MustRegister(p.failures.total)
	if cfg.TLS.Set() {
		p.certificate = &certificate{log: p.log}
	}
	if cfg.DeclaredOnly || slices.ContainsFunc(slices.Collect(maps.Values(sources)), func(s webhooks.Source) bool { return s.DeclaredOnly }) {
		if o.Role&coreRole == 0 {
			return nil, errors.New("declared_only: a gateway alone does not know which experiments are declared; leave the setting out, or run tracklayer serve")
		}
	}
	p.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return p, nil
}

// sourcesOf joins the configured sources with the vendors' adapters: one source a vendor where none is configured.
func sourcesOf(cfg config.Config) (map[string]webhooks.Source, error) {
	configured := cfg.Sources
	if len(configured) == 0 {
		configured = map[string]config.Source{}
		for _, a := range all.All() {
			if a.CheckOptions != nil && a.CheckOptions(nil) != nil {
				continue // it says nothing without a configuration
			}
			token, err := config.ParseToken(a.Vendor)
			if err != nil {
				return nil, err
			}
			configured[a.Vendor] = config.Source{Vendor: token}
		}
	}
	sources := map[string]webhooks.Source{}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(configured)) {
		c := configured[name]
		a, ok := all.ByVendor(c.Vendor.String())
		switch {
		case !ok:
			faults = append(faults, fmt.Errorf("sources.%s.vendor: %q is not known; known are %v", name, c.Vendor, all.Vendors()))
			continue
		case c.Catalog != "" && a.ParseCatalog == nil:
			faults = append(faults, fmt.Errorf("sources.%s.catalog: %s tells everything in its events and takes no catalog; remove it", name, c.Vendor))
		case len(c.Options) > 0 && a.CheckOptions == nil:
			faults = append(faults, fmt.Errorf("sources.%s.options: %s has no options; remove them", name, c.Vendor))
		case a.CheckOptions != nil:
			if err := a.CheckOptions(c.Options); err != nil {
				faults = append(faults, fmt.Errorf("sources.%s.options: %w", name, err))
			}
		}
		if c.Options["verify"] != nil && len(c.Secrets) == 0 {
			faults = append(faults, fmt.Errorf("sources.%s.secrets: is required beside options.verify: without a secret no signature can be checked", name))
		}
		s := webhooks.Source{Adapter: a, Source: adapters.Source{Name: name, Options: c.Options}}
		if a.ParseCatalog != nil {
			s.Catalogs = newCatalog(name, c.Catalog, a.ParseCatalog)
		}
		s.DeclaredOnly = c.DeclaredOnly
		for _, secret := range c.Secrets {
			public := secret.Kind() == config.Client || secret.Kind() == config.Inferred && a.PublicKey != nil && a.PublicKey(secret.Reveal())
			list := &s.Secrets
			if public {
				list = &s.Public
			}
			*list = append(*list, secret.Reveal())
		}
		sources[name] = s
	}
	return sources, errors.Join(faults...)
}

func names(sources map[string]webhooks.Source) []string { return slices.Sorted(maps.Keys(sources)) }

func streamOptions(cfg config.Config, log *slog.Logger) stream.Options {
	return stream.Options{
		URL: cfg.NATS.URL.Reveal(), CredsFile: cfg.NATS.CredsFile, Prefix: cfg.NATS.Prefix.String(), Replicas: cfg.NATS.Replicas,
		Dir: logPath(cfg), Logger: log,
	}
}

// Start opens the state and the log, begins to fold and to listen, and returns once requests are taken. On an error
// nothing is left running.
func (p *Program) Start(ctx context.Context) error {
	if err := p.start(ctx); err != nil {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.cfg.ShutdownTimeout)
		defer cancel()
		return errors.Join(err, p.Stop(stopping))
	}
	return nil
}

func (p *Program) start(ctx context.Context) (err error) {
	if err := os.MkdirAll(p.cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	narrow(p.cfg.DataDir, p.log)
	if p.certificate != nil {
		if err := p.certificate.load(p.cfg.TLS); err != nil {
			return err
		}
	} else if !p.cfg.Listen.IsLoopback() || !p.cfg.AdminListen.IsLoopback() {
		p.log.Warn("keys, cookies and persons' data travel readable for everyone on the way: set tls.cert and tls.key, or let other machines reach this one through a proxy that speaks TLS only (docs/tls.md)",
			"listen", p.cfg.Listen.String(), "admin_listen", p.cfg.AdminListen.String())
	}
	if p.role&coreRole != 0 { // the state's lock is what keeps two processes off one data folder
		if p.db, err = store.Open(statePath(p.cfg), store.Options{Lookups: core.Lookups, Logger: p.log}); err != nil {
			return err
		}
		if p.fold, err = core.Open(p.db); err != nil {
			return err
		}
	}
	if p.events, err = stream.Open(ctx, streamOptions(p.cfg, p.log)); err != nil {
		return err
	}
	if p.fold != nil {
		last, err := p.events.LastSeq(ctx)
		if err != nil {
			return err
		}
		if seq := p.fold.Seq(); seq > last {
			return fmt.Errorf("the state in %s has counted up to sequence %d, but the log ends at %d: it is another log, or an older copy; give the state its own log back, or run tracklayer rebuild", p.cfg.DataDir, seq, last)
		}
		p.past = openHistory(p).past(context.WithoutCancel(ctx))
	}
	folding, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p.cancel = cancel
	if err := p.catalogs(ctx, folding); err != nil {
		return err
	}
	if err := p.routes(); err != nil {
		return err
	}
	if p.publicAt, err = net.Listen("tcp", p.cfg.Listen.String()); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if p.adminAt, err = net.Listen("tcp", p.cfg.AdminListen.String()); err != nil {
		return fmt.Errorf("admin_listen: %w", err)
	}
	p.folding.Go(func() { p.failures.forever(folding) })
	if p.certificate != nil {
		p.folding.Go(func() { p.certificate.watch(folding) })
	}
	if p.fold != nil {
		p.counting = true
		p.folding.Go(func() { p.foldForever(folding) })
		p.folding.Go(func() { p.past.run(folding) })
		p.folding.Go(func() { p.recomputeForever(folding) })
		p.folding.Go(func() { p.eraser.forever(folding) })
	}
	go p.serve(p.public, p.publicAt)
	go p.serve(p.admin, p.adminAt)
	return nil
}

// catalogs reads the sources' catalogs and watches them until folding ends.
func (p *Program) catalogs(ctx, folding context.Context) error {
	if p.role&gatewayRole == 0 {
		return nil
	}
	for _, name := range names(p.sources) {
		c, ok := p.sources[name].Catalogs.(*catalog)
		if !ok {
			continue
		}
		c.kept, c.report, c.log = filepath.Join(p.cfg.DataDir, "catalogs", name), p.events, p.log
		if err := c.load(ctx); err != nil {
			return err
		}
		if c.place != "" {
			p.folding.Add(1)
			go func() {
				defer p.folding.Done()
				c.watch(folding)
			}()
		}
	}
	return nil
}

// routes builds both servers.
func (p *Program) routes() error {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = p.stray
	if p.role&gatewayRole != 0 {
		var err error
		o := webhooks.Options{
			Publisher: p.events, DeadLetters: graveyard{p.events}, Reports: p.events, Sources: p.sources,
			WriteKey: p.writeKey(), EditKey: p.editKey(), Refused: p.failures.on("main"), DeclaredOnly: p.cfg.DeclaredOnly,
			Rules: canonical.DefaultRules(p.cfg.Identity.NonIDs...), WriteRequest: adapters.WriteRequest,
			Limits: webhooks.Limits{Body: int64(p.cfg.Limits.Body), Event: min(int64(p.cfg.Limits.Event), p.events.MaxMessage()), BatchEvents: p.cfg.Limits.BatchEvents},
			Now:    p.now, Random: rand.Reader, Log: p.log, Origins: origins(p.cfg), Metrics: p.metrics,
		}
		if p.fold != nil {
			o.Experiments = declared{p.fold}
		}
		p.door, err = webhooks.New(o)
		if err != nil {
			return err
		}
		p.door.Register(e)
	}
	if p.fold != nil {
		p.eraser = p.newEraser()
		api := web.New(web.Options{
			State: p.fold, Past: p.past, Moments: p.events, Registry: p.events, Eraser: p.eraser, Largest: min(4<<20, p.events.MaxMessage()-8<<10), Code: version, Now: p.now, Log: p.log,
			ReadKey: p.readKey(), WriteKey: p.editKey(), EditingOff: p.cfg.EditingOff(), Refused: p.failures.on("main"),
			Changed: func(err error) bool { return errors.Is(err, stream.ErrChanged) },
		})
		api.Register(e)
		p.pages = p.newPages(api.Inside())
		for _, path := range pages.Paths() {
			e.Any(mounted(path), echo.WrapHandler(p.pages))
		}
	}
	public := p.pulses.watch(e)
	if p.cfg.WritesOpen() || p.cfg.ReadsOpen() || p.cfg.EditsOpen() {
		public = guarded(public, p.cfg.Listen, p.cfg.Hosts)
	}
	p.public = p.server(public)
	if p.pages != nil {
		p.public.RegisterOnShutdown(p.pages.Close) // open pages listen for ever
	}
	admin := fromHere(p.adminRoutes())
	if p.cfg.AdminOpen() {
		admin = guarded(admin, p.cfg.AdminListen, p.cfg.Hosts)
	}
	p.admin = p.server(admin)
	return nil
}

// stray answers requests that no route takes.
func (p *Program) stray(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	if he := (*echo.HTTPError)(nil); errors.As(err, &he) {
		switch he.Code {
		case http.StatusNotFound:
			err = problem.NotFound("Nothing is here. GET /openapi.json lists what is.")
		case http.StatusMethodNotAllowed:
			err = problem.MethodNotAllowed(strings.Split(c.Response().Header().Get("Allow"), ", ")...)
		}
	}
	problem.Respond(c.Response(), p.log, c.Response().Header().Get("X-Request-Id"), err)
}

// server bounds what a slow or silent caller can hold. Bodies are bounded by the door.
func (p *Program) server(h http.Handler) *http.Server {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	if p.certificate != nil {
		s.TLSConfig = p.certificate.config()
	}
	return s
}

func origins(cfg config.Config) []string {
	list := make([]string, len(cfg.CORS.Origins))
	for i, o := range cfg.CORS.Origins {
		list[i] = o.String()
	}
	return list
}

// graveyard turns the door's dead letters into the log's.
type graveyard struct{ log *stream.Log }

func (g graveyard) Bury(ctx context.Context, d webhooks.DeadLetter) error {
	return g.log.Bury(ctx, stream.DeadLetter{
		Source: d.Source, ReceivedAt: d.ReceivedAt, Reason: d.Reason, Rejected: d.Rejected, Items: d.Items, Request: d.Request,
	})
}

func (p *Program) serve(s *http.Server, l net.Listener) {
	serve := func() error { return s.Serve(l) }
	if s.TLSConfig != nil {
		serve = func() error { return s.ServeTLS(l, "", "") }
	}
	if err := serve(); !errors.Is(err, http.ErrServerClosed) {
		p.failed <- err
	}
}

// Addr is the address that requests come to, AdminAddr that of health, metrics and profiles.
func (p *Program) Addr() string { return p.publicAt.Addr().String() }

// AdminAddr is the address of health, metrics and profiles.
func (p *Program) AdminAddr() string { return p.adminAt.Addr().String() }

// Failed tells of a failure that the program does not recover from.
func (p *Program) Failed() <-chan error { return p.failed }

// Stop takes no more requests, lets those under way end, folds what is on the log, and closes everything. What does not
// end with ctx is cut off; nothing acknowledged is lost by that.
func (p *Program) Stop(ctx context.Context) error {
	var errs []error
	if p.public != nil && p.publicAt != nil {
		errs = append(errs, p.public.Shutdown(ctx))
	}
	if p.cancel != nil {
		if last, err := p.events.LastSeq(ctx); err == nil && p.counting && p.lag.err() == nil {
			_, err = p.fold.Wait(ctx, last)
			errs = append(errs, err)
		}
		p.cancel()
		p.folding.Wait()
	}
	if p.past != nil {
		p.past.close()
	}
	if p.events != nil {
		p.events.Close()
	}
	if p.db != nil {
		errs = append(errs, p.db.Close())
	}
	if p.admin != nil && p.adminAt != nil {
		errs = append(errs, p.admin.Close())
	}
	for _, l := range []net.Listener{p.publicAt, p.adminAt} {
		if l != nil {
			_ = l.Close() // closed by its server, unless Start failed in between
		}
	}
	return errors.Join(errs...)
}
