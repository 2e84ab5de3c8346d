package app

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
)

// crowd is a person with three ids, of whom events were contested, repeated and rejected, among others.
const crowd = `{"batch":[
 {"event_name":"experiment_exposed","event_id":"gone-e1","experiment_id":"x","variant":"a","user_id":"gone-user-77","anonymous_id":"gone-anon-77","exposed_at":"2026-11-20T10:00:00Z"},
 {"event_name":"experiment_converted","event_id":"gone-c1","conversion_event":"purchase","anonymous_id":"gone-anon-77","dedup_key":"gone-order","value":5,"currency":"EUR","converted_at":"2026-11-20T10:05:00Z"},
 {"event_name":"identity_linked","event_id":"gone-l1","user_id":"gone-user-77","previous_user_id":"gone-older-77","linked_at":"2026-11-20T10:06:00Z"},
 {"event_name":"experiment_exposed","event_id":"gone-e1","experiment_id":"x","variant":"b","user_id":"gone-user-77","exposed_at":"2026-11-20T10:00:00Z"},
 {"event_name":"experiment_exposed","event_id":"e2","experiment_id":"x","variant":"a","user_id":"stays-user","exposed_at":"2026-11-20T10:00:00Z"},
 {"event_name":"experiment_converted","event_id":"c2","conversion_event":"purchase","user_id":"stays-user","converted_at":"2026-11-20T11:00:00Z"},
 {"event_name":"experiment_exposed","event_id":"gone-bad","experiment_id":"x","user_id":"gone-user-77","exposed_at":"2026-11-20T10:00:00Z"}]}`

func send(t *testing.T, method, url, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
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
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%s %s: %v: %s", method, url, err, text)
	}
	return resp.StatusCode, answer
}

// TestAnErasureIsFinishedByWhoeverFollowsTheLog: the receipt of another process, or of one that died after it, is all
// that it takes.
func TestAnErasureIsFinishedByWhoeverFollowsTheLog(t *testing.T) {
	dir := t.TempDir()
	p := begin(t, dir)
	send(t, http.MethodPost, "http://"+p.Addr()+"/v1/events", crowd)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	last, err := p.events.LastSeq(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.fold.Wait(ctx, last); err != nil {
		t.Fatal(err)
	}
	search, err := p.fold.Search(canonical.Unit{Kind: canonical.User, ID: "gone-user-77"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.events.Scan(ctx, search.Buckets(), 1, last, search.Message); err != nil {
		t.Fatal(err)
	}
	receipt, err := p.fold.Receipt(search, "of another process", canonical.TimeOf(time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(receipt)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.events.PublishErasure(ctx, last, data); err != nil {
		t.Fatal(err)
	}
	stop(t, p) // with the erasure begun, or not yet
	p = begin(t, dir)
	defer stop(t, p)
	seqs := receipt.Sequences()
	if len(seqs) != 4 {
		t.Fatalf("%d messages were found", len(seqs))
	}
	for left := true; left; { // until the background has come to it
		if left, err = p.events.Has(ctx, seqs[len(seqs)-1]); err != nil {
			t.Fatal(err)
		}
	}
	if status, _ := fetch(t, "http://"+p.Addr()+"/v1/units/user/gone-user-77"); status != http.StatusNotFound {
		t.Errorf("the person is still known: %d", status)
	}
}
