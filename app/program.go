package app

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
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/catalog"
	"github.com/tracklayer/tracklayer/config"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/erasure"
	"github.com/tracklayer/tracklayer/history"
	"github.com/tracklayer/tracklayer/pages"
	"github.com/tracklayer/tracklayer/store"
	"github.com/tracklayer/tracklayer/stream"
	"github.com/tracklayer/tracklayer/web"
	"github.com/tracklayer/tracklayer/webhooks"
)

// Role says which halves of TrackLayer a Program is.
type Role uint8

// The halves. A Program that is both needs no external NATS.
const (
	Gateway Role = 1 << iota // takes requests and stores events in the log
	Core                     // folds the log into the state, and serves readouts and pages
)

// foldBatch is how many records are folded into one commit at the most.
const foldBatch = 2000

// requestShare is the part of limits.memory that requests under way may take together, in percent.
const requestShare = 35

// Options are what a Program takes besides its configuration. The zero value is a whole TrackLayer that logs nothing.
type Options struct {
	Role    Role             // 0: Gateway and Core
	Log     *slog.Logger     // nil: nothing is logged
	Version string           // of the program, which readouts and pages name; "": "dev"
	Now     func() time.Time // by which requests are received; nil: time.Now
	// AnyTime lets Now jump, as a demo's does.
	AnyTime bool
	// Fatal is called if the open state can never be written again, by a goroutine of the store in the middle of its work:
	// nothing can be closed any more, and Fatal must not return. nil: panic.
	Fatal func(error)
}

// complete is the options with what is left out.
func (o Options) complete() Options {
	if o.Role == 0 {
		o.Role = Gateway | Core
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	return o
}

// Program is a TrackLayer: made by New, run from Start to Stop, once. Any number of them live in one process.
type Program struct {
	cfg     config.Config
	role    Role
	log     *slog.Logger
	version string
	now     func() time.Time
	metrics *prometheus.Registry
	sources map[string]webhooks.Source

	events *stream.Log
	db     *store.DB
	fold   *core.Fold
	ingest *webhooks.Ingest // nil in a core alone
	eraser *erasure.Eraser  // nil in a gateway alone
	past   *history.History // nil in a gateway alone
	pages  *pages.Pages     // nil in a gateway alone
	pulses *pulses          // of the ingest endpoints

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

	lock     *store.Lock // of the data folder; nil in a gateway alone
	fatal    func(error)
	clock    *clockGuard
	damage   damage
	again    again
	stopping context.Context // ends when Stop begins
	stop     context.CancelFunc
	inflight atomic.Int64 // requests to the public listener
	stuck    atomic.Int64 // when writes began to fail although the disk has space, Unix nanoseconds; 0: they do not
	left     bool         // see Left
}

// New checks what can be checked before anything is opened. The configuration is one that config.Load has returned.
func New(cfg config.Config, o Options) (*Program, error) {
	o = o.complete()
	if o.Role != Gateway|Core && cfg.NATS.URL.IsZero() {
		return nil, errors.New("gateway and core meet at an external NATS: set nats.url (--nats-url), or run tracklayer serve")
	}
	sources, err := sourcesOf(cfg)
	if err != nil {
		return nil, err
	}
	p := &Program{cfg: cfg, role: o.Role, log: o.Log, version: o.Version, now: o.Now, sources: sources, metrics: prometheus.NewRegistry(), failed: make(chan error, 4)}
	p.fatal = o.Fatal
	p.damage.bell = make(chan struct{}, 1)
	p.stopping, p.stop = context.WithCancel(context.Background())
	if o.AnyTime {
		p.clock = newClockGuard(nil)
	} else {
		p.clock = newClockGuard(o.Now)
	}
	p.pulses = newPulses(p.sources)
	p.keys.Store(&cfg.Keys)
	p.failures = newFailures(p.log)
	p.metrics.MustRegister(p.failures.total)
	if cfg.TLS.Set() {
		p.certificate = &certificate{log: p.log}
	}
	if cfg.DeclaredOnly || slices.ContainsFunc(slices.Collect(maps.Values(sources)), func(s webhooks.Source) bool { return s.DeclaredOnly }) {
		if o.Role&Core == 0 {
			return nil, errors.New("declared_only: a gateway alone does not know which experiments are declared; leave the setting out, or run tracklayer serve")
		}
	}
	p.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return p, nil
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
		return fmt.Errorf("data_dir: %w; set another folder with data_dir, or make this one writable", err)
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
	if err := p.open(ctx); err != nil {
		return err
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
		p.folding.Go(func() { p.past.Run(folding) })
		p.folding.Go(func() { p.recomputeForever(folding) })
		p.folding.Go(func() { p.eraser.Run(folding) })
		p.folding.Go(func() { p.watchDamage(folding) })
	}
	public, admin := p.listeners()
	p.folding.Go(func() { p.watchWrites(folding) })
	go p.serve(p.public, public)
	go p.serve(p.admin, admin)
	return nil
}

// open opens the state and the log.
func (p *Program) open(ctx context.Context) (err error) {
	if p.role&Core == 0 {
		if err := os.MkdirAll(p.cfg.DataDir, 0o700); err != nil {
			return fmt.Errorf("data_dir: %w; set another folder with data_dir, or make this one writable", err)
		}
		p.events, err = stream.Open(ctx, p.logOptions())
		return err
	}
	if p.lock, err = hold(p.cfg); err != nil { // it keeps two processes off one data folder
		return err
	}
	var aside string
	if p.db, p.fold, aside, err = openState(p.cfg, p.log, p.fatal); err != nil {
		return err
	}
	if err := checkLog(p.cfg, p.fold); err != nil {
		return err
	}
	if p.events, err = stream.Open(ctx, p.logOptions()); err != nil {
		return err
	}
	last, err := p.events.LastSeq(ctx)
	if err != nil {
		return err
	}
	seq := p.fold.Seq()
	if seq > last {
		return aheadOfLog(p.cfg, seq, last)
	}
	if aside != "" || seq == 0 {
		p.again.target.Store(last)
	}
	if aside == "" && seq == 0 && last > 0 {
		p.log.Info("there is no state yet; it is made from the log while events are taken", "records", last)
	}
	if text := p.aheadOfClock(); text != "" {
		p.log.Error("the watermark lies in the future", "error", text)
	}
	p.past = history.Open(history.Options{
		Dir: historyPath(p.cfg), Want: p.cfg.History, DB: p.db, Fold: p.fold, Log: p.events, Metrics: p.metrics, Logger: p.log,
	})
	return nil
}

// catalogs reads the sources' catalogs and watches them until folding ends.
func (p *Program) catalogs(ctx, folding context.Context) error {
	if p.role&Gateway == 0 {
		return nil
	}
	for _, name := range names(p.sources) {
		source := p.sources[name]
		if source.ParseCatalog == nil {
			continue
		}
		c := catalog.New(catalog.Options{
			Source: name, Place: p.cfg.Sources[name].Catalog, Kept: filepath.Join(p.cfg.DataDir, "catalogs", name),
			Parse: source.ParseCatalog, Reports: p.events, Log: p.log,
		})
		if err := c.Load(ctx); err != nil {
			return err
		}
		source.Catalogs = c
		p.sources[name] = source
		p.folding.Go(func() { c.Watch(folding) })
	}
	return nil
}

// routes builds both servers.
func (p *Program) routes() error {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = p.stray
	if p.role&Gateway != 0 {
		var err error
		o := webhooks.Options{
			Publisher: p.events, DeadLetters: p.events, Reports: p.events, Sources: p.sources,
			WriteKey: p.writeKey(), EditKey: p.editKey(), Refused: p.failures.on("main"), Closed: p.closed, DeclaredOnly: p.cfg.DeclaredOnly,
			Rules: canonical.DefaultRules(p.cfg.Identity.NonIDs...), WriteRequest: adapters.WriteRequest,
			Limits: webhooks.Limits{Body: int64(p.cfg.Limits.Body), Event: min(int64(p.cfg.Limits.Event), p.events.MaxMessage()), BatchEvents: p.cfg.Limits.BatchEvents, Memory: int64(p.cfg.Limits.Memory) * requestShare / 100},
			Names:  webhooks.Names{Experiments: p.cfg.Limits.Experiments, Variants: p.cfg.Limits.Variants, ConversionNames: p.cfg.Limits.Conversions},
			Rates:  ratesOf(p.cfg.Limits),
			Now:    p.now, Random: rand.Reader, Log: p.log, Origins: origins(p.cfg), Metrics: p.metrics,
		}
		if p.fold != nil {
			o.Experiments = &declared{fold: p.fold}
		}
		p.ingest, err = webhooks.New(o)
		if err != nil {
			return err
		}
		p.ingest.Register(e)
	}
	if p.fold != nil {
		p.eraser = erasure.New(erasure.Options{Log: p.events, Store: p.db, State: p.fold, Logger: p.log, Drop: p.dropCopies})
		api := web.New(web.Options{
			State: p.fold, Past: p.past, Moments: p.events, Registry: p.events, Eraser: p.eraser, Largest: min(4<<20, p.events.MaxMessage()-8<<10), Code: p.version, Now: p.now, Log: p.log,
			ReadKey: p.readKey(), WriteKey: p.editKey(), EditingOff: p.cfg.EditingOff(), Refused: p.failures.on("main"),
			Changed: func(err error) bool { return errors.Is(err, stream.ErrChanged) },
		})
		api.Register(e)
		p.pages = p.newPages(api.Inside())
		for _, path := range pages.Paths() {
			e.Any(mounted(path), echo.WrapHandler(p.pages))
		}
	}
	public := p.pulses.watch(p.guard(e))
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

// Failed delivers a failure that the program does not recover from; it must be stopped then. A *RestartError says that
// another Program with the same configuration will work.
func (p *Program) Failed() <-chan error { return p.failed }
