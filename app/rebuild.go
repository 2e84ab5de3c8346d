package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/config"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/history"
	"github.com/tracklayer/tracklayer/stream"
)

// Rebuilt is what Rebuild did.
type Rebuilt struct {
	Records int64    // of the log, that the state was made from
	Lost    []string // what was accepted as lost, one line each. It is set beside an error too, once it was accepted.
	Aside   string   // the folder of the former state; "": there was none
	Unread  error    // why the former state could not be read, so that nothing was compared; nil: it could
}

// Rebuild folds the whole log into a state beside the old one. It puts that in the place of the old one only if nothing
// would be lost by it, or if force accepts the loss. The old state stays beside it. No Program may use the data folder
// meanwhile. Of the options it reads Log and Fatal.
func Rebuild(ctx context.Context, cfg config.Config, force bool, o Options) (r Rebuilt, err error) {
	o = o.complete()
	lock, err := hold(cfg)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	before, unknown, err := holdings(statePath(cfg), o)
	if err != nil {
		return r, err
	}
	if err := noLog(cfg, before.Seq); err != nil && !force {
		return r, err
	}
	events, err := stream.Open(ctx, streamOptions(cfg, o.Log))
	if err != nil {
		return r, err
	}
	defer events.Close()
	last, err := events.LastSeq(ctx)
	if err != nil {
		return r, err
	}
	fresh := statePath(cfg) + ".rebuilding"
	if err := os.RemoveAll(fresh); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(fresh)) }()
	made, err := refold(ctx, events, fresh, last, o)
	if err != nil {
		return r, fmt.Errorf("not rebuilt, the state is as it was: %w", err)
	}
	if losses := losses(before, made, events, last); len(losses) > 0 {
		if !force {
			return r, fmt.Errorf("not rebuilt: the log holds less than it once did, and the state that would come of it would lose\n  %s\nThe state is as it was. Give the log back from a backup of %s; to accept the loss: tracklayer rebuild --force", strings.Join(losses, "\n  "), logPath(cfg))
		}
		r.Lost = losses
		if err := accept(events, made); err != nil {
			return r, err
		}
	}
	if r.Aside, err = replace(cfg, fresh); err != nil {
		return r, err
	}
	r.Records, r.Unread = made.records, unknown
	return r, nil
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
func holdings(dir string, o Options) (h core.Holdings, unknown, err error) {
	if !exists(dir) {
		return h, nil, nil
	}
	db, fold, err := openStore(dir, o.Log, o.Fatal)
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
		lines = append(lines, fmt.Sprintf("%d records that are missing on the log: %s", core.Count(missing), history.Ranges(missing)))
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
func refold(ctx context.Context, log *stream.Log, dir string, last uint64, o Options) (m made, err error) {
	db, fold, err := openStore(dir, o.Log, o.Fatal)
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
