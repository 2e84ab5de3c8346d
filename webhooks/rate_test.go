package webhooks

import (
	"net/http/httptest"
	"net/netip"
	"strconv"
	"testing"
	"time"
)

func TestABucketRefillsAndOwesWhatWasTooMuch(t *testing.T) {
	var b buckets
	at := int64(0)
	if !b.take("address", "a", 100, at, 1, false) {
		t.Fatal("a new sender is refused")
	}
	b.take("address", "a", 100, at, 999, true) // 500 at once are allowed, so 500 are owed
	if b.take("address", "a", 100, at, 1, false) || !b.take("address", "b", 100, at, 1, false) {
		t.Error("the sender of too much must wait, and no other")
	}
	if at += 5*int64(time.Second) - 1e6; b.take("address", "a", 100, at, 1, false) {
		t.Error("500 events of 100 a second are owed for 5 seconds")
	}
	if at += 20e6; !b.take("address", "a", 100, at, 1, false) {
		t.Error("nothing is owed any more")
	}
	if !b.take("address", "a", 0, at, 1e6, false) {
		t.Error("0 is no limit")
	}
}

// TestTheTableOfSendersIsBounded: a million addresses do not take the memory of a million.
func TestTheTableOfSendersIsBounded(t *testing.T) {
	var b buckets
	for i := range 3 * maxBuckets {
		b.take("address", strconv.Itoa(i), 100, 0, 1, false)
	}
	if len(b.by) > maxBuckets+1 {
		t.Errorf("%d senders are remembered", len(b.by))
	}
	b.take("address", "late", 100, int64(time.Minute), 1, false)
	if len(b.by) > 2 {
		t.Errorf("%d senders are remembered after a quiet minute", len(b.by))
	}
}

func TestTheClientsAddress(t *testing.T) {
	r := Rates{Header: "X-Forwarded-For", From: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	for _, c := range []struct {
		peer      string
		forwarded []string
		want      string
	}{
		{"192.0.2.7:1234", nil, "192.0.2.7"},
		{"192.0.2.7:1234", []string{"198.51.100.1"}, "192.0.2.7"}, // no proxy of ours
		{"10.0.0.1:1234", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:1234", []string{"1.1.1.1, 198.51.100.1"}, "198.51.100.1"}, // the first is the client's own invention
		{"10.0.0.1:1234", []string{"1.1.1.1", "198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"10.0.0.1:1234", []string{"nonsense"}, "10.0.0.1"},
		{"10.0.0.1:1234", []string{"[2001:db8:1:2:3:4:5:6]:80"}, "2001:db8:1:2::"},
		{"[::ffff:192.0.2.7]:1234", nil, "192.0.2.7"},
		{"@", nil, "invalid IP"},
	} {
		req := httptest.NewRequest("POST", "/v1/events", nil)
		req.RemoteAddr = c.peer
		for _, f := range c.forwarded {
			req.Header.Add("X-Forwarded-For", f)
		}
		if got := r.addressOf(req).String(); got != c.want {
			t.Errorf("%s %q: %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}
