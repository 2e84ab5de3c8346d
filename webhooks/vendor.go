package webhooks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/problem"
)

// headerSeq names the sequence of the last event that a request stored, so that a readout can be asked to wait for it.
const headerSeq = "Tracklayer-Stream-Seq"

// vendor is /webhooks/{source}/…: a vendor's webhook, or a vendor's SDK that sends here instead.
func (d *Ingest) vendor(v *visit) error {
	name, rest := strings.TrimPrefix(v.r.URL.EscapedPath(), routeVendors), ""
	if i := strings.IndexByte(name, '/'); i >= 0 {
		name, rest = name[:i], name[i:]
	}
	if plain, err := url.PathUnescape(name); err == nil {
		name = plain
	}
	s := d.sources[name]
	if s == nil {
		return problem.NotFound(fmt.Sprintf("No source is named %.60q. Sources are set in the configuration, under sources.", name))
	}
	v.meter = s.meter
	if d.cors.preflight(v) {
		return nil
	}
	e := adapters.Envelope{
		Method: v.r.Method, Path: rest, RawQuery: withoutSecrets(withoutSecrets(v.r.URL.RawQuery, s.Secrets), s.Public),
		Header: only(v.r.Header, s.heard), ReceivedAt: v.at,
	}
	if err := d.arrive(v, name); err != nil {
		return d.reply(v, s, e, 0, adapters.Outcome{Err: err})
	}
	if !s.locked() {
		if err := d.authorize(v.r, name); err != nil {
			v.unauthorized()
			v.w.Header().Set("WWW-Authenticate", challenge)
			return d.reply(v, s, e, 0, adapters.Outcome{Err: adapters.ErrUnauthorized})
		}
	}
	text, err := d.body(v)
	corrupt := (*corruptError)(nil)
	if errors.As(err, &corrupt) {
		text = corrupt.raw // a signature may still say who sent it
	} else if p := (problem.Problem{}); errors.As(err, &p) {
		return err
	} else if err != nil {
		return d.reply(v, s, e, 0, adapters.Outcome{Err: err})
	}
	e.Body = text
	if err := s.Limits.Check(e.Header.Get("Content-Type"), text); err != nil { // before Verify, which may decode as well
		return d.reply(v, s, e, 0, adapters.Outcome{Err: err})
	}
	if s.locked() {
		if v.signed, err = d.verify(v, s, e); err != nil {
			v.unauthorized()
			d.refused(v.r, RefusedSignature)
			return d.reply(v, s, e, 0, adapters.Outcome{Err: err})
		}
	}
	seq, outcome := d.take(v, s, e, corrupt)
	v.share.end() // a sender that does not read its answer holds up no other
	return d.reply(v, s, e, seq, outcome)
}

// only is the headers of an allow-list.
func only(from http.Header, names []string) http.Header {
	h := make(http.Header, len(names)+1)
	for _, name := range names {
		if values := from[name]; len(values) > 0 {
			h[name] = values
		}
	}
	return h
}

// verify tries every secret of the source, and then every public key: two are valid while one is replaced by the other.
// It reports whether it was a secret that verified the request.
func (d *Ingest) verify(v *visit, s *source, e adapters.Envelope) (signed bool, err error) {
	e.Header, e.RawQuery = v.r.Header, v.r.URL.RawQuery
	defer func() {
		if r := recover(); r != nil {
			d.logPanic(v, "an adapter's Verify panicked", r)
			signed, err = false, adapters.ErrUnauthorized
		}
	}()
	for _, secret := range s.Secrets {
		if err = s.Verify(s.Source.Source, secret, e); err == nil {
			return true, nil
		}
	}
	for _, key := range s.Public {
		if err = s.Verify(s.Source.Source, key, e); err == nil {
			return false, nil
		}
	}
	return false, err
}

// take decodes a request and makes durable what came of it.
func (d *Ingest) take(v *visit, s *source, e adapters.Envelope, corrupt *corruptError) (uint64, adapters.Outcome) {
	kept := func() adapters.Envelope {
		e := e
		e.Header = v.kept(s.keep)
		return e
	}
	if corrupt != nil {
		return 0, d.lost(v, withCoding(kept(), v.r.Header, corrupt.raw), corrupt)
	}
	batch, err := d.decode(v, s, e)
	d.weigh(v, batch.Items, len(e.Body))
	if errors.Is(err, adapters.ErrNotServed) || errors.Is(err, adapters.ErrTooLarge) {
		return 0, adapters.Outcome{Err: err}
	}
	if err != nil {
		return 0, d.lost(v, kept(), err)
	}
	p := newParcel()
	defer p.free()
	batch.Events = slices.DeleteFunc(batch.Events, func(one adapters.Decoded) bool {
		reason := d.ignores(&one.Event)
		if reason != "" {
			batch.Ignore(reason)
		}
		return reason != ""
	})
	for i := range batch.Events {
		p.events = append(p.events, batch.Events[i].Event)
		if err := p.events[i].Complete(v.at, d.Random); err != nil {
			return 0, adapters.Outcome{Err: fmt.Errorf("%w: draw an id: %w", adapters.ErrBusy, err)}
		}
	}
	for _, r := range batch.Rejected {
		p.faults = append(p.faults, fault{r.Index, r.Field, r.Reason})
	}
	told, err := d.tell(v, s, &batch)
	if err != nil {
		return 0, adapters.Outcome{Err: err}
	}
	p.ignored = batch.Ignored
	outcome := adapters.Outcome{Accepted: len(p.events) + len(batch.Lives), Rejected: len(p.faults)}
	for _, n := range batch.Ignored {
		outcome.Ignored += n
	}
	seq, err := d.store(v, p, kept)
	if err != nil {
		return 0, adapters.Outcome{Err: err}
	}
	seq = max(seq, told)
	s.meter.items(outcome.Accepted, outcome.Rejected)
	for reason, n := range batch.Ignored {
		s.meter.ignore(reason, n)
	}
	return seq, outcome
}

// tell stores what the request reports about experiments as a whole, and passes on the catalog that it brings. Both count
// only if the vendor sent them for certain, or a caller who may change experiments: a key that clients publish would
// let anyone stop experiments and rename their variants.
func (d *Ingest) tell(v *visit, s *source, batch *adapters.Batch) (seq uint64, err error) {
	if len(batch.Lives) == 0 && batch.Catalog == nil && !batch.CatalogChanged {
		return 0, nil
	}
	trusted := v.signed || d.mayEdit(v.r)
	if len(batch.Lives) > 0 {
		if d.Reports == nil {
			return 0, fmt.Errorf("%w: nothing takes reports about experiments", adapters.ErrBusy)
		}
		lives := make([]canonical.Life, len(batch.Lives))
		for i := range batch.Lives {
			lives[i] = batch.Lives[i].Life
			lives[i].Unverified = !trusted
		}
		if seq, err = d.Reports.Tell(v.r.Context(), lives); err != nil {
			return 0, fmt.Errorf("%w: publish: %w", adapters.ErrBusy, err)
		}
	}
	if s.Catalogs == nil {
		return seq, nil
	}
	if !trusted {
		if batch.Catalog != nil || batch.CatalogChanged {
			s.meter.ignore("catalog_not_verified", 1)
		}
		return seq, nil
	}
	if batch.Catalog != nil {
		if err := s.Catalogs.Push(v.r.Context(), batch.Catalog); err != nil {
			d.Log.LogAttrs(v.r.Context(), slog.LevelWarn, "a catalog was not taken", slog.String("source", v.meter.name), slog.Any("error", err))
			s.meter.ignore("catalog_not_taken", 1)
		}
	}
	if batch.CatalogChanged {
		s.Catalogs.Refresh()
	}
	return seq, nil
}

// lost keeps a request that cannot be taken apart.
func (d *Ingest) lost(v *visit, e adapters.Envelope, err error) adapters.Outcome {
	if failed := d.keepLetter(v, e, canonical.DeadLetter{Reason: err.Error()}); failed != nil {
		return adapters.Outcome{Err: failed}
	}
	return adapters.Outcome{Err: err}
}

// decode is the adapter's Decode. An adapter that breaks its promise never to panic loses one request, not the process.
func (d *Ingest) decode(v *visit, s *source, e adapters.Envelope) (adapters.Batch, error) {
	return decode(s.Source, e, func(r any) { d.logPanic(v, "an adapter's Decode panicked", r) })
}

func decode(s Source, e adapters.Envelope, panicked func(any)) (adapters.Batch, error) {
	b, err := decodeText(e, func(e adapters.Envelope) (adapters.Batch, error) { return decodeOnce(s, e, panicked) })
	if err == nil && b.Items > s.Limits.MaxItems() {
		return adapters.Batch{}, s.Limits.ErrItems()
	}
	return b, err
}

var errPanicked = adapters.Unreadable("the adapter failed on it")

func decodeOnce(s Source, e adapters.Envelope, panicked func(any)) (b adapters.Batch, err error) {
	defer func() {
		if r := recover(); r != nil {
			panicked(r)
			b, err = adapters.Batch{}, errPanicked
		}
	}()
	if b, err = s.Decode(s.read(), e); err != nil && !errors.Is(err, adapters.ErrUnreadable) && !errors.Is(err, adapters.ErrTooLarge) {
		err = fmt.Errorf("%w: %w", adapters.ErrUnreadable, err)
	}
	return b, err
}

// reply answers in the words of the vendor's SDK.
func (d *Ingest) reply(v *visit, s *source, e adapters.Envelope, seq uint64, o adapters.Outcome) (err error) {
	if full := overloaded(o.Err); full != nil {
		d.shed(v, full)
	} else if errors.Is(o.Err, adapters.ErrBusy) {
		d.Log.LogAttrs(v.r.Context(), slog.LevelError, "request failed", slog.Int("status", http.StatusServiceUnavailable),
			slog.String("request_id", v.id), slog.String("source", v.meter.name), slog.Any("error", o.Err))
	}
	r, err := d.respond(v, s, e, o)
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set(headerSeq, strconv.FormatUint(seq, 10))
	if r.Status == http.StatusServiceUnavailable || r.Status == http.StatusTooManyRequests {
		h.Set("Retry-After", "1")
	}
	if r.Status != http.StatusUnauthorized {
		h.Del("WWW-Authenticate")
	}
	if r.ContentType != "" {
		h.Set("Content-Type", r.ContentType)
	}
	v.status = r.Status
	v.early()
	v.w.WriteHeader(r.Status)
	if len(r.Body) > 0 {
		_, _ = v.w.Write(r.Body) // a client that has gone away hears nothing; what it sent is stored
	}
	return nil
}

var errNoReply = errors.New("the adapter has no answer")

// respond is the adapter's Reply. One that fails, or claims success for a request that was not stored, is overruled.
func (d *Ingest) respond(v *visit, s *source, e adapters.Envelope, o adapters.Outcome) (r adapters.Response, err error) {
	defer func() {
		if rec := recover(); rec != nil {
			d.logPanic(v, "an adapter's Reply panicked", rec)
			err = errNoReply
		}
	}()
	r = s.Reply(e, o)
	switch {
	case r.Status < 200 || r.Status > 599:
		return r, fmt.Errorf("%w: status %d", errNoReply, r.Status)
	case errors.Is(o.Err, adapters.ErrBusy) && r.Status < 400:
		return r, fmt.Errorf("%w: status %d for what is not stored", o.Err, r.Status)
	}
	return r, nil
}

// logPanic says where an adapter panicked. A panic of the runtime says why; any other value may quote the request.
func (d *Ingest) logPanic(v *visit, message string, r any) {
	why := fmt.Sprintf("%T", r)
	if e, ok := r.(runtime.Error); ok {
		why = e.Error()
	}
	d.Log.LogAttrs(context.WithoutCancel(v.r.Context()), slog.LevelError, message, //nolint:sloglint // three constants
		slog.String("request_id", v.id), slog.String("source", v.meter.name), slog.String("panic", why), slog.String("stack", string(debug.Stack())))
}
