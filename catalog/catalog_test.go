package catalog

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

// reports keeps what was reported, unless it is to fail.
type reports struct {
	lives []canonical.Life
	fail  error
}

func (e *reports) Tell(_ context.Context, lives []canonical.Life) (uint64, error) {
	if e.fail != nil {
		return 0, e.fail
	}
	e.lives = append(e.lives, lives...)
	return 1, nil
}

func (e *reports) take() string {
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
	e := &reports{}
	open := func() *Catalog {
		return New(Options{Source: "opt", Place: place, Kept: filepath.Join(dir, "kept", "opt"), Parse: parsePlain, Reports: e})
	}
	c := open()
	if err := c.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "sources.opt.catalog") {
		t.Fatalf("a file that is not there: %v", err)
	}
	write(`{"revision":"1","running":["a","b"],"stopped":["c"]}`)
	if err := c.Load(t.Context()); err != nil || c.Catalog() == nil || e.take() != "" {
		t.Fatalf("the first catalog: %v %v", err, e.lives)
	}
	write(`{"revision":"2","running":["a","c","d"],"stopped":["b"]}`)
	e.fail = errors.New("no log")
	if err := c.again(t.Context()); err == nil || c.Catalog().Revision != "1" {
		t.Fatalf("what could not be reported was taken: %v", err)
	}
	e.fail = nil
	if err := c.again(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := e.take(); got != "stopped b, started c, started d" {
		t.Errorf("reported %q", got)
	}
	write(`not JSON`)
	if err := c.again(t.Context()); err == nil || c.Catalog().Revision != "2" {
		t.Errorf("a broken catalog: %v, in use is %q", err, c.Catalog().Revision)
	}
	write(`{"revision":"3","running":["a"]}`) // while the program is down
	c = open()
	if err := c.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := e.take(); got != "stopped c, stopped d" {
		t.Errorf("reported %q after a restart", got)
	}
	if err := c.Push(t.Context(), []byte(`{"revision":"4"}`)); err != nil || e.take() != "stopped a" {
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
	c := New(Options{Source: "opt", Place: s.URL + "/secret-key.json", Parse: parsePlain})
	if err := c.Load(t.Context()); err != nil || c.Catalog().Revision != "1" {
		t.Fatalf("%v %+v", err, c.Catalog())
	}
	if err := c.again(t.Context()); err != nil || asked.Load() != 2 {
		t.Fatalf("unchanged: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go c.Watch(ctx)
	revision.Store(2)
	c.Refresh()
	for c.Catalog().Revision != "2" {
		time.Sleep(time.Millisecond) // until the watcher has read it; a test that never ends fails as one
	}
	revision.Store(9)
	if err := c.again(t.Context()); err == nil || strings.Contains(err.Error(), "secret-key") {
		t.Errorf("an address that refuses: %v", err)
	}
	unreachable := New(Options{Source: "opt", Place: "http://127.0.0.1:1/secret-key.json", Parse: parsePlain})
	if err := unreachable.Load(t.Context()); err != nil || unreachable.Catalog() != nil {
		t.Errorf("an address that does not answer yet: %v", err)
	}
}
