package webhooks_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/webhooks"
)

func TestVendorOutcomes(t *testing.T) {
	r := newRig(t)
	w := r.send("POST", "/webhooks/toy/v2/track?x=1", "good 1\nbad\nskip summary\ngood\nskip summary\nskip other", "X-Toy", "1", "X-Other", "2")
	if w.Code != 202 || w.Body.String() != "2 1 3" || w.Header().Get("Content-Type") != "text/toy" || w.Header().Get("Tracklayer-Stream-Seq") != "2" {
		t.Fatalf("%d %s %v", w.Code, w.Body, w.Header())
	}
	if e := r.events[0]; e.Source != "toy" || e.ID != "1" || e.ReceivedAt != canonical.TimeOf(noon) {
		t.Errorf("%+v", e)
	}
	if e := r.events[1]; e.IDOrigin != canonical.FromServer {
		t.Errorf("%+v", e)
	}
	if l := r.letters[0]; l.Source != "toy" || l.Reason != "toy: is bad" || l.Rejected != 1 || l.Items[0] != 1 || !strings.HasPrefix(string(l.Request), "POST /v2/track?x=1\n") {
		t.Errorf("%+v", l)
	}
	for labels, want := range map[[2]string]float64{{"outcome", "accepted"}: 2, {"outcome", "rejected"}: 1, {"outcome", "ignored"}: 3} {
		if n := r.metric(t, "events_total", "source", "toy", labels[0], labels[1]); n != want {
			t.Errorf("%v: %v", labels, n)
		}
	}
	if n := r.metric(t, "ignored_total", "source", "toy", "reason", "summary"); n != 2 {
		t.Errorf("%v summaries", n)
	}
	if n := r.metric(t, "dead_letters_total", "source", "toy"); n != 1 {
		t.Errorf("%v dead letters", n)
	}
}

func TestVendorRoutes(t *testing.T) {
	r := newRig(t)
	for target, status := range map[string]int{
		"/webhooks/toy": 202, "/webhooks/toy/": 202, "/webhooks/toy/a/b": 202, "/webhooks/t%6fy/a": 202, "/webhooks/nobody": 404, "/webhooks/nobody/toy": 404, "/webhooks/%2ftoy": 404,
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "REPORT"} {
			w := r.send(method, target, "")
			if w.Code != status || status == 202 && w.Header().Get("Tracklayer-Stream-Seq") != "0" || w.Header().Get("X-Request-Id") == "" {
				t.Errorf("%s %s: %d %v", method, target, w.Code, w.Header())
			}
			if status == 404 && w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s %s: %v", method, target, w.Header())
			}
		}
	}
	// What a GET sends in its body is nobody's.
	if w := r.send("GET", "/webhooks/toy", "good 1"); w.Code != 202 || r.calls != 0 {
		t.Errorf("%d, published %d times", w.Code, r.calls)
	}
}

func TestVendorFailures(t *testing.T) {
	full := errors.New("full")
	cases := []struct {
		name, path, body string
		events, letters  error
		status           int
		kept             int
	}{
		{"unreadable", "", "torn", nil, nil, 400, 1},
		{"an error of no kind", "", "odd", nil, nil, 400, 1},
		{"panic", "", "panic of the adapter", nil, nil, 400, 1},
		{"events fail", "", "good 1", full, nil, 503, 0},
		{"events fail beside a dead letter", "", "good 1\nbad", full, nil, 503, 1},
		{"dead letters fail", "", "good 1\nbad", nil, full, 503, 0},
		{"unreadable and dead letters fail", "", "torn", nil, full, 503, 0},
		{"panic and dead letters fail", "", "panic", nil, full, 503, 0},
		{"an answer that claims too much", "/reply-lies", "good 1", full, nil, 503, 0},
		{"an answer that panics", "/reply-panics", "", nil, nil, 500, 0},
		{"too large", "", strings.Repeat("x", 5<<20+1), nil, nil, 413, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.failEvent, r.failLetter = c.events, c.letters
			w := r.send("POST", "/webhooks/toy"+c.path, c.body)
			if w.Code != c.status || len(r.letters) != c.kept || len(r.events) != 0 || r.metric(t, "events_total") != 0 {
				t.Fatalf("%d %s, %d letters", w.Code, w.Body, len(r.letters))
			}
			if (c.status == 503) != (w.Header().Get("Retry-After") == "1") {
				t.Errorf("%v", w.Header())
			}
			if n := r.metric(t, "requests_total", "source", "toy", "code", fmt.Sprint(c.status)); n != 1 {
				t.Errorf("counted %v", n)
			}
			if c.kept == 1 && c.status == 400 && (r.letters[0].Items != nil || !strings.HasSuffix(string(r.letters[0].Request), c.body)) {
				t.Errorf("%+v", r.letters[0])
			}
			if c.status >= 500 && !strings.Contains(r.log.String(), "level=ERROR") {
				t.Errorf("nothing in the log: %s", r.log)
			}
		})
	}
	if w := newRig(t).send("POST", "/webhooks/toy", "x", "Content-Encoding", "lzma"); w.Code != 415 {
		t.Errorf("a coding that nobody knows: %d", w.Code)
	}
}

// A vendor's reasons come from an adapter; the labels stay bounded even where a sender gets a word in.
func TestIgnoredReasonsAreBounded(t *testing.T) {
	r := newRig(t)
	for i := range 200 {
		r.send("POST", "/webhooks/toy", fmt.Sprintf("skip %d", i))
	}
	r.send("POST", "/webhooks/toy", "skip \xff")
	families, err := r.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "tracklayer_ignored_total" && len(f.Metric) > 41 {
			t.Errorf("%d series", len(f.Metric))
		}
	}
	if n := r.metric(t, "ignored_total", "source", "toy"); n != 201 {
		t.Errorf("%v ignored", n)
	}
}

// The deployment's rules hold for every source.
func TestRulesReachTheAdapters(t *testing.T) {
	r := newRig(t, func(o *webhooks.Options) {
		o.Rules = canonical.DefaultRules("u-1")
		o.Sources["toy"] = webhooks.Source{Adapter: toy.Adapter, Decoder: toy.Decoder}
	})
	if w := r.send("POST", "/webhooks/toy", "good 1"); w.Body.String() != "0 1 0" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// What a file is decoded to is what the ingest endpoints would have stored.
func TestOffline(t *testing.T) {
	source := webhooks.Source{Adapter: toy.Adapter, Decoder: toy.Decoder, Source: adapters.Source{Name: "toy", Rules: rules}}
	body, err := webhooks.Decompress("gzip, zstd", []byte(compress(t, "zstd", compress(t, "gzip", "good 1\nbad"))), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	e := adapters.Envelope{Body: body, ReceivedAt: canonical.TimeOf(noon), Header: http.Header{"X-Toy": {"1"}, "X-Other": {"2"}}}
	if b, err := webhooks.Decode(source, e, nil); err != nil || b.Items != 2 || len(b.Events) != 1 || len(b.Rejected) != 1 {
		t.Errorf("%+v %v", b, err)
	}
	e.Body = []byte("panic")
	if _, err := webhooks.Decode(source, e, nil); !errors.Is(err, adapters.ErrUnreadable) {
		t.Errorf("a panic: %v", err)
	}
	if text, err := webhooks.Decompress("", []byte("x"), 1); string(text) != "x" || err != nil {
		t.Errorf("%q %v", text, err)
	}
	if _, err := webhooks.Decompress("gzip", []byte("\x1f\x8bx"), 1); !errors.Is(err, adapters.ErrUnreadable) {
		t.Errorf("corrupt: %v", err)
	}
	if _, err := webhooks.Decompress("br", []byte("x"), 1); err == nil {
		t.Error("took a coding that nobody knows")
	}
	if _, err := webhooks.Decompress("gzip", []byte(compress(t, "gzip", "xx")), 1); !errors.Is(err, adapters.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
}
