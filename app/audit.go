package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/tracklayer/tracklayer/config"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/history"
	"github.com/tracklayer/tracklayer/stream"
)

// Audited is a state that agrees with its facts and with its log.
type Audited struct {
	Experiments int
	Seq         uint64 // of the last record that was counted
	Unreadable  int64  // records of the log that could not be read, and were not counted
}

// Audit compares the state with its own facts, and the log with what it must hold: by number, or, if fromLog is set, by
// reading all of it and folding it again. Any difference is an error. No Program may use the data folder meanwhile. Of
// the options it reads Log and Fatal.
func Audit(ctx context.Context, cfg config.Config, fromLog bool, o Options) (a Audited, err error) {
	o = o.complete()
	lock, err := hold(cfg)
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	db, fold, err := openStore(statePath(cfg), o.Log, o.Fatal)
	if err != nil {
		if damaged(err) {
			return a, fmt.Errorf("the state cannot be read; tracklayer serve sets it aside and makes it again from the log, and tracklayer rebuild does so before a start: %w", err)
		}
		return a, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := fold.Settle(); err != nil { // or every person that still waits would differ
		return a, err
	}
	diff, err := fold.Audit()
	if err != nil {
		return a, err
	}
	wrong := auditLog(ctx, cfg, o, fold, fromLog)
	if len(diff) > 0 {
		remedy := "tracklayer rebuild makes it again from the log"
		if wrong != nil {
			remedy = "but the log is no better, see below"
		}
		return a, errors.Join(fmt.Errorf("the state differs from its facts in %d places; %s:\n%s", len(diff), remedy, strings.Join(diff, "\n")), wrong)
	}
	if wrong != nil {
		return a, wrong
	}
	v := fold.View()
	return Audited{Experiments: len(v.Experiments()), Seq: v.Seq, Unreadable: v.Unreadable}, nil
}

// auditLog finds out whether the log is whole and, if all of it is to be read, whether the state is what comes of it.
func auditLog(ctx context.Context, cfg config.Config, o Options, fold *core.Fold, fromLog bool) (err error) {
	if err := checkLog(cfg, fold); err != nil {
		return err
	}
	if !fromLog && (!cfg.NATS.URL.IsZero() || !exists(logPath(cfg))) {
		return nil
	}
	log, err := stream.Open(ctx, streamOptions(cfg, o.Log))
	if err != nil {
		return err
	}
	defer log.Close()
	last, err := log.LastSeq(ctx)
	if err != nil {
		return err
	}
	if seq := fold.Seq(); seq > last {
		return aheadOfLog(cfg, seq, last)
	}
	missing, err := missingNow(ctx, log, fold)
	if err != nil {
		return err
	}
	if !fromLog {
		return damagedLog(cfg, missing)
	}
	beside := statePath(cfg) + ".auditing"
	defer func() { err = errors.Join(err, os.RemoveAll(beside)) }()
	if err := os.RemoveAll(beside); err != nil {
		return err
	}
	m, err := refold(ctx, log, beside, fold.Seq(), o)
	if err != nil {
		return err
	}
	_, accepted := log.Lost()
	if err := damagedLog(cfg, core.Union(missing, core.Subtract(m.missing, rangesOf(accepted)))); err != nil {
		return err
	}
	db, folded, err := openStore(beside, o.Log, o.Fatal)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	diff, err := fold.Compare(folded)
	if err != nil || len(diff) == 0 {
		return err
	}
	return fmt.Errorf("the state differs from the log in %d kinds of records, and the log is whole; tracklayer rebuild makes the state again from it:\n%s", len(diff), strings.Join(diff, "\n"))
}

// missingNow are the records that the log must hold and does not, as far as its numbers say, and those that the state
// never read, without those that an operator has accepted as lost.
func missingNow(ctx context.Context, log *stream.Log, fold *core.Fold) ([]core.Range, error) {
	absent, last, err := log.Absent(ctx)
	if err != nil {
		return nil, err
	}
	lost, err := fold.Lost()
	if err != nil {
		return nil, err
	}
	cut, accepted := log.Lost()
	if fold.Seq() < last && absent > 0 { // receipts may come after what the state has read
		absent = 0
	}
	gone, err := missingOnLog(ctx, log, fold, absent)
	if err != nil {
		return nil, err
	}
	return core.Subtract(core.Union(core.Union(lost, gone), rangesOf(cut)), rangesOf(accepted)), nil
}

// damagedLog is an error if records are missing.
func damagedLog(cfg config.Config, missing []core.Range) error {
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("the LOG is damaged: %d records are missing on it and no erasure explains it: %s. Do not rebuild: the state may hold the only count of them. Give %s back from a backup. If there is none, tracklayer rebuild --force says what is lost and accepts it",
		core.Count(missing), history.Ranges(missing), logPath(cfg))
}
