package app

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/app/apptest"
	"github.com/tracklayer/tracklayer/canonical"
)

// TestClockJump: no event is stamped by a clock that has jumped ahead, and all are again once it is right.
func TestClockJump(t *testing.T) {
	clock := &apptest.Clock{}
	p := beginAs(t, t.TempDir(), Options{Now: clock.Now})
	defer stop(t, p)
	post := func(id string) (int, string, string) {
		resp, err := http.Post("http://"+p.Addr()+"/v1/events", "application/json", strings.NewReader(apptest.Exposure(id)))
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
		clock.Off.Store(int64(step.off))
		status, later, text := post("u-" + step.off.String())
		if status != step.status || status == 503 && (later == "" || !strings.Contains(text, "the clock jumped ahead by")) {
			t.Errorf("a clock that is off by %s: %d, Retry-After %q, %s", step.off, status, later, text)
		}
		if ready, text := apptest.Fetch(t, "http://"+p.AdminAddr()+"/readyz"); (ready == 200) != (step.status == 202) {
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
	apptest.Send(t, http.MethodPost, "http://"+p.Addr()+"/v1/events", apptest.Exposure("u"))
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
