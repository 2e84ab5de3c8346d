package hostile

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// sendAs posts events from a client address that a proxy names, with a key if there is one.
func (s *server) sendAs(address, key, path, coding string, body []byte) (int, string) {
	req, err := http.NewRequest(http.MethodPost, "http://"+s.addr+path, bytes.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	req.Header.Set("X-Client-Address", address)
	req.Header.Set("Content-Type", "application/json")
	if coding != "" {
		req.Header.Set("Content-Encoding", coding)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(text)
}

const proxied = "address_header: X-Client-Address, address_from: [127.0.0.1]"

// TestASharedRateHoldsForAllSenders: limits.rate_shared counts what all addresses send with one key, to whichever source,
// and to one source, with whichever key. Others are served.
func TestASharedRateHoldsForAllSenders(t *testing.T) {
	first, second := drawKey(t), drawKey(t)
	s := start(t, fmt.Sprintf("keys: {write: [%s, %s]}\nlimits: {rate: 0, rate_shared: 10, %s}\n", first, second, proxied))
	const other = "/webhooks/posthog/batch/"
	item := []byte(`{"api_key":"k","batch":[]}`)
	if status, text := s.sendAs("198.51.100.1", first, "/v1/events", "", events(5000, 1)); status != http.StatusAccepted { // owes more than eight minutes
		t.Fatal(status, text)
	}
	for range 5 {
		for _, address := range []string{"198.51.100.1", "198.51.100.2", "203.0.113.7"} {
			for _, key := range []string{first, second} {
				if status, text := s.sendAs(address, key, "/v1/events", "", events(1, 1)); status != http.StatusTooManyRequests || !strings.Contains(text, "limits.rate_shared") {
					t.Errorf("%s to the same source: %d %s", address, status, text)
				}
			}
			if status, text := s.sendAs(address, first, other, "", item); status != http.StatusServiceUnavailable {
				t.Errorf("%s with the same key: %d %s", address, status, text)
			}
			if status, text := s.sendAs(address, second, other, "", item); status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
				t.Errorf("%s with another key to another source: %d %s", address, status, text)
			}
		}
	}
}

// TestOneSenderHasAShareOfTheQueue: a sender with many connections is refused at a quarter of the queue while another one
// waits, and the other one, which sends a tenth as much, is never refused.
func TestOneSenderHasAShareOfTheQueue(t *testing.T) {
	s := start(t, "limits: {memory: 1GiB, rate: 0, "+proxied+"}\n") // so that the queue is what is short
	const share = "Events of this sender wait"
	const enough = 300                          // requests of the modest sender
	const refusedPause = 100 * time.Millisecond // reading and refusing such a request takes a core, which the others need
	flood, modest := gzipped(t, events(10_000, 1)), gzipped(t, events(1000, 1))
	var group sync.WaitGroup
	var stop atomic.Bool
	var taken, shared, others atomic.Int64 // answers to the greedy sender
	for range 6 {
		group.Go(func() {
			for !stop.Load() {
				switch status, text := s.sendAs("198.51.100.1", "", "/v1/events", "gzip", flood); {
				case status == http.StatusAccepted:
					taken.Add(1)
				case status == http.StatusServiceUnavailable && strings.Contains(text, share):
					shared.Add(1)
					time.Sleep(refusedPause)
				case status == http.StatusServiceUnavailable:
					others.Add(1)
					time.Sleep(refusedPause)
				default:
					t.Errorf("greedy: %d %s", status, text)
					return
				}
			}
		})
	}
	var sent atomic.Int64
	var waiting sync.WaitGroup
	for range 4 { // together less than the queue has room for beside three requests of the other
		waiting.Go(func() {
			for n := sent.Add(1); n <= 12 || shared.Load() == 0 && n <= enough; n = sent.Add(1) {
				if status, text := s.sendAs("203.0.113.7", "", "/v1/events", "gzip", modest); status != http.StatusAccepted {
					t.Errorf("modest: %d %s", status, text)
					return
				}
			}
		})
	}
	waiting.Wait()
	stop.Store(true)
	group.Wait()
	if taken.Load() == 0 || shared.Load() == 0 {
		t.Errorf("of the greedy sender's requests %d were taken, %d refused for its share and %d otherwise", taken.Load(), shared.Load(), others.Load())
	}
	t.Logf("modest: %d of %d taken; greedy: %d taken, %d refused for its share, %d because the queue was full", sent.Load()-4, sent.Load()-4, taken.Load(), shared.Load(), others.Load())
}
