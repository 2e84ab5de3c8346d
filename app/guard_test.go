package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/app/apptest"
)

// TestReadersWaitForWhatIsFoldedAgain: without wait a reader is refused, with it the answer comes once the state is whole.
func TestReadersWaitForWhatIsFoldedAgain(t *testing.T) {
	p := begin(t, t.TempDir())
	defer stop(t, p)
	post := func(id string) {
		resp, err := http.Post("http://"+p.Addr()+"/v1/events", "application/json", strings.NewReader(
			`{"event_name":"experiment_exposed","event_id":"`+id+`","experiment_id":"x","variant":"v","user_id":"u","exposed_at":"2026-11-20T10:00:00Z"}`))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusAccepted {
			t.Fatalf("event: %s", resp.Status)
		}
	}
	post("1")
	readout := "http://" + p.Addr() + "/v1/experiments/x/readout"
	if status, text := apptest.Fetch(t, readout+"?min_seq=1&wait=10s"); status != http.StatusOK {
		t.Fatalf("before: %d %s", status, text)
	}
	p.again.target.Store(2)
	for _, query := range []string{"", "?wait=1ms", "?wait=long"} {
		status, text := apptest.Fetch(t, readout+query)
		if status != http.StatusServiceUnavailable || !strings.Contains(text, "folding again 1 of 2 records") {
			t.Errorf("%q: %d %s", query, status, text)
		}
	}
	time.AfterFunc(300*time.Millisecond, func() { post("2") })
	if status, text := apptest.Fetch(t, readout+"?wait=30s"); status != http.StatusOK {
		t.Errorf("a reader that waits: %d %s", status, text)
	}
}
