package webhooks

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/adapters"
)

// Decompress undoes what a Content-Encoding says, as the ingest endpoints do it, for requests that come from a file. It fails
// with adapters.ErrTooLarge, adapters.ErrUnreadable, or a problem.Problem where a coding is not known.
func Decompress(contentEncoding string, body []byte, limit int64) ([]byte, error) {
	codings, err := codingsOf([]string{contentEncoding})
	if err != nil || len(codings) == 0 {
		return body, err
	}
	f, err := newInflate(limit)
	if err != nil {
		return nil, err
	}
	defer f.zstd.Close()
	var b buffers
	defer b.free()
	text, _, err := f.undoAll(&b, codings, body)
	return bytes.Clone(text), err
}

// Decode makes of a request what the ingest endpoints would, without storing it: the adapter sees the headers that it asked for,
// and where it panics the request is unreadable. A nil log hears nothing of that.
func Decode(s Source, e adapters.Envelope, log *slog.Logger) (adapters.Batch, error) {
	names := make([]string, len(s.Headers))
	for i, name := range s.Headers {
		names[i] = http.CanonicalHeaderKey(name)
	}
	e.Header = only(e.Header, names)
	if err := s.Limits.Check(e.Header.Get("Content-Type"), e.Body); err != nil {
		return adapters.Batch{}, err
	}
	return decode(s, e, func(r any) {
		if log != nil {
			log.Error("an adapter's Decode panicked", slog.String("source", s.Name), slog.String("panic", fmt.Sprintf("%T", r)))
		}
	})
}

// Unpack writes the request of a dead letter with its body decompressed, so that it can be read and searched. It reports
// false if the body cannot be decompressed, or is no text afterwards, or is text that an adapter would unpack further; then
// the request is what could be made of it.
func Unpack(request []byte, limit int64, write func(io.Writer, adapters.Envelope) error) ([]byte, bool) {
	e, err := adapters.ReadRequest(bytes.NewReader(request), 0)
	if err != nil {
		return request, false
	}
	if coding := strings.Join(e.Header.Values("Content-Encoding"), ","); coding != "" {
		body, err := Decompress(coding, e.Body, limit)
		if err != nil {
			return request, false
		}
		e.Body = body
		e.Header.Del("Content-Encoding")
	}
	var text bytes.Buffer
	if err := write(&text, e); err != nil {
		return request, false
	}
	return text.Bytes(), utf8.Valid(e.Body) && !unfolds(e.Body)
}
