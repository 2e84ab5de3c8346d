package app

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/config"
)

// offClock is a clock that is off by some time.
type offClock struct{ off atomic.Int64 }

func (c *offClock) now() time.Time { return time.Now().Add(time.Duration(c.off.Load())) }

// beginAt starts a program with a clock.
func beginAt(t *testing.T, dir string, o Options) *Program {
	t.Helper()
	cfg, _, err := config.Load([]string{"--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir", dir}, nil, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func exposure(id string) string {
	return `{"event_name":"experiment_exposed","event_id":"e-` + id + `","experiment_id":"x","variant":"v","user_id":"` + id + `","exposed_at":"2026-11-20T10:00:00Z"}`
}

// TestClockJump: no event is stamped by a clock that has jumped ahead, and all are again once it is right.
func TestClockJump(t *testing.T) {
	clock := &offClock{}
	p := beginAt(t, t.TempDir(), Options{Now: clock.now})
	defer stop(t, p)
	post := func(id string) (int, string, string) {
		resp, err := http.Post("http://"+p.Addr()+"/v1/events", "application/json", strings.NewReader(exposure(id)))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var text bytes.Buffer
		if _, err := text.ReadFrom(resp.Body); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, resp.Header.Get("Retry-After"), text.String()
	}
	for _, step := range []struct {
		off    time.Duration
		status int
	}{
		{0, 202},
		{59 * time.Minute, 202},
		{2 * time.Hour, 503},
		{10 * 365 * 24 * time.Hour, 503},
		{0, 202},
		{-24 * time.Hour, 202},
		{0, 503}, // the clock was set back, so from then on a day ahead is a jump
		{-24 * time.Hour, 202},
	} {
		clock.off.Store(int64(step.off))
		status, later, text := post("u-" + step.off.String())
		if status != step.status || status == 503 && (later == "" || !strings.Contains(text, "the clock jumped ahead by")) {
			t.Errorf("a clock that is off by %s: %d, Retry-After %q, %s", step.off, status, later, text)
		}
		if ready, text := fetch(t, "http://"+p.AdminAddr()+"/readyz"); (ready == 200) != (step.status == 202) {
			t.Errorf("readiness with a clock that is off by %s: %d %s", step.off, ready, text)
		}
	}
	if now, newest := canonical.TimeOf(time.Now().Add(time.Hour)), p.fold.View().Watermark; newest > now {
		t.Errorf("the watermark is %s", newest)
	}
}

// TestStopDoesNotWaitForTheFold: a stop ends in time whatever is being folded, leaves the state alone meanwhile, and the
// data folder is free once the work has ended.
func TestStopDoesNotWaitForTheFold(t *testing.T) {
	dir := t.TempDir()
	p := begin(t, dir)
	send(t, http.MethodPost, "http://"+p.Addr()+"/v1/events", exposure("u"))
	if _, err := p.fold.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	p.folding.Go(func() { <-release })
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		t.Error(err)
	}
	if !p.left { // that it has returned shows that it does not wait
		t.Error("the stop does not say that work is left")
	}
	if _, err := hold(p.cfg); err == nil || !strings.Contains(err.Error(), "another TrackLayer") {
		t.Errorf("the data folder was given away while the work went on: %v", err)
	}
	close(release)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		lock, err := hold(p.cfg)
		if err == nil {
			if err := lock.Release(); err != nil {
				t.Error(err)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	again := begin(t, dir)
	if got := again.fold.Seq(); got != 1 {
		t.Errorf("the state stands at %d", got)
	}
	stop(t, again)
	if _, err := os.Stat(filepath.Join(dir, "state")); err != nil {
		t.Error(err)
	}
}
