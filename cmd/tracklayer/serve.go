package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/tracklayer/tracklayer/app"
	"github.com/tracklayer/tracklayer/config"
)

// restartEvery is the least time between two starts within the process.
const restartEvery = time.Minute

// serveAs runs a TrackLayer until the context ends. A failure that a start from scratch gets past, such as a damaged
// state, is followed by one within the process.
func serveAs(r app.Role) func(context.Context, []string, streams, []string) error {
	return func(ctx context.Context, args []string, s streams, environ []string) error {
		cfg, err := load(args, environ)
		if err != nil {
			return err
		}
		if m := int64(cfg.Limits.Memory); m > 0 && debug.SetMemoryLimit(-1) == math.MaxInt64 { // GOMEMLIMIT says nothing
			debug.SetMemoryLimit(m)
		}
		log := newLogger(s.err, cfg.Log)
		for last := (time.Time{}); ; last = time.Now() {
			left, err := serveOnce(ctx, cfg, r, log, s, func() (config.Config, error) { return load(args, environ) })
			again, restart := errors.AsType[*app.RestartError](err)
			if !restart || ctx.Err() != nil {
				return err
			}
			if left {
				return fmt.Errorf("TrackLayer must be started again: %w", err)
			}
			select {
			case <-time.After(time.Until(last.Add(restartEvery))):
			case <-ctx.Done():
				return nil
			}
			log.Info("starting again", "because", again.Error())
		}
	}
}

// serveOnce runs one program. It reports whether work was left behind that keeps the data folder locked.
func serveOnce(ctx context.Context, cfg config.Config, r app.Role, log *slog.Logger, s streams, again func() (config.Config, error)) (left bool, err error) {
	keepPrivate()
	p, err := app.New(cfg, app.Options{Role: r, Log: log, Version: version, Fatal: fatal(log)})
	if err != nil {
		return false, err
	}
	if err := p.Start(ctx); err != nil {
		return false, err
	}
	fmt.Fprintf(s.out, "TrackLayer listens on %s://%s (health and metrics on %[1]s://%[3]s)\n", scheme(cfg), p.Addr(), p.AdminAddr())
	watching, done := context.WithCancel(ctx)
	defer done()
	go reloadOnHangup(watching, p, log, again)
	select {
	case <-ctx.Done():
	case err = <-p.Failed():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.ShutdownTimeout)
	defer cancel()
	if stopped := p.Stop(stopping); stopped != nil {
		if _, restart := errors.AsType[*app.RestartError](err); restart { // a damaged state may not close well
			log.Warn("the stop before the next start was not clean", "error", stopped)
		} else {
			err = errors.Join(err, stopped)
		}
	}
	return p.Left(), err
}

// fatal ends the process if its state can never be written again. It comes from a goroutine of the store, in the middle
// of its work, so nothing can be closed.
func fatal(log *slog.Logger) func(error) {
	return func(err error) {
		log.Error("this process cannot write its state any more and ends; nothing is lost, the next start reads the log again", "error", err)
		os.Exit(1)
	}
}

// reloadOnHangup reads the configuration again on every SIGHUP until ctx ends.
func reloadOnHangup(ctx context.Context, p *app.Program, log *slog.Logger, read func() (config.Config, error)) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
		}
		cfg, err := read()
		if err == nil {
			err = p.Reload(cfg)
		}
		if err != nil {
			log.Error("SIGHUP: keys and certificate stay as they were", "error", err)
			continue
		}
		log.Info("SIGHUP: keys and certificate were read again", "write", len(cfg.Keys.Write), "read", len(cfg.Keys.Read), "admin", len(cfg.Keys.Admin))
	}
}
