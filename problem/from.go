package problem

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"
)

// The kinds of error that a client can do something about. Wrap one with what to do, and From finds the status:
//
//	fmt.Errorf("%w: no experiment has the id %q", problem.ErrNotFound, id)
var (
	ErrUnreadable   = errors.New("the request cannot be read")
	ErrUnauthorized = errors.New("a key is required")
	ErrForbidden    = errors.New("the key does not open this")
	ErrNotFound     = errors.New("not found")
	ErrMethod       = errors.New("the method is not known here")
	ErrConflict     = errors.New("this does not fit what is stored")
	ErrPrecondition = errors.New("it was changed since it was read")
	ErrTooLarge     = errors.New("the request is too large")
	ErrMediaType    = errors.New("the content type or coding is not read here")
	ErrInvalid      = errors.New("the request cannot be taken")
	ErrTooMany      = errors.New("too many requests")
	ErrUnavailable  = errors.New("not possible right now")
)

var kinds = [...]struct {
	err    error
	status int
}{
	{ErrUnreadable, http.StatusBadRequest},
	{ErrUnauthorized, http.StatusUnauthorized},
	{ErrForbidden, http.StatusForbidden},
	{ErrNotFound, http.StatusNotFound},
	{ErrMethod, http.StatusMethodNotAllowed},
	{ErrConflict, http.StatusConflict},
	{ErrPrecondition, http.StatusPreconditionFailed},
	{ErrTooLarge, http.StatusRequestEntityTooLarge},
	{ErrMediaType, http.StatusUnsupportedMediaType},
	{ErrInvalid, http.StatusUnprocessableEntity},
	{ErrTooMany, http.StatusTooManyRequests},
	{ErrUnavailable, http.StatusServiceUnavailable},
	{context.DeadlineExceeded, http.StatusServiceUnavailable},
	{context.Canceled, http.StatusServiceUnavailable},
}

// retryAfter is told where an error says that later is better, but not when.
const retryAfter = time.Second

// From turns an error into a Problem: the Problem it wraps, else the status of the kind it wraps with the error's own
// words as detail, else a 500.
func From(err error) Problem {
	if p, ok := errors.AsType[Problem](err); ok {
		return p
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return TooLarge(err.Error())
	}
	for _, k := range kinds {
		if !errors.Is(err, k.err) {
			continue
		}
		p := Problem{Status: k.status, Detail: err.Error()}
		switch k.status {
		case http.StatusUnauthorized:
			p.Challenge = "Bearer"
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			p.RetryAfter = retryAfter
		}
		return p
	}
	return Internal()
}

// Respond writes the answer to a request that failed with err and returns its status. What the client must not read
// goes to the log, under the same instance.
func Respond(w http.ResponseWriter, log *slog.Logger, instance string, err error) int {
	p := From(err)
	if p.Instance == "" {
		p.Instance = instance
	}
	if p.status() >= 500 && !p.Expected {
		log.LogAttrs(context.Background(), slog.LevelError, "request failed",
			slog.Int("status", p.status()), slog.String("request_id", p.Instance), slog.Any("error", err))
	}
	Write(w, p)
	return p.status()
}
