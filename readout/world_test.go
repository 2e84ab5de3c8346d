package readout_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/store"
)

const (
	start = canonical.Time(1795132800000) // 2026-11-20T00:00:00Z
	day   = canonical.Time(86_400_000)
)

// world builds a log and folds it for real.
type world struct {
	records []canonical.Record
}

func (w *world) add(e canonical.Event) {
	e.ID = "e" + strconv.Itoa(len(w.records))
	e.Source, e.SchemaVersion = "api", 1
	if e.ReceivedAt == 0 {
		e.ReceivedAt = e.At
	}
	w.records = append(w.records, canonical.Record{Event: e})
}

func (w *world) define(text string) {
	w.records = append(w.records, canonical.Record{Definition: []byte(text)})
}

func (w *world) expose(user, variant string, at canonical.Time) {
	w.add(canonical.Event{Kind: canonical.Exposed, ExperimentID: "x", Variant: variant, UserID: user, At: start + at})
}

func (w *world) convert(user, event string, at canonical.Time, more ...func(*canonical.Event)) {
	e := canonical.Event{Kind: canonical.Converted, ConversionEvent: event, UserID: user, At: start + at}
	for _, m := range more {
		m(&e)
	}
	w.add(e)
}

func worth(value string) func(*canonical.Event) {
	return func(e *canonical.Event) {
		n, err := canonical.ParseNumber(value)
		if err != nil {
			panic(err)
		}
		e.Value, e.Currency = n, "EUR"
	}
}

func named(variant string) func(*canonical.Event) {
	return func(e *canonical.Event) { e.ExperimentID, e.Variant = "x", variant }
}

func (w *world) end(user, variant, reason string, at canonical.Time) {
	w.add(canonical.Event{Kind: canonical.EndedEarly, ExperimentID: "x", Variant: variant, UserID: user, EndedReason: reason, At: start + at})
}

// arm exposes n users to a variant of whom the first x convert.
func (w *world) arm(variant string, n, x int) {
	for i := range n {
		user := fmt.Sprintf("%s-%d", variant, i)
		w.expose(user, variant, 0)
		if i < x {
			w.convert(user, "purchase", 1000)
		}
	}
}

// at lets the log reach a time.
func (w *world) at(t canonical.Time) {
	w.add(canonical.Event{Kind: canonical.Linked, UserID: "clock", AnonymousID: "clock", At: start + t})
}

func (w *world) fold(t testing.TB) *sums.View {
	t.Helper()
	db, err := store.Open("state", store.Options{Cache: 1 << 20, MemTable: 1 << 20, Disk: store.NewDisk()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, db) })
	return w.apply(t, db)
}

func closed(t failer, db core.Store) {
	if err := db.Close(); err != nil {
		t.Errorf("close the store: %v", err)
	}
}

// failer is a test, or one try of a property.
type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

func (w *world) apply(t failer, db core.Store) *sums.View {
	f, err := core.Open(db)
	if err != nil {
		t.Fatal(err)
	}
	for i := range w.records {
		w.records[i].Seq = uint64(i + 1)
	}
	if err := f.Apply(w.records); err != nil {
		t.Fatal(err)
	}
	return f.View()
}

func (w *world) readout(t testing.TB) *readout.Readout {
	t.Helper()
	r, err := readout.Make(w.fold(t), readout.Question{Experiment: "x"}, "test")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func text(t failer, r *readout.Readout) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const runs = `"revision":1,"change":"created","runs":[{"run":1,"status":"running","started_at":null,"ended_at":null}]`

// declared is a definition of x with one primary proportion; more goes before the rest.
func declared(more string) string {
	return `{"id":"x","variants":[{"key":"control"},{"key":"b"}],"control":"control",` + more +
		`"metrics":[{"id":"purchase","role":"primary","type":"proportion","event":"purchase"}],` + runs + `}`
}
