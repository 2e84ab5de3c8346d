package main

import (
	"bytes"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/app"
	"github.com/tracklayer/tracklayer/app/apptest"
	"github.com/tracklayer/tracklayer/canonical"
)

// watermark is the receipt time of the newest event that was counted, by the metric of it.
func watermark(t *testing.T, p *app.Program) canonical.Time {
	t.Helper()
	return canonical.Time(math.Round(1000 * apptest.Gauge(t, p, "tracklayer_core_watermark_seconds")))
}

// TestClockCorrection: a watermark of the future is an error at the start and a line of readiness, and a correction on
// the log takes it back for every state that is made from the log, before and after the event itself is erased.
func TestClockCorrection(t *testing.T) {
	dir := t.TempDir()
	clock := &apptest.Clock{}
	clock.Off.Store(int64(10 * 365 * 24 * time.Hour))
	wrong := beginAs(t, dir, app.Options{Now: clock.Now})
	apptest.Send(t, http.MethodPost, "http://"+wrong.Addr()+"/v1/events", apptest.Exposure("late"))
	stop(t, wrong)

	var logged bytes.Buffer
	p := beginAs(t, dir, app.Options{Log: slog.New(slog.NewTextHandler(&logged, nil))})
	if !strings.Contains(logged.String(), "level=ERROR") || !strings.Contains(logged.String(), "clock: the newest event was received at 2036") {
		t.Errorf("the start says\n%s", logged.String())
	}
	if status, text := apptest.Fetch(t, "http://"+p.AdminAddr()+"/readyz"); status != 200 || !strings.Contains(text, "tracklayer clock correct --to") {
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
	if _, text := apptest.Fetch(t, "http://"+p.AdminAddr()+"/readyz"); text != "ready\n" {
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
	apptest.Send(t, http.MethodDelete, "http://"+p.Addr()+"/v1/units/user/late", "")
	if got := watermark(t, p); got > canonical.TimeOf(time.Now()) {
		t.Errorf("the watermark is %s after the event was erased", got)
	}
	apptest.Send(t, http.MethodPost, "http://"+p.Addr()+"/v1/events", apptest.Exposure("next"))
	stop(t, p)
	if code, out := onFolder(t, "audit", "--from-log", "--data-dir", dir); code != 0 {
		t.Errorf("audit after the erasure: %s", out)
	}
}
