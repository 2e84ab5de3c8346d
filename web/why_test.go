package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/web"
)

// story is one experiment with everybody who can turn up in it.
func story(t testing.TB) *world {
	t.Helper()
	w := open(t)
	w.post(headline).must(t, http.StatusCreated)
	event := func(kind canonical.Kind, id string, hours float64, edit func(*canonical.Event)) canonical.Event {
		e := canonical.Event{Kind: kind, ID: id, At: start + canonical.Time(hours*3_600_000)}
		switch kind {
		case canonical.Exposed, canonical.EndedEarly:
			e.ExperimentID, e.Variant = "checkout", "control"
		case canonical.Converted:
			e.ConversionEvent = "purchase"
		}
		edit(&e)
		return e
	}
	as := func(user string) func(*canonical.Event) { return func(e *canonical.Event) { e.UserID = user } }
	w.send(
		event(canonical.Exposed, "x-1", 0, func(e *canonical.Event) { e.AnonymousID = "a-77" }),
		event(canonical.Linked, "l-1", 1, func(e *canonical.Event) { e.UserID, e.AnonymousID = "=u-12", "a-77" }),
		event(canonical.Linked, "l-2", 1.5, func(e *canonical.Event) { e.UserID, e.AnonymousID = "other", "a-77" }),
		event(canonical.Converted, "c-1", 2.1666667, func(e *canonical.Event) {
			e.UserID, e.DedupKey, e.Channel, e.Value, e.Currency = "=u-12", "order-9", canonical.Server, canonical.Micro(-49_900_000), "EUR"
		}),
		event(canonical.Converted, "c-2", 2, func(e *canonical.Event) {
			e.AnonymousID, e.DedupKey, e.Channel, e.MetricValue = "a-77", "order-9", canonical.Client, canonical.Micro(3_000_000)
		}),
		event(canonical.Converted, "c-3", 192, as("=u-12")),
		event(canonical.Converted, "c-0", -0.5, as("=u-12")),
		event(canonical.Exposed, "x-2", 3, as("crossed, twice")),
		event(canonical.Exposed, "x-3", 4, func(e *canonical.Event) { e.UserID, e.Variant = "crossed, twice", "b" }),
		event(canonical.Converted, "c-4", 5, as("crossed, twice")),
		event(canonical.Exposed, "x-4", 3, as(`ended "early"`)),
		event(canonical.EndedEarly, "s-1", 6, func(e *canonical.Event) { e.UserID, e.EndedReason = `ended "early"`, "pricing incident" }),
		event(canonical.Converted, "c-5", 5, as(`ended "early"`)),
		event(canonical.Exposed, "x-5", 3, func(e *canonical.Event) { e.UserID, e.Variant = "lost", "nowhere" }),
		event(canonical.Converted, "c-6", 5, as("lost")),
		event(canonical.Exposed, "x-6", 3, as("quiet/é")),
		event(canonical.Converted, "c-7", 5, func(e *canonical.Event) { e.UserID, e.ExperimentID, e.Variant = "stranger", "checkout", "b" }),
		event(canonical.Exposed, "x-7", 3, as("newer")),
		event(canonical.Converted, "c-8", 5, as("older")),
		event(canonical.Linked, "l-3", 9, func(e *canonical.Event) { e.UserID, e.PreviousUserID = "newer", "older" }),
	)
	return w
}

// golden compares with a file; UPDATE_GOLDEN=1 writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: %s\nwant %s", name, got, want)
	}
}

func TestTrace(t *testing.T) {
	w := story(t)
	a := w.get("/v1/units/anonymous/a-77").must(t, http.StatusOK)
	if a.Header().Get("Tracklayer-Stream-Seq") != "21" || a.json["as_of"].(map[string]any)["stream_seq"] != 21.0 {
		t.Errorf("%v %s", a.Header(), a.Body)
	}
	pretty, err := json.MarshalIndent(json.RawMessage(a.Body.Bytes()), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "trace.json", string(pretty)+"\n")
	why := map[string]string{}
	for _, who := range []string{"=u-12", "crossed%2C%20twice", "ended%20%22early%22", "lost", "quiet%2F%C3%A9", "stranger", "older", "other"} {
		var tr core.Trace
		if err := json.Unmarshal(w.get("/v1/units/user/"+who).must(t, http.StatusOK).Body.Bytes(), &tr); err != nil {
			t.Fatal(err)
		}
		for _, x := range tr.Experiments {
			all := x.Waiting
			for _, r := range x.Runs {
				all = append(all, r.Conversions...)
			}
			for _, c := range all {
				why[c.EventID] = c.Why
			}
		}
	}
	for id, want := range map[string]string{
		"c-0": "before the exposure: 30 min before the first exposure at 2026-11-20T00:00:00Z",
		"c-1": "counted: 2 h 10 min after the first exposure at 2026-11-20T00:00:00Z, within 168 h",
		"c-2": "duplicate of event c-1 from api: same purchase order-9; that one is kept because channel server goes before client",
		"c-3": "outside the window: 8 d after the first exposure at 2026-11-20T00:00:00Z; the window is 168 h",
		"c-4": "crossover, excluded: the person met b and control; else it would count: 2 h after the first exposure at 2026-11-20T03:00:00Z, within 168 h",
		"c-5": "ended early, excluded: the participation was ended at 2026-11-20T06:00:00Z (pricing incident); else it would count: 2 h after the first exposure at 2026-11-20T03:00:00Z, within 168 h",
		"c-6": `unknown variant: the person met only "nowhere", which the registry does not know`,
		"c-7": "no exposure: it names this experiment, and the person has no exposure in any run of it; it counts as soon as one arrives",
		"c-8": "counted: 2 h after the first exposure at 2026-11-20T03:00:00Z, within 168 h",
	} {
		if why[id] != want {
			t.Errorf("%s: %s\nwant %s", id, why[id], want)
		}
	}
}

func TestAssociations(t *testing.T) {
	w := story(t)
	const at = "/v1/experiments/checkout/associations"
	raw := func(target string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		a := httptest.NewRecorder()
		w.echo.ServeHTTP(a, r)
		return a
	}
	nd := raw(at)
	if nd.Code != 200 || nd.Header().Get("Content-Type") != "application/x-ndjson; charset=utf-8" || nd.Header().Get("Tracklayer-Stream-Seq") != "21" {
		t.Errorf("%d %v", nd.Code, nd.Header())
	}
	golden(t, "associations.ndjson", nd.Body.String())
	golden(t, "associations.csv", raw(at+"?format=csv").Body.String())
	for _, line := range strings.Split(strings.TrimSpace(nd.Body.String()), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
	if empty := raw("/v1/experiments/checkout/associations?format=csv&run=1", "Accept", "text/html"); empty.Code != 200 {
		t.Errorf("format must win over Accept: %d", empty.Code)
	}
	for accept, want := range map[string]string{
		"text/csv": "text/csv; charset=utf-8", "*/*": "application/x-ndjson; charset=utf-8", "text/html, text/*;q=0.5": "text/csv; charset=utf-8",
		"text/csv;q=0.2, application/x-ndjson;q=0.9": "application/x-ndjson; charset=utf-8", "text/csv, */*": "application/x-ndjson; charset=utf-8",
	} {
		if got := raw(at, "Accept", accept).Header().Get("Content-Type"); got != want {
			t.Errorf("Accept %s gets %s, want %s", accept, got, want)
		}
	}
	w.post(`{"id":"none","variants":[{"key":"a"},{"key":"b"}]}`).must(t, http.StatusCreated)
	if a := raw("/v1/experiments/none/associations"); a.Code != 200 || a.Body.Len() != 0 {
		t.Errorf("no rows: %d %s", a.Code, a.Body)
	}
}

func TestBadQuestions(t *testing.T) {
	w := story(t)
	cases := []struct {
		target   string
		header   []string
		status   int
		pointers string
	}{
		{"/v1/units/user/nobody", nil, 404, ""},
		{"/v1/units/user/a-77", nil, 404, ""}, // an id of the other kind
		{"/v1/units/device/a-77", nil, 404, ""},
		{"/v1/units/User/older", nil, 404, ""},
		{"/v1/units/user/quiet%2F%C3%A9", nil, 200, ""},
		{"/v1/units/user/quiet%252F%C3%A9", nil, 404, ""},
		{"/v1/units/user/%00", nil, 404, ""},
		{"/v1/units/user/%FF", nil, 404, ""},
		{"/v1/units/user/" + strings.Repeat("x", 5000), nil, 404, ""},
		{"/v1/experiments/nothing/associations", nil, 404, ""},
		{"/v1/experiments/checkout/associations?run=2", nil, 404, ""},
		{"/v1/experiments/checkout/associations?run=0&format=xml", nil, 400, "/run /format"},
		{"/v1/experiments/checkout/associations?run=1.5", nil, 400, "/run"},
		{"/v1/experiments/checkout/associations", []string{"Accept", "text/html"}, 406, ""},
		{"/v1/experiments/checkout/associations", []string{"Accept", "text/csv;q=0"}, 406, ""},
		{"/v1/experiments/checkout/associations", []string{"Accept", ";;"}, 406, ""},
	}
	for _, c := range cases {
		if a := w.get(c.target, c.header...); a.Code != c.status || a.pointers() != c.pointers {
			t.Errorf("%.80s %v: %d at %q, want %d at %q: %s", c.target, c.header, a.Code, a.pointers(), c.status, c.pointers, a.Body)
		}
	}
	for target, want := range map[string]string{"/v1/units/user/older": "DELETE, GET", "/v1/experiments/checkout/associations": "GET"} {
		if allow := w.do("POST", target, "").must(t, http.StatusMethodNotAllowed).Header().Get("Allow"); allow != want {
			t.Errorf("%s: Allow: %s", target, allow)
		}
		locked := open(t, func(o *web.Options) { o.ReadKey = func(string) bool { return false } })
		locked.get(target).must(t, http.StatusUnauthorized)
	}
}

var errDisk = errors.New("the disk is gone")

// failing loses its disk after so many rows.
type failing struct {
	*core.Fold
	after int
}

func (f failing) Associations(ctx context.Context, experiment string, run int, begin func(*sums.View) error, each func(*core.Association) error) error {
	n := 0
	return f.Fold.Associations(ctx, experiment, run, begin, func(a *core.Association) error {
		if n++; n > f.after {
			return errDisk
		}
		return each(a)
	})
}

// TestBrokenOff: an answer that cannot be finished does not look finished.
func TestBrokenOff(t *testing.T) {
	w := open(t)
	var events []canonical.Event
	for i := range 1000 {
		events = append(events, exposed("seen", fmt.Sprint("u", i), "a"))
	}
	w.send(events...)
	for after, status := range map[int]int{0: 500, 10: 500, 900: 200} {
		s := open(t, func(o *web.Options) { o.State = failing{w.Fold, after} })
		server := httptest.NewServer(s.echo)
		r, err := http.Get(server.URL + "/v1/experiments/seen/associations")
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 1<<20)
		for n := 0; err == nil; {
			n, err = r.Body.Read(buf)
			_ = n
		}
		if r.StatusCode != status || (err.Error() == "EOF") != (status == 500) {
			t.Errorf("after %d rows: %d, then %v", after, r.StatusCode, err)
		}
		r.Body.Close()
		server.Close()
	}
}

// nowhere takes every answer.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n *nowhere) WriteHeader(int)             {}

// BenchmarkTrace is the answer about a person with 10,000 events.
func BenchmarkTrace(b *testing.B) {
	w := open(b)
	w.post(headline)
	var events []canonical.Event
	for i := range 5000 {
		x, c := exposed("checkout", "u", "b"), purchased("u")
		x.At, c.At = x.At+canonical.Time(i), c.At+canonical.Time(i)
		c.DedupKey = "order-" + strconv.Itoa(i)
		events = append(events, x, c)
	}
	w.send(events[0], events[2])
	for i := range 5000 {
		if events[2*i].ID = "x" + strconv.Itoa(i); i > 1 {
			w.send(events[2*i])
		}
	}
	for i := range 5000 {
		w.send(events[2*i+1])
	}
	r := httptest.NewRequest(http.MethodGet, "/v1/units/user/u", nil)
	for b.Loop() {
		w.echo.ServeHTTP(&nowhere{header: http.Header{}}, r)
	}
}
