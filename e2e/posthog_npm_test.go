//go:build sdks

package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// postHogResult is what the SDK itself returned.
type postHogResult struct {
	Exposed, Converted map[string]int64
	Link               *struct{ Anonymous, User string }
}

func (r postHogResult) compare(t *testing.T, s *server) {
	t.Helper()
	got := s.readout("checkout-cta", s.lastSeq())
	for variant, n := range r.Exposed {
		if got.exposed(variant) != n {
			t.Errorf("%s: %d exposed users, the SDK returned it for %d", variant, got.exposed(variant), n)
		}
		if users, _ := got.converted("purchase", variant); users != r.Converted[variant] {
			t.Errorf("%s: %d converted users, the SDK captured %d", variant, users, r.Converted[variant])
		}
	}
	if len(r.Exposed) != 2 {
		t.Errorf("the SDK returned %v", r.Exposed)
	}
}

func TestNPMPostHogNode(t *testing.T) {
	s := serve(t)
	var r postHogResult
	npm(t, s, "posthog-node.mjs", &r)
	r.compare(t, s)
}

func TestBrowserPostHog(t *testing.T) {
	s := newServer(t)
	s.env = []string{"TRACKLAYER_CORS_ORIGINS=http://shop.example"}
	s.start()
	var r postHogResult
	npm(t, s, "posthog-browser.mjs", &r)
	r.compare(t, s)
	if r.Link == nil {
		t.Fatal("no user logged in")
	}
	status, text := s.get("/v1/units/anonymous/" + r.Link.Anonymous)
	if status != http.StatusOK || !strings.Contains(text, fmt.Sprintf(`"person":{"unit_kind":"user","id":%q}`, r.Link.User)) {
		t.Errorf("%s is not %s: %d %.400s", r.Link.Anonymous, r.Link.User, status, text)
	}
}
