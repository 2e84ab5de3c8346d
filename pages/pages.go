// Package pages serves the web pages: experiments, one experiment with its decision, persons, sources, and getting
// started. Everything is rendered here as HTML with its charts as SVG; the script updates open
// pages and is needed for none of them.
//
// No number is made here. A page shows what the JSON API answers, asked within the process, so that pages and
// API clients get the same numbers. A form is a request to that API, so that both follow the same rules and leave the same
// history.
//
// Inside, each page has a type and a file, and all of them share site: the options, the templates, who asks, the API, the
// ledger, and the updates of open pages. Files named chart_*.go say what is in a picture; package draw draws it.
//
// It declares the State, the API and the Sources that it needs; cmd joins them. It imports draw, readout, registry,
// core, canonical and problem, and only cmd may import it.
package pages

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/core/ledger"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/problem"
)

// State is the core's read side, as far as pages look past the API.
type State interface {
	View() *sums.View
	// Until returns the first View, from the newest on, that is good, or the newest one and ctx's error.
	Until(ctx context.Context, good func(*sums.View) bool) (*sums.View, error)
	// LedgerLines calls fn with the lines of the ledger that a query wants, and returns the sum of all that fit.
	LedgerLines(q core.LedgerQuery, fn func(ledger.Key, ledger.Entry) error) (ledger.Entry, error)
	// LedgerByDay calls fn with the sum of each day and source, and its reasons.
	LedgerByDay(fn func(ledger.Day, ledger.Entry) error) error
	// Trace returns a person's events and their outcomes; core.ErrNoUnit if the id is unknown.
	Trace(u canonical.Unit) (*core.Trace, error)
	Associations(ctx context.Context, experiment string, run int, begin func(*sums.View) error, each func(*core.Association) error) error
}

// Proxy is a reverse proxy that says who asks.
type Proxy struct {
	Header  string         // that names the user; "": there is no such proxy
	From    []netip.Prefix // addresses that are believed
	Editors []string       // users who may change things; none: all
}

// Options are what Pages are made of. State and API must be set.
type Options struct {
	State   State
	API     http.Handler // the JSON API, without keys: pages ask themselves who may do what
	Sources Sources      // nil: events are received in another process
	Code    string       // version of the code
	// Warnings are what every page says at its top to those who may read: what is wrong with the numbers and what to do, one
	// line each. It is called for each page; nil: there is never anything.
	Warnings func() []string

	ReadKey  func(presented string) bool // whether the key opens reading; nil: reading is open
	WriteKey func(presented string) bool // whether the key opens changing things; nil: that is open
	// EditingOff says why no key opens changing things, and what to do; "": some do, or none is needed.
	EditingOff string
	ReadOnly   bool // no user may change things, not even one that the proxy names
	// Refused is called with each failed sign-in, before it is answered; nil: nothing is called.
	Refused func(r *http.Request, kind string)
	Proxy   Proxy

	Beat time.Duration // how often an open page hears that nothing is new; 0: 15 s
	Now  func() time.Time
	Log  *slog.Logger
}

// Pages answers requests. It is safe for concurrent use.
type Pages struct {
	*site
	mux *http.ServeMux
}

// New fills in the defaults.
func New(o Options) *Pages {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Beat == 0 {
		o.Beat = 15 * time.Second
	}
	p := &Pages{site: newSite(o), mux: http.NewServeMux()}
	p.routes()
	return p
}

// KeepSessions ends all sessions but those whose key has a fingerprint that is still known.
func (p *Pages) KeepSessions(known func(fingerprint string) bool) { p.sessions.keep(known) }

// Close ends what open pages listen to, so that a server can shut down.
func (p *Pages) Close() { p.listener.close() }

// who may see a page.
type right uint8

const (
	anyone right = iota
	readers
	editors
)

// Paths are the beginnings of all paths that Pages answers; those that end in a slash stand for everything below.
func Paths() []string {
	return []string{"/", "/live", "/experiments", "/experiments/", "/units", "/units/", "/sources", "/sources/", "/sign-in", "/sign-out", "/assets/"}
}

func (p *Pages) routes() {
	s := p.site
	lists, sources := &listPages{site: s, lines: newLines()}, &sourcePages{s}
	start := &startPages{site: s, lists: lists, sources: sources}
	details, forms, actions, units, signIn := newDetailPages(s), &formPages{s}, &actionPages{s}, &unitPages{s}, &signInPages{s}
	p.mux.HandleFunc("GET /assets/{name}", p.templates.asset)
	p.handle("GET /{$}", readers, start.start)
	p.handle("GET /live", readers, start.startLive)
	p.handle("GET /experiments", readers, lists.list)
	p.handle("GET /experiments/new", editors, forms.newForm)
	p.handle("POST /experiments/new", editors, forms.create)
	p.handle("POST /experiments/new/plan", editors, forms.planAlone)
	p.handle("GET /experiments/live", readers, lists.listLive)
	p.handle("GET /experiments/{id}", readers, details.detail)
	p.handle("GET /experiments/{id}/{$}", readers, details.detail) // for ids that are words of ours, see pathOf
	p.handle("GET /experiments/{id}/live", readers, details.detailLive)
	p.handle("GET /experiments/{id}/rows", readers, details.rows)
	p.handle("GET /experiments/{id}/edit", editors, forms.editForm)
	p.handle("POST /experiments/{id}/edit", editors, forms.edit)
	p.handle("GET /experiments/{id}/do/{action}", editors, actions.actionForm)
	p.handle("POST /experiments/{id}/do/{action}", editors, actions.act)
	p.handle("GET /units", readers, units.findUnit)
	p.handle("GET /units/{kind}/{id}", readers, units.unit)
	p.handle("GET /sources", readers, sources.sources)
	p.handle("GET /sources/live", readers, sources.sourcesLive)
	p.handle("GET /sources/letters/{seq}", readers, sources.letter)
	p.handle("POST /sources/letters/{seq}", editors, sources.replay)
	p.handle("GET /sign-in", anyone, signIn.signInForm)
	p.handle("POST /sign-in", anyone, signIn.signIn)
	p.handle("POST /sign-out", anyone, signIn.signOut)
	p.handle("/", anyone, func(*request) error { return problem.NotFound("This page does not exist.") })
}

// ServeHTTP answers one request.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// policy is what a page may load: what comes from here, and no script or style that stands in the page itself.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// guarded sets the headers of every answer.
func guarded(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// request is one request for a page, and who asks.
type request struct {
	*http.Request
	w       http.ResponseWriter
	visitor visitor
}

// handle lets a request in that may come in; what a page returns as an error becomes a page that says no.
func (p *Pages) handle(pattern string, needs right, serve func(*request) error) {
	p.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		guarded(w.Header())
		q := &request{r, w, p.visitorOf(r)}
		sentAway, err := p.admit(q, needs)
		if err == nil && !sentAway {
			err = serve(q)
		}
		if err != nil {
			p.refuse(q, err)
		}
	})
}

// origin is the address under which the visitor reached us.
func (q *request) origin() string {
	scheme := "http"
	if q.secure() {
		scheme = "https"
	}
	return scheme + "://" + q.Host
}

// secure reports whether the visitor speaks TLS, with us or with a proxy before us. Nothing but the Secure mark of a
// cookie and the addresses that are shown depends on what a proxy reports.
func (q *request) secure() bool { return secure(q.Request) }

func secure(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// loopback reports whether the Host header is a name of this very machine.
func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.Unmap().IsLoopback()
}
