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
	"strings"

	"github.com/tracklayer/tracklayer/app"
	"github.com/tracklayer/tracklayer/config"
)

// clockCommand corrects the watermark of a running TrackLayer.
func clockCommand(ctx context.Context, args []string, s streams, environ []string) error {
	set := flag.NewFlagSet("clock", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	to := set.String("to", "", "The `time` (RFC 3339) that the watermark becomes. Required.")
	by := set.String("by", "", "The `name` of who corrects it, for the record.")
	reason := set.String("reason", "", "Why, as a `text` for the record.")
	presented := set.String("key", "", "An admin `key`, if the admin listener asks for one.")
	flags := config.RegisterFlags(set)
	rest, err := config.ParseFlags(set, args)
	if err != nil {
		return err
	}
	if len(rest) != 1 || rest[0] != "correct" || *to == "" {
		return &usageError{"clock takes correct --to TIME"}
	}
	cfg, err := flags.Load(environ, os.ReadFile)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{"to": *to, "by": *by, "reason": *reason})
	if err != nil {
		return err
	}
	caller, err := client(cfg)
	if err != nil {
		return err
	}
	answer, err := callWith(ctx, caller, http.MethodPost, scheme(cfg)+"://"+dialable(cfg.AdminListen.String())+"/v1/clock", *presented, strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	var a app.Corrected
	if err := json.Unmarshal(answer, &a); err != nil {
		return errors.New("the answer cannot be read: " + string(answer))
	}
	fmt.Fprintf(s.out, "The watermark is %s; it was %s. The correction is stored as record %d of the log.\n", a.Watermark, a.Before, a.Seq)
	return nil
}
