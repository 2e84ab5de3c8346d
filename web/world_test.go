package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/store"
	"github.com/tracklayer/tracklayer/web"
)

const start = canonical.Time(1795132800000) // 2026-11-20T00:00:00Z

var (
	errChanged = errors.New("changed in between")
	errDown    = errors.New("no durable write")
)

// world is a log in memory with a real fold behind it, and the API in front.
type world struct {
	*core.Fold
	t    testing.TB
	echo *echo.Echo

	mu     sync.Mutex
	seq    uint64
	newest map[string]uint64 // sequence of each experiment's change
	down   bool              // the log takes nothing
	lazy   bool              // what is stored is not applied
}

func open(t testing.TB, edit ...func(*web.Options)) *world {
	t.Helper()
	db, err := store.Open("state", store.Options{Cache: 1 << 20, MemTable: 1 << 20, Disk: store.NewDisk()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{t: t, echo: echo.New(), newest: map[string]uint64{}}
	if w.Fold, err = core.Open(db); err != nil {
		t.Fatal(err)
	}
	o := web.Options{
		State: w, Registry: w, Code: "test", Changed: func(err error) bool { return errors.Is(err, errChanged) },
		Now: func() time.Time { return (start + 86_400_000).Time() },
	}
	for _, e := range edit {
		e(&o)
	}
	web.New(o).Register(w.echo)
	return w
}

// PublishFilters is the log's promise for the filters.
func (w *world) PublishFilters(ctx context.Context, after uint64, data []byte) (uint64, error) {
	return w.PublishDefinition(ctx, "\x00filters", after, data)
}

// PublishDefinition is the log's promise: taken only where nothing was changed in between.
func (w *world) PublishDefinition(_ context.Context, experiment string, after uint64, data []byte) (uint64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.down:
		return 0, errDown
	case w.newest[experiment] != after:
		return 0, fmt.Errorf("%q: %w", experiment, errChanged)
	}
	w.seq++
	w.newest[experiment] = w.seq
	if w.lazy {
		return w.seq, nil
	}
	return w.seq, w.Apply([]canonical.Record{{Seq: w.seq, Definition: data}})
}

// PublishArchive implements web.Publisher.
func (w *world) PublishArchive(ctx context.Context, name string, after uint64, data []byte) (uint64, error) {
	return w.PublishDefinition(ctx, "\x00archive "+name, after, data)
}

// PublishReadout puts a readout on the log.
func (w *world) PublishReadout(_ context.Context, _ string, data []byte) (uint64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return 0, errDown
	}
	w.seq++
	return w.seq, w.Apply([]canonical.Record{{Seq: w.seq, Readout: data}})
}

// send puts events on the log and into the fold.
func (w *world) send(events ...canonical.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var records []canonical.Record
	for _, e := range events {
		w.seq++
		if e.ID == "" {
			e.ID = fmt.Sprint("e", w.seq)
		}
		e.Source, e.SchemaVersion, e.ReceivedAt = "api", 1, e.At
		records = append(records, canonical.Record{Seq: w.seq, Event: e})
	}
	if err := w.Apply(records); err != nil {
		w.t.Error(err)
	}
}

// reject applies records of items that are not counted.
func (w *world) reject(all ...*canonical.Rejected) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range all {
		w.seq++
		if err := w.Apply([]canonical.Record{{Seq: w.seq, Rejected: r}}); err != nil {
			w.t.Error(err)
		}
	}
}

func exposed(experiment, user, variant string) canonical.Event {
	return canonical.Event{Kind: canonical.Exposed, ExperimentID: experiment, UserID: user, Variant: variant, At: start}
}

func purchased(user string) canonical.Event {
	return canonical.Event{Kind: canonical.Converted, ConversionEvent: "purchase", UserID: user, At: start + 1000}
}

// answer is a response, its body read as JSON where there is one.
type answer struct {
	*httptest.ResponseRecorder
	json map[string]any
}

func (w *world) do(method, target, body string, headers ...string) answer {
	w.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a := answer{ResponseRecorder: httptest.NewRecorder()}
	w.echo.ServeHTTP(a, r)
	if a.Body.Len() > 0 {
		if err := json.Unmarshal(a.Body.Bytes(), &a.json); err != nil {
			w.t.Fatalf("%s %s: %v: %s", method, target, err, a.Body)
		}
	}
	if a.Code >= 400 && (a.Header().Get("Content-Type") != "application/problem+json" || a.json["instance"] == "") {
		w.t.Errorf("%s %s: not a problem: %v %s", method, target, a.Header(), a.Body)
	}
	return a
}

func (w *world) get(target string, headers ...string) answer {
	w.t.Helper()
	return w.do(http.MethodGet, target, "", headers...)
}

func (w *world) post(body string) answer {
	w.t.Helper()
	return w.do(http.MethodPost, "/v1/experiments", body)
}

// must be of that status.
func (a answer) must(t testing.TB, status int) answer {
	t.Helper()
	if a.Code != status {
		t.Fatalf("%d, want %d: %s", a.Code, status, a.Body)
	}
	return a
}

// pointers are those of a problem's errors.
func (a answer) pointers() string {
	var all []string
	list, _ := a.json["errors"].([]any)
	for _, e := range list {
		all = append(all, fmt.Sprint(e.(map[string]any)["pointer"]))
	}
	return strings.Join(all, " ")
}
