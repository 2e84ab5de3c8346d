package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/tracklayer/tracklayer/app"
	"github.com/tracklayer/tracklayer/demo"
)

const (
	demoSeed  = 20
	demoEvery = 900 * time.Millisecond
)

// demoClock is by which a demo receives: the past while the history is sent, then the present.
type demoClock struct{ at atomic.Int64 }

func (c *demoClock) now() time.Time {
	if at := c.at.Load(); at != 0 {
		return time.UnixMilli(at)
	}
	return time.Now()
}

// demonstrate is serve in a temporary folder with made-up traffic, which comes through the same endpoints as any other.
func demonstrate(ctx context.Context, args []string, s streams, environ []string) (err error) {
	cfg, err := load(args, environ)
	if err != nil {
		return err
	}
	if len(cfg.Keys.Write)+len(cfg.Keys.Read)+len(cfg.Keys.Admin) > 0 || !cfg.NATS.URL.IsZero() || cfg.TLS.Set() || len(cfg.Sources) > 0 {
		return &usageError{"demo makes everything up: leave keys, tls, nats.url and sources out of the configuration"}
	}
	if cfg.DataDir, err = os.MkdirTemp("", "tracklayer-demo-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(cfg.DataDir)) }()
	clock := &demoClock{}
	story := demo.New(demoSeed, time.Now())
	clock.at.Store(story.Start().Add(-time.Hour).UnixMilli())
	p, err := app.New(cfg, app.Options{Log: newLogger(s.err, cfg.Log), Version: version, Now: clock.now, AnyTime: true})
	if err != nil {
		return err
	}
	if err := p.Start(ctx); err != nil {
		return err
	}
	t := &teller{clock: clock, story: story, base: "http://" + p.Addr(), out: s.out}
	told := make(chan error, 1)
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { told <- t.tell(running) }()
	select {
	case <-ctx.Done():
	case err = <-p.Failed():
	case err = <-told:
		if ctx.Err() != nil {
			err = nil
		}
	}
	cancel()
	stopping, stop := context.WithTimeout(context.WithoutCancel(ctx), cfg.ShutdownTimeout)
	defer stop()
	return errors.Join(err, p.Stop(stopping))
}

// teller sends a story.
type teller struct {
	clock *demoClock
	story *demo.Story
	base  string
	out   io.Writer
	every time.Duration // 0: demoEvery
}

// tell sends the history, each request at the time it was made, and then goes on until the context ends.
func (t *teller) tell(ctx context.Context) error {
	began := time.Now()
	history := t.story.History(began)
	fmt.Fprintf(t.out, "TrackLayer demo: %d weeks of six tools' traffic come in at %s\n", demo.Days/7, t.base)
	for i := range history {
		t.clock.at.Store(history[i].At.UnixMilli())
		if err := t.send(ctx, &history[i]); err != nil {
			return err
		}
	}
	t.clock.at.Store(0)
	fmt.Fprintf(t.out, "%d requests in %.1f s. Look around: %s/experiments (Ctrl-C ends it and leaves nothing behind)\n", len(history), time.Since(began).Seconds(), t.base)
	every := t.every
	if every == 0 {
		every = demoEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			for _, r := range t.story.Live(now) {
				if err := t.send(ctx, &r); err != nil && ctx.Err() == nil {
					return err
				}
			}
		}
	}
}

// send is one request, as a tool or a person makes it.
func (t *teller) send(ctx context.Context, r *demo.Request) error {
	req, err := http.NewRequestWithContext(ctx, r.Method, t.base+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return err
	}
	req.Header = r.Header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s was answered with %s: %.500s", r.Method, r.Path, resp.Status, text)
	}
	return nil
}
