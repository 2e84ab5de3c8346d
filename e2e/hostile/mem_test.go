package hostile

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

func gzipped(tb testing.TB, text []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := z.Write(text); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// send posts a body and returns the status, the headers and the start of the answer.
func (s *server) send(path, contentType, coding string, body []byte) (int, http.Header, string) {
	s.tb.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://"+s.addr+path, bytes.NewReader(body))
	if err != nil {
		s.tb.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if coding != "" {
		req.Header.Set("Content-Encoding", coding)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.tb.Fatalf("%s: %v", path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 500))
	if err != nil {
		s.tb.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Header, string(text)
}

// filled is a text of nearly 5 MB: as many elements as fit between two brackets.
func bombOf(open, element, separator, closing string) []byte {
	return []byte(repeat(open, element, separator, closing, (5<<20-64-len(open)-len(closing))/(len(element)+len(separator))))
}

func repeat(open, element, separator, closing string, n int) string {
	return open + strings.TrimSuffix(strings.Repeat(element+separator, n), separator) + closing
}

// bomb is a small request that unfolds to as many items as 5 MiB hold.
type bomb struct{ name, path, contentType, coding, open, element, separator, closing string }

var bombs = []bomb{
	{"api array", "/v1/events", "application/json", "gzip", "[", "{}", ",", "]"},
	{"api lines", "/v1/events", "application/x-ndjson", "gzip", "", "{}", "\n", ""},
	{"growthbook", "/webhooks/growthbook", "application/json", "gzip", "[", "{}", ",", "]"},
	{"launchdarkly", "/webhooks/launchdarkly/bulk", "application/json", "gzip", "[", "{}", ",", "]"},
	{"launchdarkly scalars", "/webhooks/launchdarkly/bulk", "application/json", "gzip", "[", "1", ",", "]"},
	{"optimizely visitors", "/webhooks/optimizely/v1/events", "application/json", "gzip", `{"account_id":"1","visitors":[`, "{}", ",", "]}"},
	{"optimizely events", "/webhooks/optimizely/v1/events", "application/json", "gzip", `{"account_id":"1","visitors":[{"visitor_id":"v","snapshots":[{"events":[`, "{}", ",", "]}]}]}"},
	{"posthog", "/webhooks/posthog/batch/", "application/json", "gzip", `{"api_key":"k","batch":[`, "{}", ",", "]}"},
	{"posthog nulls", "/webhooks/posthog/batch/", "application/json", "gzip", `[`, "null", ",", "]"},
	{"posthog, coded by the SDK", "/webhooks/posthog/e/?compression=gzip-js", "text/plain", "", `{"api_key":"k","batch":[`, "{}", ",", "]}"},
	{"posthog, a form", "/webhooks/posthog/e/", "application/x-www-form-urlencoded", "form", `{"api_key":"k","batch":[`, "{}", ",", "]}"},
	{"statsig", "/webhooks/statsig/v1/log_event", "application/json", "gzip", `{"events":[`, "{}", ",", "]}"},
	{"statsig, without a header", "/webhooks/statsig/v1/rgstr?gz=1", "application/json", "", `{"events":[`, "{}", ",", "]}"},
	{"vwo", "/webhooks/vwo/events/t", "application/json", "gzip", `{"ev":[`, "{}", ",", "]}"},
	{"vwo array", "/webhooks/vwo/server-side/batch-events-v2", "application/json", "gzip", `{"ev":[`, `{"a":1}`, ",", "]}"},
	{"otel json", "/webhooks/otel/v1/logs", "application/json", "gzip", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[`, "{}", ",", "]}]}]}"},
	{"broken json", "/webhooks/launchdarkly/bulk", "application/json", "gzip", "[", `{"a":NaN}`, ",", "]"},
	{"broken lines", "/webhooks/launchdarkly/bulk", "application/x-ndjson", "gzip", "x\n", `{`, "\n", ""},
	{"objects in one another", "/webhooks/launchdarkly/bulk", "application/json", "gzip", "[{", `"a":{}`, ",", "}]"},
}

// wire is the body as it is sent.
func (b bomb) wire(tb testing.TB) (body []byte, coding string) {
	text := gzipped(tb, bombOf(b.open, b.element, b.separator, b.closing))
	if b.coding == "form" {
		return []byte("compression=gzip-js&data=" + url.QueryEscape(base64.StdEncoding.EncodeToString(text))), ""
	}
	return text, b.coding
}

// TestItemBombsAreRefusedBeforeTheyAreDecoded: a request of a few kilobytes that unfolds to millions of items costs little
// more than its text, at every endpoint and in every coding.
func TestItemBombsAreRefusedBeforeTheyAreDecoded(t *testing.T) {
	for _, b := range bombs {
		t.Run(b.name, func(t *testing.T) {
			s := start(t, "")
			before := s.memory("VmHWM")
			body, coding := b.wire(t)
			for range 4 {
				status, _, answer := s.send(b.path, b.contentType, coding, body)
				// An endpoint that does not read lines finds no JSON there, which is another reason to refuse it.
				if status != http.StatusRequestEntityTooLarge && (b.name != "broken lines" || status != http.StatusBadRequest) {
					t.Fatalf("%d bytes are answered with %d %s", len(body), status, answer)
				}
			}
			if grown := s.memory("VmHWM") - before; grown > 64*mib {
				t.Errorf("the process took %d MiB for it", grown/mib)
			} else {
				t.Logf("%d bytes, %d MiB", len(body), grown/mib)
			}
		})
	}
}

// TestProtobufBombIsRefused: a log record of OTLP takes two bytes.
func TestProtobufBombIsRefused(t *testing.T) {
	s := start(t, "")
	field := func(number byte, text []byte) []byte {
		out := []byte{number<<3 | 2}
		for n := len(text); ; n >>= 7 {
			if n < 0x80 {
				return append(append(out, byte(n)), text...)
			}
			out = append(out, byte(n)|0x80)
		}
	}
	before := s.memory("VmHWM")
	body := gzipped(t, field(1, field(2, bytes.Repeat([]byte{0x12, 0}, 2_500_000))))
	status, _, answer := s.send("/webhooks/otel/v1/logs", "application/x-protobuf", "gzip", body)
	if status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d bytes are answered with %d %q", len(body), status, answer)
	}
	if grown := s.memory("VmHWM") - before; grown > 64*mib {
		t.Errorf("the process took %d MiB for it", grown/mib)
	}
}

// events is a batch for /v1/events of as many users, each event with an attribute of so many bytes.
func events(n, attribute int) []byte {
	text := []byte{'['}
	for i := range n {
		text = fmt.Appendf(text, `{"event_name":"experiment_exposed","experiment_id":"x","variant":"a","user_id":"u-%d","exposed_at":"2026-11-20T10:00:00Z","attributes":{"p":"%s"}},`,
			i, strings.Repeat("x", attribute))
	}
	return append(text[:len(text)-1], ']')
}

// TestMemoryStaysWithinItsLimit: 64 connections that send the largest bodies, bodies that cannot be counted and items bombs,
// while the pages and the lists of dead letters are read, stay within limits.memory and 150 MiB.
func TestMemoryStaysWithinItsLimit(t *testing.T) {
	for _, c := range []struct {
		name, path string
		body       []byte
		coding     string
	}{
		{"small events", "/v1/events", events(9800, 360), ""},
		{"small events, compressed", "/v1/events", gzipped(t, events(9800, 360)), "gzip"},
		{"most events", "/v1/events", events(19_900, 1), "gzip"},
		{"large events", "/v1/events", events(5, 1_000_000), ""},
		{"dead letters", "/v1/events", []byte(repeat("[", `{"event_name":"x","a":"`+strings.Repeat("y", 180)+`"}`, ",", "]", 19_000)), ""},
		{"corrupt bodies", "/webhooks/launchdarkly/bulk", append([]byte{0x1f, 0x8b}, bytes.Repeat([]byte("x"), 1<<20)...), "gzip"},
		{"coded by the SDK", "/webhooks/posthog/e/?compression=gzip-js", gzipped(t, bombOf(`{"api_key":"k","batch":[`, "{}", ",", "]}")), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, "limits: {memory: 320MiB}\n")
			body, coding := c.body, c.coding
			if coding == "gzip" && body[0] == '[' {
				body = gzipped(t, body)
			}
			statuses := s.floodOf(64, 96, c.path, coding, body)
			t.Log(statuses, s.memory("VmHWM")/mib, "MiB")
			if most := s.memory("VmHWM"); most > (320+150)*mib {
				t.Errorf("the process took %d MiB", most/mib)
			}
		})
	}
}

// flood sends a body many times over connections side by side, looks at pages meanwhile, and counts the statuses; 0 is no
// answer.
func (s *server) floodOf(connections, requests int, path, coding string, body []byte) map[int]int {
	s.tb.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}, Timeout: 30 * time.Second}
	var mu sync.Mutex
	statuses := map[int]int{}
	var group, watching sync.WaitGroup
	done := make(chan struct{})
	for _, page := range []string{"http://" + s.addr + "/sources", "http://" + s.admin + "/deadletters"} {
		watching.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if resp, err := client.Get(page); err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			}
		})
	}
	for n := range connections {
		group.Go(func() {
			for i := n; i < requests; i += connections {
				req, err := http.NewRequest(http.MethodPost, "http://"+s.addr+path, bytes.NewReader(body))
				if err != nil {
					s.tb.Error(err)
					return
				}
				req.Header.Set("Content-Type", "application/json")
				if coding != "" {
					req.Header.Set("Content-Encoding", coding)
				}
				status := 0
				if resp, err := client.Do(req); err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					status = resp.StatusCode
				}
				mu.Lock()
				statuses[status]++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	close(done)
	watching.Wait()
	return statuses
}

// TestHonestLoadIsNotRefused: the bounds on memory and on senders are far from what an application sends.
func TestHonestLoadIsNotRefused(t *testing.T) {
	s := start(t, "")
	for _, c := range []struct{ connections, events int }{{8, 100}, {64, 1}} {
		if got := s.floodOf(c.connections, 5*c.connections, "/v1/events", "", events(c.events, 10)); got[http.StatusAccepted] != 5*c.connections {
			t.Errorf("%d connections with %d events each: %v", c.connections, c.events, got)
		}
	}
}
