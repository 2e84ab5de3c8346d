package problem_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/problem"
)

func respond(t *testing.T, err error) (*httptest.ResponseRecorder, map[string]any, string) {
	t.Helper()
	var log bytes.Buffer
	w := httptest.NewRecorder()
	problem.Respond(w, slog.New(slog.NewTextHandler(&log, nil)), "req-1", err)
	body := map[string]any{}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%s: %v", w.Body, err)
	}
	return w, body, log.String()
}

func TestEveryKindHasItsStatus(t *testing.T) {
	cases := []struct {
		err    error
		status int
		header string // of the answer, which must be there
	}{
		{problem.ErrUnreadable, 400, ""},
		{problem.ErrUnauthorized, 401, "WWW-Authenticate"},
		{problem.ErrForbidden, 403, ""},
		{problem.ErrNotFound, 404, ""},
		{problem.ErrMethod, 405, ""},
		{problem.MethodNotAllowed("GET", "POST"), 405, "Allow"},
		{problem.ErrConflict, 409, ""},
		{problem.ErrPrecondition, 412, ""},
		{problem.ErrTooLarge, 413, ""},
		{&http.MaxBytesError{Limit: 7}, 413, ""},
		{problem.ErrMediaType, 415, ""},
		{problem.ErrInvalid, 422, ""},
		{problem.ErrTooMany, 429, "Retry-After"},
		{problem.ErrUnavailable, 503, "Retry-After"},
		{context.DeadlineExceeded, 503, "Retry-After"},
		{errors.New("something else"), 500, ""},
		{problem.Problem{Status: 200}, 500, ""},
	}
	for _, c := range cases {
		t.Run(c.err.Error(), func(t *testing.T) {
			w, body, _ := respond(t, fmt.Errorf("why: %w", c.err))
			if w.Code != c.status || body["status"] != float64(c.status) {
				t.Errorf("%d and %v, want %d", w.Code, body["status"], c.status)
			}
			if w.Header().Get("Content-Type") != problem.ContentType || body["type"] != "about:blank" || body["instance"] != "req-1" {
				t.Errorf("not RFC 9457: %v %s", w.Header(), w.Body)
			}
			if body["title"] != http.StatusText(c.status) || body["detail"] == "" {
				t.Errorf("title %v, detail %v", body["title"], body["detail"])
			}
			if c.header != "" && w.Header().Get(c.header) == "" {
				t.Errorf("%s is missing: %v", c.header, w.Header())
			}
		})
	}
}

// What went wrong inside is for the log, whoever wraps it in whatever.
func TestFailuresOfOursStayInside(t *testing.T) {
	inside := "pebble: /var/lib/secret is corrupt"
	for _, err := range []error{
		errors.New(inside),
		fmt.Errorf("%w: %s", problem.ErrUnavailable, inside),
		problem.Problem{Status: 502, Detail: inside, Errors: []problem.FieldError{{Pointer: "/secret", Detail: inside}}},
	} {
		w, _, log := respond(t, err)
		if strings.Contains(w.Body.String(), "secret") {
			t.Errorf("the client reads %s", w.Body)
		}
		if !strings.Contains(log, inside) || !strings.Contains(log, "req-1") {
			t.Errorf("the log says %q", log)
		}
	}
	if _, _, log := respond(t, problem.ErrNotFound); log != "" {
		t.Errorf("a client's fault is logged: %s", log)
	}
}

func TestWrite(t *testing.T) {
	w := httptest.NewRecorder()
	p := problem.Invalid("2 faults & <more>", problem.FieldError{Pointer: "/batch/3/variant", Detail: "is required"})
	p.Type, p.Title, p.Instance, p.RetryAfter = "urn:example", "No", "i-1", 1200*time.Millisecond
	p.Extension = []byte(`"accepted":0`)
	problem.Write(w, p)
	want := `{"type":"urn:example","title":"No","status":422,"detail":"2 faults & <more>","instance":"i-1",` +
		`"errors":[{"pointer":"/batch/3/variant","detail":"is required"}],"accepted":0}` + "\n"
	if w.Body.String() != want {
		t.Errorf("wrote %s\nwant  %s", w.Body, want)
	}
	if w.Header().Get("Retry-After") != "2" {
		t.Errorf("Retry-After: %s, but a sender must not come too early", w.Header().Get("Retry-After"))
	}
}

func TestConstructors(t *testing.T) {
	for status, p := range map[int]problem.Problem{
		400: problem.BadRequest("d"), 401: problem.Unauthorized("Bearer", "d"), 403: problem.Forbidden("d"), 404: problem.NotFound("d"),
		409: problem.Conflict("d"), 412: problem.PreconditionFailed("d"), 413: problem.TooLarge("d"), 415: problem.UnsupportedMediaType("d"),
		422: problem.Invalid("d"), 429: problem.TooMany(time.Second, "d"),
	} {
		if p.Status != status || p.Error() != "d" {
			t.Errorf("%d: %+v", status, p)
		}
	}
	if p := problem.Unavailable(time.Second); p.Status != 503 || p.Error() != "Service Unavailable" {
		t.Errorf("%+v", p)
	}
}

func TestExpectedIsNotLogged(t *testing.T) {
	for _, expected := range []bool{false, true} {
		var log bytes.Buffer
		p := problem.Unavailable(time.Second)
		p.Expected = expected
		w := httptest.NewRecorder()
		problem.Respond(w, slog.New(slog.NewTextHandler(&log, nil)), "req-1", p)
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), "req-1") {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		if logged := log.Len() > 0; logged == expected {
			t.Errorf("expected %t, and logged %q", expected, log.String())
		}
	}
}
