package webhooks_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/webhooks"
)

var (
	noon  = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	rules = canonical.DefaultRules()
)

// shelf is a Publisher and DeadLetters in memory. It holds everybody to the contract: what is published is valid, has
// an id, and survives its wire form.
type shelf struct {
	t          testing.TB
	mu         sync.Mutex
	events     []canonical.Event
	letters    []canonical.DeadLetter
	calls      int
	rejected   int64
	uncounted  []canonical.Rejected
	failEvent  error
	failLetter error
}

func (s *shelf) Publish(_ context.Context, events []canonical.Event, rejected ...canonical.Rejected) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls++; s.failEvent != nil {
		return 0, s.failEvent
	}
	for _, e := range events {
		read, err := canonical.ParseWire(e.AppendJSON(nil))
		if err == nil {
			err = read.Validate(rules)
		}
		if err != nil || read.ID == "" || read.Source == "" || read.ReceivedAt == 0 {
			s.t.Errorf("published %s: %v", e.AppendJSON(nil), err)
		}
		s.events = append(s.events, read)
	}
	for _, r := range rejected {
		s.rejected += r.Items
		s.uncounted = append(s.uncounted, r)
	}
	return uint64(len(s.events)), nil
}

func (s *shelf) StoreDeadLetter(_ context.Context, d canonical.DeadLetter) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failLetter != nil {
		return s.failLetter
	}
	d.Request = bytes.Clone(d.Request)
	s.letters = append(s.letters, d)
	return nil
}

func writeRequest(w io.Writer, e adapters.Envelope) error {
	text := fmt.Sprintf("%s %s?%s\n", e.Method, e.Path, e.RawQuery)
	for _, name := range slices.Sorted(maps.Keys(e.Header)) {
		text += fmt.Sprintf("%s: %s\n", name, strings.Join(e.Header[name], "|"))
	}
	_, err := fmt.Fprintf(w, "%s\n%s", text, e.Body)
	return err
}

// toy is a vendor whose body is lines: "good ID", "bad", "skip WHY"; "panic" and "torn" do what they say.
var toy = webhooks.Source{Adapter: adapters.Adapter{Vendor: "toy", Headers: []string{"X-Toy"}}, Decoder: adapters.Decoder{
	Verify: func(_ adapters.Source, secret []byte, e adapters.Envelope) error {
		if e.Header.Get("X-Signature") == "panic" {
			panic("in Verify")
		}
		if e.Header.Get("X-Signature") == string(secret)+" of "+string(e.Body) || e.Query().Get("sig") == string(secret) {
			return nil
		}
		return adapters.ErrUnauthorized
	},
	Decode: func(s adapters.Source, e adapters.Envelope) (adapters.Batch, error) {
		var b adapters.Batch
		if len(e.Header) > len(e.Header["X-Toy"]) {
			return b, fmt.Errorf("Decode sees the headers %v", e.Header)
		}
		for line := range strings.Lines(string(e.Body)) {
			word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			switch i := b.Items; word {
			case "good":
				b.Accept(s, e, i, canonical.Event{
					Kind: canonical.Converted, ID: rest, ConversionEvent: "purchase", UserID: "u-1", At: e.ReceivedAt, Attributes: json.RawMessage(`{}`),
				})
			case "bad":
				b.Reject(i, &canonical.FieldError{Field: "toy", Detail: "is bad"})
			case "skip":
				b.Ignore(rest)
			case "panic":
				panic(rest)
			case "torn":
				return adapters.Batch{}, adapters.Unreadable("torn")
			case "odd":
				return adapters.Batch{}, errors.New("an error of no kind")
			}
			b.Items++
		}
		return b, nil
	},
	Reply: func(e adapters.Envelope, o adapters.Outcome) adapters.Response {
		r := adapters.Response{Status: 202, ContentType: "text/toy", Body: fmt.Appendf(nil, "%d %d %d", o.Accepted, o.Rejected, o.Ignored)}
		switch {
		case e.Path == "/reply-panics":
			panic("in Reply")
		case e.Path == "/reply-lies":
		case errors.Is(o.Err, adapters.ErrTooLarge):
			r.Status = 413
		case errors.Is(o.Err, adapters.ErrUnreadable):
			r.Status = 400
		case errors.Is(o.Err, adapters.ErrUnauthorized):
			r.Status = 401
		case o.Err != nil:
			r.Status = 503
		}
		return r
	},
}}

// rig is a door with everything around it.
type rig struct {
	*shelf
	http.Handler
	door    *webhooks.Ingest
	log     *bytes.Buffer
	metrics *prometheus.Registry
}

func newRig(t testing.TB, change ...func(*webhooks.Options)) *rig {
	t.Helper()
	r := &rig{shelf: &shelf{t: t}, log: &bytes.Buffer{}, metrics: prometheus.NewRegistry()}
	o := webhooks.Options{
		Publisher: r.shelf, DeadLetters: r.shelf, WriteRequest: writeRequest, Rules: rules, Metrics: r.metrics,
		Sources: map[string]webhooks.Source{
			"toy":    {Adapter: toy.Adapter, Decoder: toy.Decoder},
			"signed": {Adapter: toy.Adapter, Decoder: toy.Decoder, Secrets: [][]byte{[]byte("old"), []byte("new")}},
		},
		Now: func() time.Time { return noon },
		Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(&o)
	}
	door, err := webhooks.New(o)
	if err != nil {
		t.Fatal(err)
	}
	e := echo.New()
	door.Register(e)
	r.Handler, r.door = e, door
	return r
}

// send makes a request; headers are name, value, name, value.
func (r *rig) send(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

func (r *rig) post(body string, headers ...string) *httptest.ResponseRecorder {
	return r.send("POST", "/v1/events", body, headers...)
}

// answer is what POST /v1/events says.
type answer struct {
	Accepted  int
	Rejected  int
	StreamSeq uint64 `json:"stream_seq"`
	Results   []struct {
		Index   int
		EventID string `json:"event_id"`
		Status  string
		Error   *struct{ Field, Detail string }
	}
	Status   int
	Title    string
	Detail   string
	Instance string
	Errors   []struct{ Pointer, Detail string }
}

func read(t testing.TB, w *httptest.ResponseRecorder) answer {
	t.Helper()
	var a answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return a
}

// metric is the sum of a counter over the series that have the labels.
func (r *rig) metric(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	families, err := r.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		for _, m := range f.Metric {
			has := f.GetName() == "tracklayer_"+name
			for i := 0; i < len(labels); i += 2 {
				found := false
				for _, l := range m.Label {
					found = found || l.GetName() == labels[i] && l.GetValue() == labels[i+1]
				}
				has = has && found
			}
			if has {
				sum += m.Counter.GetValue() + float64(m.Histogram.GetSampleCount())
			}
		}
	}
	return sum
}

const exposure = `{"event_name":"experiment_exposed","event_id":"e-1","experiment_id":"checkout","variant":"b","user_id":"u-12","exposed_at":"2026-11-20T10:00:00Z"}`

func conversion(id string) string {
	return `{"event_name":"experiment_converted",` + id + `"conversion_event":"purchase","user_id":"u-12","value":"49.90","currency":"eur","converted_at":1795172400000,"attributes":{"n":[1]}}`
}

func TestNewSaysEveryFault(t *testing.T) {
	_, err := webhooks.New(webhooks.Options{
		Limits: webhooks.Limits{Body: -1},
		Sources: map[string]webhooks.Source{
			"api": {Adapter: toy.Adapter, Decoder: toy.Decoder}, "a/b": {Adapter: toy.Adapter, Decoder: toy.Decoder}, "none": {}, "other": {Adapter: toy.Adapter, Decoder: toy.Decoder, Source: adapters.Source{Name: "toy"}},
			"mute":  {Decoder: adapters.Decoder{Decode: toy.Decode, Reply: toy.Reply}, Secrets: [][]byte{{1}}},
			"nosey": {Adapter: adapters.Adapter{Headers: []string{"authorization"}}, Decoder: adapters.Decoder{Decode: toy.Decode, Reply: toy.Reply}},
		},
	})
	if err == nil {
		t.Fatal("took it")
	}
	for _, want := range []string{
		"Publisher, DeadLetters", "negative", `"api"`, `"a/b"`, `"none"`, `"other"`, "write key", "Authorization",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in\n%v", want, err)
		}
	}
	taken := prometheus.NewRegistry()
	o := webhooks.Options{Publisher: &shelf{}, DeadLetters: &shelf{}, WriteRequest: writeRequest, Metrics: taken}
	if _, err := webhooks.New(o); err != nil {
		t.Error(err)
	}
	if _, err := webhooks.New(o); err == nil {
		t.Error("two doors share their metrics")
	}
}

func TestRequestIDs(t *testing.T) {
	r := newRig(t)
	for given, taken := range map[string]bool{
		"abc-1": true, strings.Repeat("x", 128): true, "~!{}": true, "": false, strings.Repeat("x", 129): false, "a b": false, "é": false,
	} {
		w := r.post("x", "X-Request-Id", given)
		id := w.Header().Get("X-Request-Id")
		if taken != (id == given) || !taken && (len(id) != 36 || id[14] != '7') {
			t.Errorf("%q became %q", given, id)
		}
		if a := read(t, w); a.Instance != id {
			t.Errorf("instance %q, id %q", a.Instance, id)
		}
		if !strings.Contains(r.log.String(), id) {
			t.Errorf("%q is not in the log", id)
		}
		if letter := r.letters[len(r.letters)-1]; !strings.Contains(string(letter.Request), "X-Request-Id: "+id) {
			t.Errorf("not in the dead letter: %s", letter.Request)
		}
	}
}

// Nothing that a sender could want to keep to itself gets into the log.
func TestLogIsQuiet(t *testing.T) {
	r := newRig(t, func(o *webhooks.Options) { o.WriteKey = func(k, _, _ string) bool { return k == "s3cret" } })
	r.failEvent = errors.New("disk full")
	r.post(exposure, "X-Tracklayer-Key", "s3cret", "Cookie", "s3cret")
	r.failEvent = nil
	r.send("POST", "/v1/events?key=s3cret&mail=person", exposure)
	r.send("POST", "/v1/events?key=wrong-s3cret", exposure)
	r.send("POST", "/webhooks/toy/p?key=s3cret&mail=person", "bad\npanic person")
	r.send("POST", "/webhooks/toy/p?key=s3cret&mail=person", "torn")
	for _, word := range []string{"s3cret", "person", "u-12"} {
		if strings.Contains(r.log.String(), word) {
			t.Errorf("%q is in the log:\n%s", word, r.log)
		}
	}
	for _, word := range []string{"disk full", "request_id=", "source=toy", "panicked"} {
		if !strings.Contains(r.log.String(), word) {
			t.Errorf("%q is not in the log:\n%s", word, r.log)
		}
	}
}

func TestRequestsAreCounted(t *testing.T) {
	r := newRig(t)
	r.post(exposure)
	r.post("[")
	r.send("POST", "/webhooks/toy", "good 1")
	r.send("POST", "/webhooks/nobody-123", "good 1")
	for code, source := range map[string]string{"202": "api", "400": "api", "404": "unknown"} {
		if n := r.metric(t, "requests_total", "source", source, "code", code); n != 1 {
			t.Errorf("%s %s: %v", source, code, n)
		}
	}
	if n := r.metric(t, "request_seconds", "route", "/webhooks/:source"); n != 2 {
		t.Errorf("%v requests were timed", n)
	}
	if n := r.metric(t, "request_bytes"); n != 3 {
		t.Errorf("%v bodies were measured", n)
	}
}
