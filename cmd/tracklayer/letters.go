package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"text/tabwriter"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/config"
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
		if letter, ok := result.(stream.Buried); ok {
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
	result, err := p.door.Replay(ctx, webhooks.DeadLetter{
		Source: letter.Source, ReceivedAt: letter.ReceivedAt, Reason: letter.Reason, Rejected: letter.Rejected, Items: letter.Items, Request: letter.Request,
	}, seq)
	if err != nil || result.Rejected > 0 || letter.Rejected > len(letter.Items) && len(letter.Items) > 0 { // not all items are listed
		return result, err
	}
	return result, p.events.Unbury(ctx, seq)
}

// deadletter asks a running TrackLayer about its dead letters.
func deadletter(ctx context.Context, args []string, s streams, environ []string) error {
	set := flag.NewFlagSet("deadletter", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	source := set.String("source", "", "List the dead letters of this `source` only.")
	presented := set.String("key", "", "An admin `key`, if the admin listener asks for one.")
	flags := config.RegisterFlags(set)
	rest, err := config.ParseFlags(set, args)
	if err != nil {
		return err
	}
	cfg, err := flags.Load(environ, os.ReadFile)
	if err != nil {
		return err
	}
	by, err := client(cfg)
	if err != nil {
		return err
	}
	ask := func(method, path string) ([]byte, error) {
		return call(ctx, by, method, scheme(cfg)+"://"+dialable(cfg.AdminListen.String())+path, *presented)
	}
	switch {
	case len(rest) == 1 && rest[0] == "list":
		return listLetters(s.out, *source, ask)
	case len(rest) == 2 && rest[0] == "show":
		body, err := ask(http.MethodGet, "/deadletters/"+rest[1])
		if err == nil {
			_, err = s.out.Write(body)
		}
		return err
	case len(rest) == 2 && rest[0] == "replay":
		body, err := ask(http.MethodPost, "/deadletters/"+rest[1]+"/replay")
		if err == nil {
			_, err = s.out.Write(body)
		}
		return err
	}
	return &usageError{"deadletter takes list, show SEQ or replay SEQ"}
}

func listLetters(w io.Writer, source string, ask func(method, path string) ([]byte, error)) error {
	t := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	fmt.Fprintln(t, "seq\treceived\tsource\titems\treason")
	for after := uint64(0); ; {
		body, err := ask(http.MethodGet, "/deadletters?after="+strconv.FormatUint(after, 10)+"&source="+source)
		if err != nil {
			return err
		}
		var letters []stream.Buried
		if err := json.Unmarshal(body, &letters); err != nil {
			return fmt.Errorf("the answer is no list of dead letters: %w", err)
		}
		if len(letters) == 0 {
			return t.Flush()
		}
		for _, l := range letters {
			items := "all"
			if l.Rejected > 0 {
				items = strconv.Itoa(l.Rejected)
			}
			fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\n", l.Seq, l.ReceivedAt, l.Source, items, l.Reason)
			after = l.Seq
		}
	}
}
