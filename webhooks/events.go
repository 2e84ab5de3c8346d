package webhooks

import (
	"cmp"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/problem"
)

// events is POST /v1/events: canonical events from our clients and from any backend.
func (d *Ingest) events(v *visit) error {
	v.meter = d.api
	if d.cors.preflight(v) {
		return nil
	}
	if v.r.Method != http.MethodPost {
		return problem.MethodNotAllowed(http.MethodPost, http.MethodOptions)
	}
	if err := d.arrive(v, apiSource); err != nil {
		return err
	}
	if err := d.authorize(v.r, sourceIn(v.r.URL.RawQuery)); err != nil {
		v.unauthorized()
		return err
	}
	asLines, err := isLines(v.r.Header.Values("Content-Type"))
	if err != nil {
		return err
	}
	text, err := d.body(v)
	if err != nil {
		return d.unreadable(v, text, err)
	}
	p := newParcel()
	defer p.free()
	if p.source, err = d.sourceNamed(v.r.URL.RawQuery); err != nil {
		return err
	}
	if err := d.read(p, text, asLines, v.at); err != nil {
		d.weigh(v, 0, len(text))
		return d.unreadable(v, text, err)
	}
	d.weigh(v, len(p.items), len(text))
	seq, err := d.store(v, p, func() adapters.Envelope { return d.apiEnvelope(v, text) })
	if err != nil {
		return err
	}
	d.api.items(len(p.events), len(p.faults))
	for reason, n := range p.ignored {
		d.api.ignore(reason, n)
	}
	return v.answer(p, seq)
}

// sourceNamed is the source whose events a request brings: the one that its query names, so that what a program tells of
// a vendor's decisions counts with what the vendor's own requests tell, or else the API itself.
func (d *Ingest) sourceNamed(rawQuery string) (string, error) {
	if rawQuery == "" {
		return apiSource, nil
	}
	name := sourceIn(rawQuery)
	if name == apiSource {
		return apiSource, nil
	}
	if d.sources[name] == nil {
		detail := fmt.Sprintf("no source is named %.60q; sources are set in the configuration, under sources", name)
		return "", problem.BadRequest("The source that the query names does not exist.", problem.FieldError{Pointer: "/source", Detail: detail})
	}
	return name, nil
}

// sourceIn is the source that a query names, known or not.
func sourceIn(rawQuery string) string {
	if rawQuery == "" {
		return apiSource
	}
	query, _ := url.ParseQuery(rawQuery) // what cannot be parsed names nothing
	return cmp.Or(query.Get("source"), apiSource)
}

// isLines tells events one a line from JSON, and anything else from both. A beacon sends text/plain, because the
// browser would ask first for any other type, and a bare client sends none.
func isLines(header []string) (bool, error) {
	if len(header) == 0 || header[0] == "" || header[0] == "application/json" {
		return false, nil
	}
	media, params, err := mime.ParseMediaType(header[0])
	if charset := strings.ToLower(params["charset"]); err == nil && charset != "" && charset != "utf-8" && charset != "us-ascii" {
		return false, unsupported("charset %.40q is not read here; send UTF-8", charset)
	}
	switch {
	case err == nil && (media == "application/json" || media == "text/plain"):
		return false, nil
	case err == nil && (media == "application/x-ndjson" || media == "application/ndjson"):
		return true, nil
	}
	return false, unsupported("Content-Type %.80q is not read here; send application/json or application/x-ndjson", header[0])
}

// unreadable keeps a request of which nothing counts because it cannot be read, and gives back the error that is the
// answer: err, or that it could not be kept.
func (d *Ingest) unreadable(v *visit, text []byte, err error) error {
	if !errors.Is(err, adapters.ErrUnreadable) || errors.Is(err, errCut) {
		return err
	}
	e := d.apiEnvelope(v, text)
	if corrupt, ok := errors.AsType[*corruptError](err); ok {
		e = withCoding(e, v.r.Header, corrupt.raw)
	}
	if lost := d.keepLetter(v, e, canonical.DeadLetter{Reason: err.Error()}); lost != nil {
		return lost
	}
	return err
}

// apiEnvelope is the request as a dead letter keeps it.
func (d *Ingest) apiEnvelope(v *visit, text []byte) adapters.Envelope {
	return adapters.Envelope{
		Method: v.r.Method, Path: routeEvents, RawQuery: withoutSecrets(v.r.URL.RawQuery, nil),
		Header: v.kept(keptHeaders), Body: text, ReceivedAt: v.at,
	}
}

// answer says what became of each item: 202, or 422 where every one was rejected.
func (v *visit) answer(p *parcel, seq uint64) error {
	v.w.Header().Set(headerSeq, strconv.FormatUint(seq, 10))
	if len(p.faults) > 0 && len(p.events)+len(p.skipped) == 0 {
		refused := problem.Invalid(fmt.Sprintf("None of the %d events can be counted. Fix what errors names and send them again.", len(p.faults)))
		for _, f := range p.faults {
			refused.Errors = append(refused.Errors, problem.FieldError{Pointer: p.form.pointer(f.index, f.field), Detail: f.detail})
		}
		refused.Extension = p.appendResults(nil, 0) // not pooled: it is written after the parcel has gone back
		return refused
	}
	p.answer = append(p.appendResults(append(p.answer, '{'), seq), '}', '\n')
	v.share.end() // a sender that does not read its answer holds up no other
	p.shed()
	h := v.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(p.answer)))
	v.status = http.StatusAccepted
	v.w.WriteHeader(v.status)
	_, _ = v.w.Write(p.answer) // a client that has gone away hears nothing; what it sent is stored
	return nil
}
