package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/tracklayer/tracklayer/app"
	"github.com/tracklayer/tracklayer/config"
)

// offlineFlags reads the flags of a command that works on the data folder while no TrackLayer runs, and one switch.
func offlineFlags(command, name, usage string, args, environ []string) (cfg config.Config, on bool, err error) {
	set := flag.NewFlagSet(command, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	given := set.Bool(name, false, usage)
	flags := config.RegisterFlags(set)
	rest, err := config.ParseFlags(set, args)
	if err != nil {
		return cfg, false, err
	}
	if len(rest) > 0 {
		return cfg, false, &usageError{fmt.Sprintf("%q is one argument too many", rest[0])}
	}
	cfg, err = flags.Load(environ, os.ReadFile)
	return cfg, *given, err
}

// rebuild makes the state again from the log.
func rebuild(ctx context.Context, args []string, s streams, environ []string) error {
	cfg, force, err := offlineFlags("rebuild", "force", "Replace the state even if the new one has less in it.", args, environ)
	if err != nil {
		return err
	}
	logger := newLogger(s.err, cfg.Log)
	r, err := app.Rebuild(ctx, cfg, force, app.Options{Log: logger, Fatal: fatal(logger)})
	if len(r.Lost) > 0 {
		fmt.Fprintf(s.out, "Accepted as lost:\n  %s\n", strings.Join(r.Lost, "\n  "))
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "The state was made again from %d records of the log.\n", r.Records)
	if r.Aside != "" {
		fmt.Fprintf(s.out, "The former state is kept as %s; remove it once you do not need it.\n", r.Aside)
	}
	if r.Unread != nil {
		fmt.Fprintf(s.out, "The former state could not be read (%v), so it was not compared.\n", r.Unread)
	}
	return nil
}

// audit compares the state with its own facts, and the log with what it must hold.
func audit(ctx context.Context, args []string, s streams, environ []string) error {
	cfg, fromLog, err := offlineFlags("audit", "from-log", "Read the whole log and compare with it, not with the stored facts only.", args, environ)
	if err != nil {
		return err
	}
	logger := newLogger(s.err, cfg.Log)
	a, err := app.Audit(ctx, cfg, fromLog, app.Options{Log: logger, Fatal: fatal(logger)})
	if err != nil {
		return err
	}
	if a.Unreadable > 0 {
		fmt.Fprintf(s.out, "%d records of the log are none of what the log holds, and were not counted.\n", a.Unreadable)
	}
	fmt.Fprintf(s.out, "Equal: %d experiments at stream sequence %d.\n", a.Experiments, a.Seq)
	return nil
}
