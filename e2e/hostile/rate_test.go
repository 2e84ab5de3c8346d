package hostile

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestASenderOverItsRateWaits: one address that sends too much hears 429, or what its vendor's SDK tries again after, and
// every other address is served.
func TestASenderOverItsRateWaits(t *testing.T) {
	s := start(t, "limits: {rate: 100, rate_exempt: [203.0.113.0/24], address_header: X-Client-Address, address_from: [127.0.0.1]}\n")
	post := func(from, path string, body []byte) (int, http.Header, string) {
		t.Helper()
		req, err := http.NewRequest(http.MethodPost, "http://"+s.addr+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Client-Address", from)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, resp.Header, string(text)
	}
	if status, _, text := post("198.51.100.1", "/v1/events", events(5000, 1)); status != http.StatusAccepted { // owes 45 seconds
		t.Fatal(status, text)
	}
	status, header, text := post("198.51.100.1", "/v1/events", events(1, 1))
	if status != http.StatusTooManyRequests || header.Get("Retry-After") == "" || !strings.Contains(text, "limits.rate") {
		t.Errorf("over the rate: %d %v %s", status, header, text)
	}
	for vendor, want := range map[string]int{"launchdarkly/bulk": 503, "statsig/v1/log_event": 503, "posthog/batch/": 503} {
		if status, header, text := post("198.51.100.1", "/webhooks/"+vendor, []byte("[]")); status != want || header.Get("Retry-After") == "" {
			t.Errorf("%s over the rate: %d %v %s", vendor, status, header, text)
		}
	}
	for _, other := range []string{"198.51.100.2", "203.0.113.9"} {
		for range 3 {
			if status, _, text := post(other, "/v1/events", events(100, 1)); status != http.StatusAccepted {
				t.Errorf("%s is refused as well: %d %s", other, status, text)
			}
		}
	}
	if status, _, _ := post("203.0.113.9", "/v1/events", events(5000, 1)); status != http.StatusAccepted {
		t.Error("an address without a limit is refused")
	}
	if status, _, text := post("203.0.113.9", "/v1/events", events(1, 1)); status != http.StatusAccepted {
		t.Errorf("an address without a limit is refused: %d %s", status, text)
	}
}

// TestSmallSendersGetThroughAFlood: sixteen connections that send the largest batches refuse nothing to one that sends small
// ones, and what they send is stored whole or not at all.
func TestSmallSendersGetThroughAFlood(t *testing.T) {
	s := start(t, "limits: {memory: 1GiB}\n") // so that the queue is what is short
	flood := gzipped(t, events(10_000, 1))
	var group sync.WaitGroup
	var stop atomic.Bool
	var stored atomic.Int64
	for range 16 {
		group.Go(func() {
			for !stop.Load() {
				req, err := http.NewRequest(http.MethodPost, "http://"+s.addr+"/v1/events", bytes.NewReader(flood))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("Content-Encoding", "gzip")
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode == http.StatusAccepted {
					stored.Add(10_000)
				}
			}
		})
	}
	small := 0
	for range 8 {
		status, _, text := s.send("/v1/events", "application/json", "", events(10, 1))
		if status != http.StatusAccepted {
			t.Errorf("a small request: %d %s", status, text)
			break
		}
		small += 10
	}
	stop.Store(true)
	group.Wait()
	resp, err := http.Get("http://" + s.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || !strings.Contains(string(metrics), `tracklayer_overload_total{reason="queue",source="api"}`) {
		t.Errorf("the queue was never full, so this shows nothing: %v", err)
	}
	status, header, text := s.send("/v1/events", "application/json", "", events(1, 1))
	if want := stored.Load() + int64(small) + 1; status != http.StatusAccepted || header.Get("Tracklayer-Stream-Seq") != strconv.FormatInt(want, 10) {
		t.Errorf("%d %s: the log is at %s, acknowledged were %d events", status, text, header.Get("Tracklayer-Stream-Seq"), want)
	}
}

// TestIdleConnectionsKeepNoOneOut: past the cap, the connection that has been idle longest makes room.
func TestIdleConnectionsKeepNoOneOut(t *testing.T) {
	s := start(t, "limits: {connections: 40}\n")
	for range 200 {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if status, _, text := s.send("/v1/events", "application/json", "", events(1, 1)); status != http.StatusAccepted {
		t.Errorf("%d %s", status, text)
	}
	if out := s.out.String(); strings.Count(out, "limits.connections") != 1 {
		t.Errorf("one line says so:\n%s", out)
	}
}

// TestAClientThatDoesNotReadIsCutOff: an answer that no one reads is not kept for ever.
func TestAClientThatDoesNotReadIsCutOff(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 20 s")
	}
	s := start(t, "")
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	// Requests whose answers are never read, until the server cannot write any more and stops to read.
	request := []byte("GET /openapi.json HTTP/1.1\r\nHost: " + s.addr + "\r\n\r\n")
	deadline := time.Now().Add(40 * time.Second)
	if err := conn.SetWriteDeadline(deadline); err != nil {
		t.Fatal(err)
	}
	for time.Now().Before(deadline) {
		if _, err := conn.Write(request); err != nil {
			if time.Now().Before(deadline) {
				return // the server has closed the connection
			}
			break
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("the connection is still open")
}
