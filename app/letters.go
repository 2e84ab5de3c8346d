package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/stream"
	"github.com/tracklayer/tracklayer/webhooks"
)

// letterRoutes are the dead letters' part of the admin listener.
func (p *Program) letterRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /deadletters", p.letterDoor(func(r *http.Request, _ uint64) (any, error) {
		after, _ := strconv.ParseUint(r.URL.Query().Get("after"), 10, 64) // from the beginning where it says nothing
		return p.events.DeadLetters(r.Context(), r.URL.Query().Get("source"), after, 1000)
	}))
	mux.HandleFunc("GET /deadletters/{seq}", p.letterDoor(func(r *http.Request, seq uint64) (any, error) {
		return p.events.DeadLetter(r.Context(), seq)
	}))
	mux.HandleFunc("POST /deadletters/{seq}/replay", p.letterDoor(func(r *http.Request, seq uint64) (any, error) {
		return p.replay(r.Context(), seq)
	}))
}

// letterDoor answers one request about dead letters with JSON, a letter itself with its request.
func (p *Program) letterDoor(do func(r *http.Request, seq uint64) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var seq uint64
		var err error
		if number := r.PathValue("seq"); number != "" {
			if seq, err = strconv.ParseUint(number, 10, 64); err != nil {
				problem.Write(w, problem.BadRequest(fmt.Sprintf("%.40q is not the number of a dead letter", number)))
				return
			}
		}
		result, err := do(r, seq)
		switch {
		case errors.Is(err, stream.ErrNoLetter):
			err = problem.NotFound(err.Error())
		case errors.Is(err, adapters.ErrUnreadable):
			err = problem.Invalid(err.Error())
		}
		if err != nil {
			problem.Respond(w, p.log, "", err)
			return
		}
		if letter, ok := result.(canonical.DeadLetter); ok {
			w.Header().Set("Content-Type", "application/octet-stream")
			text, _ := p.unpack(letter.Request)
			_, _ = w.Write(text) // the caller has gone away, or has it
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(result) // the same
	}
}

// unpack is the request of a dead letter as a reader wants it.
func (p *Program) unpack(request []byte) ([]byte, bool) {
	return webhooks.Unpack(request, int64(p.cfg.Limits.Body), adapters.WriteRequest)
}

// replay gives a dead letter another try and removes it once nothing of it is rejected any more.
func (p *Program) replay(ctx context.Context, seq uint64) (webhooks.Replayed, error) {
	letter, err := p.events.DeadLetter(ctx, seq)
	if err != nil {
		return webhooks.Replayed{}, err
	}
	if letter.Cut {
		return webhooks.Replayed{}, fmt.Errorf("%w: the request was too large to be kept whole", adapters.ErrUnreadable)
	}
	result, err := p.ingest.Replay(ctx, letter)
	if err != nil || result.Rejected > 0 || letter.Rejected > len(letter.Items) && len(letter.Items) > 0 { // not all items are listed
		return result, err
	}
	return result, p.events.RemoveDeadLetter(ctx, seq)
}
