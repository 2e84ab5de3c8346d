package pages_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/tracklayer/tracklayer/pages"
)

// One user cannot take the open pages of all.
func TestOpenPagesOfOneUserAreBounded(t *testing.T) {
	w := open(t, locked, func(o *pages.Options) {
		o.Proxy = pages.Proxy{Header: "X-User", From: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	})
	w.declare("", checkout("x", ""))
	server := httptest.NewServer(w.pages)
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	status := func(user string) int {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/experiments/x/live", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-User", user)
		a, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = a.Body.Close() })
		return a.StatusCode
	}
	for range 32 {
		if got := status("greedy"); got != http.StatusOK {
			t.Fatalf("%d", got)
		}
	}
	if got := status("greedy"); got != http.StatusServiceUnavailable {
		t.Errorf("the 33rd of one user: %d", got)
	}
	if got := status("another"); got != http.StatusOK {
		t.Errorf("another user: %d", got)
	}
	w.pages.Close()
	server.CloseClientConnections()
}
