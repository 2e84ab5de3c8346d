// Package problem is where an error becomes an answer over HTTP: RFC 9457, application/problem+json. It exists so that
// every endpoint and every page refuses in one form, and so that one place decides what a client may read about a failure
// of ours: nothing but that it happened.
//
// It knows the standard library only. The ingest endpoints and the pages import it; what measures, stores or decodes must not,
// because an error there is no HTTP status yet.
package problem

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ContentType is the media type of a Problem's JSON.
const ContentType = "application/problem+json"

// Problem is one answer that says no. It is an error as well, so that it can travel as one until it is written.
type Problem struct {
	Type     string       // a URI that names the kind of problem; "" is written as about:blank
	Title    string       // the kind in a few words; "" is the status's own text
	Status   int          // 400 to 599; anything else is written as 500
	Detail   string       // what to fix. Of a 5xx the client never reads it
	Cause    string       // of a 503: what the client may read about it
	Instance string       // the id of this request, by which the log can be searched
	Errors   []FieldError // the single faults
	Expected bool         // of a 5xx: it is no failure of ours, so Respond does not log it

	RetryAfter time.Duration // when the same request may come again; written in whole seconds, 0 leaves the header out
	Challenge  string        // WWW-Authenticate, which a 401 must have
	Allow      []string      // the methods that would have been right, which a 405 must have
	Extension  []byte        // further members as JSON text without braces: "accepted":0,"rejected":2
}

// FieldError is one fault in what was sent.
type FieldError struct {
	Pointer string `json:"pointer"` // RFC 6901, "" for the whole text
	Detail  string `json:"detail"`
}

// Error is the detail, or the title where there is none.
func (p Problem) Error() string {
	if p.Detail != "" {
		return p.Detail
	}
	return p.title()
}

func (p Problem) title() string {
	if p.Title != "" {
		return p.Title
	}
	return http.StatusText(p.status())
}

func (p Problem) status() int {
	if p.Status < 400 || p.Status > 599 {
		return http.StatusInternalServerError
	}
	return p.Status
}

// BadRequest is a text that cannot be read at all.
func BadRequest(detail string, faults ...FieldError) Problem {
	return Problem{Status: http.StatusBadRequest, Detail: detail, Errors: faults}
}

// Unauthorized is a request without a key. The challenge says how to present one.
func Unauthorized(challenge, detail string) Problem {
	return Problem{Status: http.StatusUnauthorized, Challenge: challenge, Detail: detail}
}

// Forbidden is a request with a key that does not open this.
func Forbidden(detail string) Problem { return Problem{Status: http.StatusForbidden, Detail: detail} }

// NotFound is a thing that is not there.
func NotFound(detail string) Problem { return Problem{Status: http.StatusNotFound, Detail: detail} }

// MethodNotAllowed is a route that exists, asked in a way it does not know.
func MethodNotAllowed(allow ...string) Problem {
	return Problem{
		Status: http.StatusMethodNotAllowed, Allow: allow,
		Detail: "This route does not know that method. It knows " + strings.Join(allow, ", ") + ".",
	}
}

// Conflict is a change that does not fit what is stored.
func Conflict(detail string) Problem { return Problem{Status: http.StatusConflict, Detail: detail} }

// PreconditionFailed is a change of something that another client has changed since it was read.
func PreconditionFailed(detail string) Problem {
	return Problem{Status: http.StatusPreconditionFailed, Detail: detail}
}

// TooLarge is a request over a limit.
func TooLarge(detail string) Problem {
	return Problem{Status: http.StatusRequestEntityTooLarge, Detail: detail}
}

// UnsupportedMediaType is a content type or coding that is not read here.
func UnsupportedMediaType(detail string) Problem {
	return Problem{Status: http.StatusUnsupportedMediaType, Detail: detail}
}

// Invalid is a text that can be read and says something that cannot be taken.
func Invalid(detail string, faults ...FieldError) Problem {
	return Problem{Status: http.StatusUnprocessableEntity, Detail: detail, Errors: faults}
}

// TooMany is a sender that has to slow down.
func TooMany(after time.Duration, detail string) Problem {
	return Problem{Status: http.StatusTooManyRequests, RetryAfter: after, Detail: detail}
}

// Unavailable is a request that could be taken at another moment.
func Unavailable(after time.Duration) Problem {
	return Problem{Status: http.StatusServiceUnavailable, RetryAfter: after}
}

// Busy is Unavailable with a cause that the client may read.
func Busy(after time.Duration, cause string) Problem {
	return Problem{Status: http.StatusServiceUnavailable, RetryAfter: after, Cause: cause}
}

// Internal is a failure of ours.
func Internal() Problem { return Problem{Status: http.StatusInternalServerError} }

// public is the only thing that a client reads about a failure of ours.
func public(status int) string {
	if status == http.StatusServiceUnavailable {
		return "This cannot be done right now. Send the same request again after the seconds that Retry-After names."
	}
	return "The server failed on this request. Its log has the reason under the id in instance."
}

// AppendJSON writes the problem as it goes to the client: of a 5xx neither the detail nor the single faults.
func (p Problem) AppendJSON(dst []byte) []byte {
	out := struct {
		Type     string       `json:"type"`
		Title    string       `json:"title"`
		Status   int          `json:"status"`
		Detail   string       `json:"detail,omitempty"`
		Instance string       `json:"instance,omitempty"`
		Errors   []FieldError `json:"errors,omitempty"`
	}{p.Type, p.title(), p.status(), p.Detail, p.Instance, p.Errors}
	if out.Type == "" {
		out.Type = "about:blank"
	}
	if out.Status >= 500 {
		out.Detail, out.Errors = public(out.Status), nil
		if p.Cause != "" {
			out.Detail = p.Cause + " " + out.Detail
		}
	}
	buf := bytes.NewBuffer(dst)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(out) // neither a buffer nor strings and numbers can fail
	dst = buf.Bytes()
	if len(p.Extension) == 0 {
		return dst
	}
	dst = append(dst[:len(dst)-len("}\n")], ',')
	return append(append(dst, p.Extension...), '}', '\n')
}

// Write answers with the problem. Headers that are set already stay.
func Write(w http.ResponseWriter, p Problem) {
	body := p.AppendJSON(nil)
	h := w.Header()
	h.Set("Content-Type", ContentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64(math.Ceil(p.RetryAfter.Seconds())), 10))
	}
	if p.Challenge != "" {
		h.Set("WWW-Authenticate", p.Challenge)
	}
	if len(p.Allow) > 0 {
		h.Set("Allow", strings.Join(p.Allow, ", "))
	}
	w.WriteHeader(p.status())
	_, _ = w.Write(body) // a client that has gone away hears nothing
}
