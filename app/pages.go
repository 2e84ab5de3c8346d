package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/config"
	"github.com/tracklayer/tracklayer/pages"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/stream"
)

// writeKey opens writing to a source; nil: that is open.
func (p *Program) writeKey() func(presented, source, origin string) bool {
	if p.cfg.WritesOpen() {
		return nil
	}
	return func(presented, source, origin string) bool {
		return config.AnyFits(p.keys.Load().Write, presented, source, origin)
	}
}

// readKey opens answers, as an admin key does; nil: they are open.
func (p *Program) readKey() func(string) bool {
	if p.cfg.ReadsOpen() {
		return nil
	}
	return func(presented string) bool {
		keys := p.keys.Load()
		read, admin := config.AnyMatches(keys.Read, presented), config.AnyMatches(keys.Admin, presented)
		return read || admin
	}
}

// editKey opens what changes definitions and erases persons: an admin key, and none if editing is off; nil: it is open.
func (p *Program) editKey() func(string) bool {
	switch {
	case p.cfg.EditsOpen():
		return nil
	case p.cfg.EditingOff() != "":
		return func(string) bool { return false }
	}
	return func(presented string) bool { return config.AnyMatches(p.keys.Load().Admin, presented) }
}

// newPages joins the pages with the state, the API and the sources.
func (p *Program) newPages(api http.Handler) *pages.Pages {
	o := pages.Options{
		State: p.fold, API: api, Warnings: p.banner, Code: p.version, ReadKey: p.readKey(), WriteKey: p.editKey(), EditingOff: p.cfg.EditingOff(),
		ReadOnly: p.cfg.Editing != config.On, Refused: p.failures.on("main"), Log: p.log, Now: time.Now,
		Proxy: pages.Proxy{Header: p.cfg.Pages.ProxyHeader.String(), Editors: p.cfg.Pages.ProxyEditors},
	}
	for _, n := range p.cfg.Pages.ProxyFrom {
		o.Proxy.From = append(o.Proxy.From, n.Prefix())
	}
	if p.ingest != nil {
		o.Sources = feeds{p}
	}
	return pages.New(o)
}

// mounted is a path of the pages as the router wants it.
func mounted(path string) string {
	if path != "/" && path[len(path)-1] == '/' {
		return path + "*"
	}
	return path
}

// feeds tells the pages about the sources and their dead letters.
type feeds struct{ p *Program }

var _ pages.Sources = feeds{}

// Sources implements pages.Sources.
func (d feeds) Sources() []pages.Source { return d.p.pulses.all(time.Now()) }

// Letters implements pages.Sources.
func (d feeds) Letters(ctx context.Context, source string, after uint64, limit int) ([]canonical.DeadLetter, error) {
	return d.p.events.DeadLetters(ctx, source, after, limit)
}

// Letter implements pages.Sources.
func (d feeds) Letter(ctx context.Context, seq uint64) (canonical.DeadLetter, error) {
	found, err := d.p.events.DeadLetter(ctx, seq)
	found.Request, _ = d.p.unpack(found.Request)
	return found, letterError(err)
}

// Replay implements pages.Sources.
func (d feeds) Replay(ctx context.Context, seq uint64) (pages.Replayed, error) {
	r, err := d.p.replay(ctx, seq)
	return pages.Replayed{Accepted: r.Accepted, Rejected: r.Rejected, Reasons: r.Reasons}, letterError(err)
}

// letterError is an error about a dead letter as the pages want it.
func letterError(err error) error {
	switch {
	case errors.Is(err, stream.ErrNoLetter):
		return problem.NotFound(err.Error())
	case errors.Is(err, adapters.ErrUnreadable):
		return fmt.Errorf("%w: %w", problem.ErrInvalid, err)
	}
	return err
}
