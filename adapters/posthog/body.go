package posthog

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/tracklayer/tracklayer/adapters"
)

// elsewhere are the paths of PostHog's other products: flags, configuration, surveys, session replay. An SDK asks for
// them at the address that it sends events to.
var elsewhere = []string{"/flags", "/decide", "/array/", "/static/", "/s/", "/surveys", "/api/"}

// notServed reports a path that brings no events: those of other products, and everything of /i/v1/ but the events, such
// as /i/v1/logs and /i/v1/metrics.
func notServed(path string) bool {
	for _, prefix := range elsewhere {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return path == "/s" || isV1(path) && !strings.HasPrefix(path, "/i/v1/analytics/")
}

// requestOf reads a request, whatever it is coded in. If isolate is set, or if only this package can see the JSON because
// the request is coded, an item that is not valid JSON does not concern the others; else such a body is an error, and the
// ingest handler finds out what its faults cost.
func requestOf(s adapters.Source, e adapters.Envelope, o *options, isolate bool) (request, error) {
	scratch := scratches.Get().(*bytes.Buffer)
	defer func() { // what readRequest gives back are copies
		if scratch.Cap() <= 1<<20 {
			scratch.Reset()
			scratches.Put(scratch)
		}
	}()
	body, err := bodyOf(e, scratch, s.Limits)
	if err != nil {
		return request{}, err
	}
	coded := len(body) != len(e.Body) || len(body) > 0 && &body[0] != &e.Body[0]
	if coded { // the caller has checked what it could see
		if err := s.Limits.Check("", body); err != nil {
			return request{}, err
		}
	}
	req, err := readRequest(body, o, isolate || coded)
	if err != nil {
		return request{}, adapters.Unreadable("%v", err)
	}
	return req, nil
}

// scratches keep the room that a batch of a browser, 4 kB an event, unfolds into.
var scratches = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// bodyOf is the JSON of a request, which may lie in scratch, in the order in which the vendor tries the codings (rust/capture/src/payload): a hint
// in the query or the form, gzip by its magic whatever the hints say, the field data of a form or of the query, base64
// where there is no JSON.
func bodyOf(e adapters.Envelope, scratch *bytes.Buffer, limits adapters.Limits) ([]byte, error) {
	if notServed(e.Path) {
		return nil, fmt.Errorf("%w; set the address of the events only, or let a proxy send all other paths to PostHog", adapters.ErrNotServed)
	}
	query := e.Query()
	hint, text := query.Get("compression"), e.Body
	switch e.Method {
	case http.MethodPost:
	case http.MethodGet:
		if text = []byte(query.Get("data")); len(text) == 0 {
			return nil, fmt.Errorf("%w; events come with POST, or with GET and data in the query", adapters.ErrNotServed)
		}
	default:
		return nil, fmt.Errorf("%w: %s", adapters.ErrNotServed, e.Method)
	}
	if form, ok := formOf(e, text); ok {
		text = []byte(form.Get("data"))
		if h := form.Get("compression"); h != "" && hint == "" {
			hint = h
		}
	}
	return unfold(text, hint, scratch, limits)
}

// formOf reads a body that is a form with the field data. A beacon has no type that says so.
func formOf(e adapters.Envelope, text []byte) (url.Values, bool) {
	typed := strings.HasPrefix(strings.ToLower(e.Header.Get("Content-Type")), "application/x-www-form-urlencoded")
	if !typed && !bytes.HasPrefix(text, []byte("data=")) || isGzip(text) {
		return nil, false
	}
	form, _ := url.ParseQuery(string(text)) // what cannot be parsed has no data
	return form, form.Has("data")
}

func isGzip(text []byte) bool { return len(text) > 2 && text[0] == 0x1f && text[1] == 0x8b }

// layers is how many codings a body may lie in: gzip, base64 and once more base64.
const layers = 4

// unfold undoes codings until JSON is there.
func unfold(text []byte, hint string, scratch *bytes.Buffer, limits adapters.Limits) ([]byte, error) {
	for range layers {
		trimmed := bytes.TrimSpace(text)
		switch {
		case isGzip(text):
			err := gunzip(text, scratch, limits)
			if err != nil {
				return nil, err
			}
			text, scratch = scratch.Bytes(), new(bytes.Buffer)
			continue
		case len(trimmed) == 0:
			return nil, adapters.Unreadable("the body is empty")
		case trimmed[0] == '{' || trimmed[0] == '[':
			return trimmed, nil
		case strings.HasPrefix(hint, "lz"):
			plain, ok := lzFromBase64(string(trimmed), int(limits.MaxBody()))
			if !ok {
				return nil, adapters.Unreadable("the body is not lz-string in base64, although compression says so")
			}
			text, hint = plain, ""
			continue
		}
		plain, err := unbase64(trimmed)
		if err != nil {
			return nil, adapters.Unreadable("the body is neither JSON nor base64 of it")
		}
		text = plain
	}
	return nil, adapters.Unreadable("the body is coded more than %d times", layers)
}

// readers keep the tables of gzip, which are larger than most bodies.
var readers = sync.Pool{New: func() any { return new(gzip.Reader) }}

func gunzip(text []byte, into *bytes.Buffer, limits adapters.Limits) error {
	r := readers.Get().(*gzip.Reader)
	defer readers.Put(r)
	if err := r.Reset(bytes.NewReader(text)); err != nil {
		return adapters.Unreadable("gzip: %v", err)
	}
	n, err := io.Copy(into, io.LimitReader(r, limits.MaxBody()+1))
	if n > limits.MaxBody() {
		return fmt.Errorf("%w: a body may unfold to %d bytes; send fewer events at a time", adapters.ErrTooLarge, limits.MaxBody())
	}
	if err != nil {
		return adapters.Unreadable("gzip: %v", err)
	}
	return nil
}

var errBase64 = errors.New("not base64")

// unbase64 reads base64 of either alphabet, with or without padding. In a form that was not escaped a plus reads as a
// space (rust/capture/src/payload/common.rs).
func unbase64(text []byte) ([]byte, error) {
	s := strings.TrimRight(alphabet.Replace(string(text)), "=")
	plain, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil || len(plain) == 0 {
		return nil, errBase64
	}
	return plain, nil
}

var alphabet = strings.NewReplacer("-", "+", "_", "/", " ", "+", "\r", "", "\n", "")
