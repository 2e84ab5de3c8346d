package adapters

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/tracklayer/tracklayer/canonical"
)

// ReadRequest reads a request written as HTTP/1.1 text: request line, headers, a blank line, the body. Lines end in LF
// or CRLF. The body is everything after the blank line, cut at Content-Length where that is smaller, so that a text
// file may end in a line break that the request did not have; it is neither decompressed nor unchunked. The path stays
// as it stands in the request line. What cannot be read wraps ErrUnreadable.
func ReadRequest(r io.Reader, receivedAt canonical.Time) (Envelope, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return Envelope{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	line, rest := cutLine(text)
	e := Envelope{Header: http.Header{}, ReceivedAt: receivedAt}
	if err := e.readRequestLine(line); err != nil {
		return Envelope{}, err
	}
	for len(rest) > 0 {
		if line, rest = cutLine(rest); line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !httpguts.ValidHeaderFieldName(name) {
			return Envelope{}, Unreadable("%.60q is not a header", line)
		}
		e.Header.Add(name, textproto.TrimString(value))
	}
	e.Body = rest
	if length := e.Header.Get("Content-Length"); length != "" {
		n, err := strconv.ParseUint(length, 10, 63)
		if err != nil {
			return Envelope{}, Unreadable("Content-Length: %.40q is not a length", length)
		}
		if n < uint64(len(rest)) {
			e.Body = rest[:n]
		}
	}
	return e, nil
}

func (e *Envelope) readRequestLine(line string) error {
	parts := strings.Split(line, " ")
	if len(parts) != 3 || !httpguts.ValidHeaderFieldName(parts[0]) || parts[1] == "" || !strings.HasPrefix(parts[2], "HTTP/1.") {
		return Unreadable("%.60q is not a request line such as %q", line, "POST /path HTTP/1.1")
	}
	e.Method = parts[0]
	e.Path, e.RawQuery, _ = strings.Cut(parts[1], "?")
	return nil
}

// cutLine takes the first line off text, without its end.
func cutLine(text []byte) (line string, rest []byte) {
	head, rest, _ := bytes.Cut(text, []byte{'\n'})
	return string(bytes.TrimSuffix(head, []byte{'\r'})), rest
}

// WriteRequest writes what ReadRequest reads, with CRLF and the headers in byte order. A Content-Length is written as
// the length that the body has now, because an envelope's body may have been decompressed since. An empty path is
// written as "/". What cannot stand in HTTP text (a line break in a header, say) is refused before anything is written.
func WriteRequest(w io.Writer, e Envelope) error {
	target := e.Path
	if target == "" {
		target = "/"
	}
	if e.RawQuery != "" {
		target += "?" + e.RawQuery
	}
	if !httpguts.ValidHeaderFieldName(e.Method) || strings.ContainsAny(target, " \r\n") || strings.Contains(e.Path, "?") {
		return fmt.Errorf("%.20q %.100q cannot stand in a request line", e.Method, target)
	}
	text := fmt.Appendf(nil, "%s %s HTTP/1.1\r\n", e.Method, target)
	for _, name := range slices.Sorted(maps.Keys(e.Header)) {
		values := e.Header[name]
		if http.CanonicalHeaderKey(name) == "Content-Length" {
			values = []string{strconv.Itoa(len(e.Body))}
		}
		for _, value := range values {
			if !httpguts.ValidHeaderFieldName(name) || strings.ContainsAny(value, "\r\n") {
				return fmt.Errorf("header %.40q cannot stand in HTTP text", name)
			}
			text = fmt.Appendf(text, "%s: %s\r\n", name, value)
		}
	}
	text = append(append(text, "\r\n"...), e.Body...)
	_, err := w.Write(text)
	return err
}
