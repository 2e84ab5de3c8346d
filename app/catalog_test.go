package app

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
)

// parsePlain reads {"revision":"1","running":["a"],"stopped":["b"]}.
func parsePlain(data []byte) (*adapters.Catalog, error) {
	var in struct {
		Revision         string
		Running, Stopped []string
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, errors.New("want JSON")
	}
	c := &adapters.Catalog{Revision: in.Revision, Experiments: map[string]adapters.CatalogExperiment{}}
	for _, id := range in.Running {
		c.Experiments[id] = adapters.CatalogExperiment{Exposes: true, Running: true, Status: "Running"}
	}
	for _, id := range in.Stopped {
		c.Experiments[id] = adapters.CatalogExperiment{Exposes: true, Status: "Paused"}
	}
	return c, nil
}

type ear struct {
	lives []canonical.Life
	deaf  error
}

func (e *ear) Tell(_ context.Context, lives []canonical.Life) (uint64, error) {
	if e.deaf != nil {
		return 0, e.deaf
	}
	e.lives = append(e.lives, lives...)
	return 1, nil
}

func (e *ear) heard() string {
	var all []string
	for _, l := range e.lives {
		all = append(all, string(l.Kind)+" "+l.ExperimentID)
	}
	e.lives = nil
	return strings.Join(all, ", ")
}

func TestCatalogTellsWhatHappened(t *testing.T) {
	dir := t.TempDir()
	place := filepath.Join(dir, "datafile.json")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(place, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e := &ear{}
	open := func() *catalog {
		c := newCatalog("opt", place, parsePlain)
		c.kept, c.report = filepath.Join(dir, "kept", "opt"), e
		return c
	}
	c := open()
	if err := c.load(t.Context()); err == nil || !strings.Contains(err.Error(), "sources.opt.catalog") {
		t.Fatalf("a file that is not there: %v", err)
	}
	write(`{"revision":"1","running":["a","b"],"stopped":["c"]}`)
	if err := c.load(t.Context()); err != nil || c.Catalog() == nil || e.heard() != "" {
		t.Fatalf("the first catalog: %v %v", err, e.lives)
	}
	write(`{"revision":"2","running":["a","c","d"],"stopped":["b"]}`)
	e.deaf = errors.New("no log")
	if err := c.again(t.Context()); err == nil || c.Catalog().Revision != "1" {
		t.Fatalf("what could not be reported was taken: %v", err)
	}
	e.deaf = nil
	if err := c.again(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := e.heard(); got != "stopped b, started c, started d" {
		t.Errorf("heard %q", got)
	}
	write(`not JSON`)
	if err := c.again(t.Context()); err == nil || c.Catalog().Revision != "2" {
		t.Errorf("a broken catalog: %v, in use is %q", err, c.Catalog().Revision)
	}
	write(`{"revision":"3","running":["a"]}`) // while the program is down
	c = open()
	if err := c.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := e.heard(); got != "stopped c, stopped d" {
		t.Errorf("heard %q after a restart", got)
	}
	if err := c.Push(t.Context(), []byte(`{"revision":"4"}`)); err != nil || e.heard() != "stopped a" {
		t.Errorf("pushed: %v", err)
	}
}

func TestCatalogOfAnAddress(t *testing.T) {
	var revision, asked atomic.Int64
	revision.Store(1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		tag := `"` + string(rune('0'+revision.Load())) + `"`
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		if revision.Load() == 9 {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.Header().Set("ETag", tag)
		_, _ = w.Write([]byte(`{"revision":` + tag + `,"running":["a"]}`))
	}))
	defer s.Close()
	c := newCatalog("opt", s.URL+"/secret-key.json", parsePlain)
	if err := c.load(t.Context()); err != nil || c.Catalog().Revision != "1" {
		t.Fatalf("%v %+v", err, c.Catalog())
	}
	if err := c.again(t.Context()); err != nil || asked.Load() != 2 {
		t.Fatalf("unchanged: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go c.watch(ctx)
	revision.Store(2)
	c.Refresh()
	for c.Catalog().Revision != "2" {
		time.Sleep(time.Millisecond) // until the watcher has read it; a test that never ends fails as one
	}
	revision.Store(9)
	if err := c.again(t.Context()); err == nil || strings.Contains(err.Error(), "secret-key") {
		t.Errorf("an address that refuses: %v", err)
	}
	unreachable := newCatalog("opt", "http://127.0.0.1:1/secret-key.json", parsePlain)
	if err := unreachable.load(t.Context()); err != nil || unreachable.Catalog() != nil {
		t.Errorf("an address that does not answer yet: %v", err)
	}
}
