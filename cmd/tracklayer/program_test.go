package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/app"
	"github.com/tracklayer/tracklayer/app/apptest"
)

// begin starts a program on free ports with a folder of its own.
func begin(t *testing.T, dir string, environ ...string) *app.Program {
	t.Helper()
	return beginAs(t, dir, app.Options{}, environ...)
}

// beginAs is begin with options.
func beginAs(t *testing.T, dir string, o app.Options, environ ...string) *app.Program {
	t.Helper()
	p, err := app.New(apptest.Config(t, dir, environ...), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func stop(t *testing.T, p *app.Program) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// onFolder runs a command on the data folder.
func onFolder(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	code := run(t.Context(), args, streams{strings.NewReader(""), &out, &out}, nil)
	return code, out.String()
}

func TestCommandLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(file, []byte("lisen: 1\nsources: {x: {vendor: nobody}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	unknown := filepath.Join(t.TempDir(), "unknown.yaml")
	if err := os.WriteFile(unknown, []byte("sources:\n  x: {vendor: nobody}\n  y: {vendor: launchdarkly, options: {nonsense: 1}, catalog: ./x.json}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says []string
	}{
		{[]string{"help"}, 0, []string{"serve", "decode", "rebuild"}},
		{nil, 0, []string{"serve"}},
		{[]string{"version"}, 0, []string{"tracklayer dev", "go1."}},
		{[]string{"sevre"}, 2, []string{`"sevre"`}},
		{[]string{"check"}, 0, []string{"fine", "127.0.0.1:8080"}},
		{[]string{"check", "--config", file}, 1, []string{"lisen", "listen"}},
		{[]string{"check", "--config", unknown}, 1, []string{"sources.x.vendor", "launchdarkly", "sources.y"}},
		{[]string{"check", "extra"}, 2, []string{"extra", "usage"}},
		{[]string{"decode"}, 2, []string{"one source"}},
		{[]string{"decode", "nobody"}, 1, []string{"launchdarkly"}},
		{[]string{"gateway"}, 1, []string{"--nats-url"}},
		{[]string{"readout", "x", "--server", "http://127.0.0.1:1"}, 1, []string{"tracklayer serve"}},
		{[]string{"key"}, 0, []string{"tlk_", "sha256:"}},
		{[]string{"serve", "--help"}, 0, []string{"--listen", "The address of the ingest endpoints", "TRACKLAYER_LISTEN"}},
		{[]string{"--help"}, 0, []string{"tracklayer serve", "tracklayer plan"}},
		{[]string{"-h"}, 0, []string{"tracklayer serve"}},
		{[]string{"plan", "--help"}, 0, []string{"--effect LIFT", "relative lift to find"}},
		{[]string{"readout", "-h"}, 0, []string{"--at-seq SEQUENCE", "--config FILE"}},
		{[]string{"version", "--help"}, 0, []string{"Print version"}},
	} {
		var out, errs bytes.Buffer
		code := run(t.Context(), c.args, streams{strings.NewReader(""), &out, &errs}, nil)
		if code != c.code {
			t.Errorf("%v: exit code %d, want %d: %s%s", c.args, code, c.code, &out, &errs)
		}
		for _, text := range c.says {
			if !strings.Contains(out.String()+errs.String(), text) {
				t.Errorf("%v does not say %q: %s%s", c.args, text, &out, &errs)
			}
		}
	}
}
