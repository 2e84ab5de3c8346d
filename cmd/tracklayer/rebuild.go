package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/config"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/stream"
)

func rebuildFlags(args, environ []string) (cfg config.Config, force bool, err error) {
	set := flag.NewFlagSet("rebuild", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	forced := set.Bool("force", false, "Replace the state even if the new one has less in it.")
	flags := config.RegisterFlags(set)
	rest, err := config.ParseFlags(set, args)
	if err != nil {
		return cfg, false, err
	}
	if len(rest) > 0 {
		return cfg, false, &usageError{fmt.Sprintf("%q is one argument too many", rest[0])}
	}
	cfg, err = flags.Load(environ, os.ReadFile)
	return cfg, *forced, err
}

// rebuild folds the whole log into a state beside the old one. It puts that in the place of the old one only if nothing
// would be lost by it, or if the loss is accepted. The old state stays beside it.
func rebuild(ctx context.Context, args []string, s streams, environ []string) (err error) {
	cfg, force, err := rebuildFlags(args, environ)
	if err != nil {
		return err
	}
	logger := newLogger(s.err, cfg.Log)
	lock, err := hold(cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	before, unknown, err := holdings(statePath(cfg), logger)
	if err != nil {
		return err
	}
	if err := noLog(cfg, before.Seq); err != nil && !force {
		return err
	}
	events, err := stream.Open(ctx, streamOptions(cfg, logger))
	if err != nil {
		return err
	}
	defer events.Close()
	last, err := events.LastSeq(ctx)
	if err != nil {
		return err
	}
	fresh := statePath(cfg) + ".rebuilding"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(fresh)) }()
	made, err := refold(ctx, events, fresh, last, logger)
	if err != nil {
		return fmt.Errorf("not rebuilt, the state is as it was: %w", err)
	}
	if losses := losses(before, made, events, last); len(losses) > 0 {
		if !force {
			return fmt.Errorf("not rebuilt: the log holds less than it once did, and the state that would come of it would lose\n  %s\nThe state is as it was. Give the log back from a backup of %s; to accept the loss: tracklayer rebuild --force", strings.Join(losses, "\n  "), logPath(cfg))
		}
		fmt.Fprintf(s.out, "Accepted as lost:\n  %s\n", strings.Join(losses, "\n  "))
		if err := accept(events, made); err != nil {
			return err
		}
	}
	aside, err := replace(cfg, fresh)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "The state was made again from %d records of the log.\n", made.records)
	if aside != "" {
		fmt.Fprintf(s.out, "The former state is kept as %s; remove it once you do not need it.\n", aside)
	}
	if unknown != nil {
		fmt.Fprintf(s.out, "The former state could not be read (%v), so it was not compared.\n", unknown)
	}
	return nil
}

// noLog refuses to make a state from an embedded log that is not there.
func noLog(cfg config.Config, counted uint64) error {
	if !cfg.NATS.URL.IsZero() || exists(logPath(cfg)) {
		return nil
	}
	reached, err := stream.Reached(logPath(cfg))
	if err != nil {
		return err
	}
	return fmt.Errorf("not rebuilt: there is no log at %s, and nothing was changed. The state holds the only count of the records up to sequence %d. Give the log back from a backup; tracklayer rebuild --force makes an empty state", logPath(cfg), max(reached, counted))
}

// replace puts a state in the place of the former one, which stays beside it as aside. Copies of the former state are not
// to be trusted any more than itself.
func replace(cfg config.Config, fresh string) (aside string, err error) {
	if aside, err = setAside(statePath(cfg), beforeSuffix); err != nil {
		return aside, err
	}
	if err := errors.Join(os.Rename(fresh, statePath(cfg)), os.RemoveAll(historyPath(cfg)), os.RemoveAll(suspectPath(cfg))); err != nil {
		return aside, fmt.Errorf("the former state is %s: %w", aside, err)
	}
	return aside, nil
}

// holdings reads what a state has counted. unknown says why that cannot be read: the state is damaged, missing or of
// another version.
func holdings(dir string, log *slog.Logger) (h core.Holdings, unknown, err error) {
	if !exists(dir) {
		return h, nil, nil
	}
	db, fold, err := openStore(dir, log, fatal(log))
	if err != nil {
		if errors.Is(err, core.ErrFormat) || damaged(err) {
			return h, err, nil
		}
		return h, nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	h, unknown = fold.Holdings()
	return h, unknown, nil
}

// made is a state that was folded from the log.
type made struct {
	core.Holdings
	records int64 // that were read
	missing []core.Range
}

// losses says in lines what a state from the log lacks.
func losses(before core.Holdings, m made, events *stream.Log, last uint64) (lines []string) {
	cut, accepted := events.Lost()
	missing := core.Subtract(m.missing, rangesOf(accepted))
	if len(missing) > 0 {
		lines = append(lines, fmt.Sprintf("%d records that are missing on the log: %s", core.Count(missing), sayRanges(missing)))
	}
	end := last
	for _, r := range cut {
		end = max(end, r.To)
		lines = append(lines, fmt.Sprintf("%d records at the end of the log that were stored once: %d-%d", r.To-r.From+1, r.From, r.To))
	}
	if before.Seq > end {
		lines = append(lines, fmt.Sprintf("%d records that the state has counted after the end of the log: %d-%d", before.Seq-last, last+1, before.Seq))
	}
	for _, source := range slices.Sorted(maps.Keys(before.Sources)) {
		had, has := before.Sources[source], m.Sources[source]
		switch {
		case has.Accepted+has.Erased < had.Accepted+had.Erased && has.Accepted < had.Accepted:
			lines = append(lines, fmt.Sprintf("%d accepted events of source %q: %d of %d are left", had.Accepted-has.Accepted, source, has.Accepted, had.Accepted))
		case has.Messages < had.Messages:
			lines = append(lines, fmt.Sprintf("%d deliveries of source %q: %d of %d are left", had.Messages-has.Messages, source, has.Messages, had.Messages))
		}
	}
	if before.Erasures == m.Erasures && m.Persons < before.Persons && len(lines) > 0 {
		lines = append(lines, fmt.Sprintf("%d persons: %d of %d are left", before.Persons-m.Persons, m.Persons, before.Persons))
	}
	return lines
}

// accept writes down what is missing now, so that it is not reported again.
func accept(events *stream.Log, m made) error {
	_, accepted := events.Lost()
	all := core.Union(m.missing, rangesOf(accepted))
	list := make([]stream.Range, len(all))
	for i, r := range all {
		list[i] = stream.Range(r)
	}
	return events.Accept(list)
}

// refold folds the log through the sequence last into a new state.
func refold(ctx context.Context, log *stream.Log, dir string, last uint64, logger *slog.Logger) (m made, err error) {
	db, fold, err := openStore(dir, logger, fatal(logger))
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	next := uint64(1)
	var passed []core.Range
	err = log.Replay(ctx, 1, last, foldBatch, func(records []canonical.Record) error {
		for i := range records {
			if seq := records[i].Seq; seq > next {
				passed = append(passed, core.Range{From: next, To: seq - 1})
			}
			next = records[i].Seq + 1
		}
		m.records += int64(len(records))
		return fold.Apply(records)
	})
	if err != nil {
		return m, err
	}
	if next <= last {
		passed = append(passed, core.Range{From: next, To: last})
	}
	if err := fold.Settle(); err != nil {
		return m, err
	}
	erased, err := fold.ErasedSequences()
	if err != nil {
		return m, err
	}
	m.missing = core.Without(passed, erased)
	m.Holdings, err = fold.Holdings()
	return m, err
}
