package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"text/tabwriter"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/config"
)

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
		var letters []canonical.DeadLetter
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
