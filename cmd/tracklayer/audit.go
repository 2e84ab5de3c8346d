package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/tracklayer/tracklayer/config"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/store"
	"github.com/tracklayer/tracklayer/stream"
)

func auditFlags(args, environ []string) (cfg config.Config, fromLog bool, err error) {
	set := flag.NewFlagSet("audit", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	from := set.Bool("from-log", false, "")
	flags := config.RegisterFlags(set)
	rest, err := config.ParseFlags(set, args)
	if err != nil {
		return cfg, false, err
	}
	if len(rest) > 0 {
		return cfg, false, &usageError{fmt.Sprintf("%q is one argument too many", rest[0])}
	}
	cfg, err = flags.Load(environ, os.ReadFile)
	return cfg, *from, err
}

// auditLog folds the log up to the state's sequence into a state beside it and compares every record of both.
func auditLog(ctx context.Context, cfg config.Config, s streams, fold *core.Fold) (err error) {
	log, err := stream.Open(ctx, streamOptions(cfg, newLogger(s.err, cfg.Log)))
	if err != nil {
		return err
	}
	defer log.Close()
	last, err := log.LastSeq(ctx)
	if err != nil {
		return err
	}
	if seq := fold.Seq(); seq > last {
		return fmt.Errorf("the state has counted up to sequence %d, but the log ends at %d: it is another log, or an older copy", seq, last)
	}
	beside := statePath(cfg) + ".auditing"
	defer func() { err = errors.Join(err, os.RemoveAll(beside)) }()
	if err := os.RemoveAll(beside); err != nil {
		return err
	}
	if err := refold(ctx, log, beside, fold.Seq()); err != nil {
		return err
	}
	db, err := store.Open(beside, store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	anew, err := core.Open(db)
	if err != nil {
		return err
	}
	diff, err := fold.Compare(anew)
	if err != nil || len(diff) == 0 {
		return err
	}
	return fmt.Errorf("the state differs from the log in %d kinds of records; tracklayer rebuild makes it anew:\n%s", len(diff), strings.Join(diff, "\n"))
}
