package app

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/config"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/webhooks"
)

// stray answers requests that no route takes.
func (p *Program) stray(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	if he, ok := errors.AsType[*echo.HTTPError](err); ok {
		switch he.Code {
		case http.StatusNotFound:
			err = problem.NotFound("Nothing is here. GET /openapi.json lists what is.")
		case http.StatusMethodNotAllowed:
			err = problem.MethodNotAllowed(strings.Split(c.Response().Header().Get("Allow"), ", ")...)
		}
	}
	problem.Respond(c.Response(), p.log, c.Response().Header().Get("X-Request-Id"), err)
}

// server bounds what a slow or silent caller can hold. Bodies are bounded by the ingest endpoints.
func (p *Program) server(h http.Handler) *http.Server {
	s := &http.Server{
		Handler: deadlines(h), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		WriteTimeout: 2 * time.Minute, // until the first write, which has a deadline of its own; so has every later one
		ErrorLog:     slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	if p.certificate != nil {
		s.TLSConfig = p.certificate.config()
	}
	return s
}

func ratesOf(l config.Limits) webhooks.Rates {
	return webhooks.Rates{
		Address: l.Rate, Shared: l.RateShared, Exempt: prefixes(l.RateExempt), Header: l.AddressHeader.String(), From: prefixes(l.AddressFrom),
	}
}

func prefixes(networks []config.Network) []netip.Prefix {
	all := make([]netip.Prefix, len(networks))
	for i, n := range networks {
		all[i] = n.Prefix()
	}
	return all
}

func origins(cfg config.Config) []string {
	list := make([]string, len(cfg.CORS.Origins))
	for i, o := range cfg.CORS.Origins {
		list[i] = o.String()
	}
	return list
}

func (p *Program) serve(s *http.Server, l net.Listener) {
	serve := func() error { return s.Serve(l) }
	if s.TLSConfig != nil {
		serve = func() error { return s.ServeTLS(l, "", "") }
	}
	if err := serve(); !errors.Is(err, http.ErrServerClosed) {
		p.fail(err)
	}
}

// Addr is the address that requests come to, AdminAddr that of health, metrics and profiles.
func (p *Program) Addr() string { return p.publicAt.Addr().String() }

// AdminAddr is the address of health, metrics and profiles.
func (p *Program) AdminAddr() string { return p.adminAt.Addr().String() }
