package app

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/app/apptest"
	"github.com/tracklayer/tracklayer/config"
)

// begin starts a program on free ports with a folder of its own.
func begin(t *testing.T, dir string, environ ...string) *Program {
	t.Helper()
	return beginAs(t, dir, Options{}, environ...)
}

// beginAs is begin with options.
func beginAs(t *testing.T, dir string, o Options, environ ...string) *Program {
	t.Helper()
	p, err := New(apptest.Config(t, dir, environ...), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func stop(t *testing.T, p *Program) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// TestTwoProgramsInOneProcess: nothing is global, and each counts its own.
func TestTwoProgramsInOneProcess(t *testing.T) {
	a, b := begin(t, t.TempDir()), begin(t, t.TempDir())
	defer stop(t, a)
	defer stop(t, b)
	body := `{"event_name":"experiment_exposed","event_id":"e","experiment_id":"x","variant":"v","user_id":"u","exposed_at":"2026-11-20T10:00:00Z"}`
	resp, err := http.Post("http://"+a.Addr()+"/v1/events", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if status, text := apptest.Fetch(t, "http://"+a.Addr()+"/v1/experiments/x/readout?min_seq=1&wait=10s"); status != http.StatusOK {
		t.Errorf("the one that was told: %d %s", status, text)
	}
	if status, _ := apptest.Fetch(t, "http://"+b.Addr()+"/v1/experiments/x/readout"); status != http.StatusNotFound {
		t.Errorf("the other one: %d", status)
	}
	for _, path := range []string{"/livez", "/readyz"} {
		if status, text := apptest.Fetch(t, "http://"+a.AdminAddr()+path); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if _, text := apptest.Fetch(t, "http://"+a.AdminAddr()+"/metrics"); !strings.Contains(text, `tracklayer_events_total{outcome="accepted",source="api"} 1`) {
		t.Error("the metrics do not show the event")
	}
}

// TestTheStateBelongsToItsLog: a state that is ahead of the log is not silently taken for its own.
func TestTheStateBelongsToItsLog(t *testing.T) {
	dir := t.TempDir()
	p := begin(t, dir)
	resp, err := http.Post("http://"+p.Addr()+"/v1/events", "application/json",
		strings.NewReader(`{"event_name":"identity_linked","user_id":"u","anonymous_id":"a","linked_at":"2026-11-20T10:00:00Z"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	stop(t, p)
	if err := os.RemoveAll(filepath.Join(dir, "nats")); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := config.Load([]string{"--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir", dir}, nil, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	again, err := New(cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "tracklayer rebuild") {
		t.Fatalf("started on another log: %v", err)
	}
}
