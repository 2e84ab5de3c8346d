package app

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/app/apptest"
	"github.com/tracklayer/tracklayer/canonical"
)

// TestAnErasureIsFinishedByWhoeverFollowsTheLog: the receipt of another process, or of one that died after it, is all
// that it takes.
func TestAnErasureIsFinishedByWhoeverFollowsTheLog(t *testing.T) {
	dir := t.TempDir()
	p := begin(t, dir)
	apptest.Send(t, http.MethodPost, "http://"+p.Addr()+"/v1/events", apptest.Crowd)
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
	if status, _ := apptest.Fetch(t, "http://"+p.Addr()+"/v1/units/user/gone-user-77"); status != http.StatusNotFound {
		t.Errorf("the person is still known: %d", status)
	}
}
