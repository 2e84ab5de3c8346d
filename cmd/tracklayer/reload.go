package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/tracklayer/tracklayer/app"
	"github.com/tracklayer/tracklayer/config"
)

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
