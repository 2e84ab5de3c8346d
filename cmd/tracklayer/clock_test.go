package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/app"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/config"
)

// offClock is a clock that is off by some time.
type offClock struct{ off atomic.Int64 }

func (c *offClock) now() time.Time { return time.Now().Add(time.Duration(c.off.Load())) }

// beginAt starts a program with a clock.
func beginAt(t *testing.T, dir string, o app.Options) *app.Program {
	t.Helper()
	cfg, _, err := config.Load([]string{"--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir", dir}, nil, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	p, err := app.New(cfg, o)
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

// gauge is the value of a metric without labels.
func gauge(t *testing.T, p *app.Program, name string) (value float64) {
	t.Helper()
	_, text := fetch(t, "http://"+p.AdminAddr()+"/metrics")
	for line := range strings.Lines(text) {
		if _, err := fmt.Sscanf(line, name+" %g", &value); err == nil {
			return value
		}
	}
	t.Fatalf("no %s in the metrics", name)
	return 0
}

// watermark is the receipt time of the newest event that was counted, by the metric of it.
func watermark(t *testing.T, p *app.Program) canonical.Time {
	t.Helper()
	return canonical.Time(math.Round(1000 * gauge(t, p, "tracklayer_core_watermark_seconds")))
}

// TestClockCorrection: a watermark of the future is an error at the start and a line of readiness, and a correction on
// the log takes it back for every state that is made from the log, before and after the event itself is erased.
func TestClockCorrection(t *testing.T) {
	dir := t.TempDir()
	clock := &offClock{}
	clock.off.Store(int64(10 * 365 * 24 * time.Hour))
	wrong := beginAt(t, dir, app.Options{Now: clock.now})
	send(t, http.MethodPost, "http://"+wrong.Addr()+"/v1/events", exposure("late"))
	stop(t, wrong)

	var logged bytes.Buffer
	p := beginAt(t, dir, app.Options{Log: slog.New(slog.NewTextHandler(&logged, nil))})
	if !strings.Contains(logged.String(), "level=ERROR") || !strings.Contains(logged.String(), "clock: the newest event was received at 2036") {
		t.Errorf("the start says\n%s", logged.String())
	}
	if status, text := fetch(t, "http://"+p.AdminAddr()+"/readyz"); status != 200 || !strings.Contains(text, "tracklayer clock correct --to") {
		t.Errorf("readiness: %d %s", status, text)
	}
	to := time.Now().UTC().Truncate(time.Second)
	future := to.Add(time.Hour).Format(time.RFC3339)
	if code, out := onFolder(t, "clock", "correct", "--to", future, "--admin-listen", p.AdminAddr()); code != 1 || !strings.Contains(out, "future") {
		t.Errorf("a correction to the future: %d %s", code, out)
	}
	if code, out := onFolder(t, "clock", "correct", "--to", to.Format(time.RFC3339), "--admin-listen", p.AdminAddr()); code != 0 || !strings.Contains(out, "it was 2036") {
		t.Errorf("the correction: %d %s", code, out)
	}
	if got := watermark(t, p); got != canonical.TimeOf(to) {
		t.Errorf("the watermark is %s after the correction to %s", got, to)
	}
	if _, text := fetch(t, "http://"+p.AdminAddr()+"/readyz"); text != "ready\n" {
		t.Errorf("readiness after the correction: %s", text)
	}
	stop(t, p)
	for _, command := range []string{"audit", "rebuild"} {
		args := []string{command, "--data-dir", dir}
		if command == "audit" {
			args = append(args, "--from-log")
		}
		if code, out := onFolder(t, args...); code != 0 {
			t.Errorf("%s: %s", command, out)
		}
	}

	p = begin(t, dir)
	if got := watermark(t, p); got != canonical.TimeOf(to) {
		t.Errorf("the watermark is %s after a rebuild", got)
	}
	send(t, http.MethodDelete, "http://"+p.Addr()+"/v1/units/user/late", "")
	if got := watermark(t, p); got > canonical.TimeOf(time.Now()) {
		t.Errorf("the watermark is %s after the event was erased", got)
	}
	send(t, http.MethodPost, "http://"+p.Addr()+"/v1/events", exposure("next"))
	stop(t, p)
	if code, out := onFolder(t, "audit", "--from-log", "--data-dir", dir); code != 0 {
		t.Errorf("audit after the erasure: %s", out)
	}
}
