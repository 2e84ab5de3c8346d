package webhooks_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/webhooks"
)

// counter is a Publisher that costs nothing.
type counter struct{ n uint64 }

func (c *counter) Publish(_ context.Context, events []canonical.Event, _ ...canonical.Rejected) (uint64, error) {
	c.n += uint64(len(events))
	return c.n, nil
}

// sink is a ResponseWriter that costs nothing.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkPostEvents is the door alone: from a request that is read to an answer that is written, without the log.
func BenchmarkPostEvents(b *testing.B) {
	for _, n := range []int{1, 100} {
		for _, coding := range []string{"", "gzip", "zstd"} {
			b.Run(fmt.Sprintf("events=%d/coding=%s", n, coding), func(b *testing.B) { benchmark(b, n, coding) })
		}
	}
}

func benchmark(b *testing.B, n int, coding string) {
	var c counter
	door, err := webhooks.New(webhooks.Options{
		Publisher: &c, DeadLetters: &shelf{}, WriteRequest: writeRequest, Rules: rules, Metrics: prometheus.NewRegistry(),
		WriteKey: func(k, _, _ string) bool { return k == "key" }, Origins: []string{"*"},
	})
	if err != nil {
		b.Fatal(err)
	}
	e := echo.New()
	door.Register(e)
	body := strings.NewReader(wire(b, n, coding))
	req := httptest.NewRequest("POST", "/v1/events", nil)
	req.Header.Set("Authorization", "Bearer key")
	req.Header.Set("Content-Type", "application/json")
	req.ContentLength = body.Size()
	if coding != "" {
		req.Header.Set("Content-Encoding", coding)
	}
	w := &sink{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		if _, err := body.Seek(0, io.SeekStart); err != nil {
			b.Fatal(err)
		}
		req.Body = io.NopCloser(body)
		if e.ServeHTTP(w, req); w.status != http.StatusAccepted {
			b.Fatal(w.status)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(c.n), "ns/event")
}

// wire is a batch of n events as a backend sends them: exposures and conversions by turns.
func wire(b *testing.B, n int, coding string) string {
	events := make([]string, n)
	at := time.Now().UTC().Format(time.RFC3339)
	for i := range events {
		events[i] = fmt.Sprintf(`{"event_name":"experiment_exposed","event_id":"0198c7a2-5b1e-7c3a-9f10-%012d","experiment_id":"checkout_headline_test",`+
			`"variant":"variant_b","anonymous_id":"a-%d","user_id":"u-%d","exposed_at":"%s"}`, i, i, i, at)
		if i%2 == 1 {
			events[i] = fmt.Sprintf(`{"event_name":"experiment_converted","event_id":"0198c7a2-5b1e-7c3a-9f11-%012d","conversion_event":"purchase",`+
				`"user_id":"u-%d","value":49.90,"currency":"EUR","dedup_key":"order-%d","channel":"server","converted_at":"%s"}`, i, i, i, at)
		}
	}
	text := "[" + strings.Join(events, ",") + "]"
	if coding != "" {
		text = compress(b, coding, text)
	}
	return text
}
