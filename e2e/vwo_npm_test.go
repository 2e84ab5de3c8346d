//go:build sdks

package e2e_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
)

// vwoProxy is what stands before TrackLayer where an SDK keeps only the host of an address: it puts the source's path
// before every request's.
func vwoProxy(t *testing.T, s *server) string {
	t.Helper()
	to, err := url.Parse(s.url("/webhooks/vwo"))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }})
	t.Cleanup(proxy.Close)
	return proxy.URL
}

type vwoSaid struct {
	Exposed, Second map[string]string
	Bought          []string
}

// TestVWONPM: the classic SDK one by one and in batches, and FME.
func TestVWONPM(t *testing.T) {
	for generation, experiments := range map[string][2]string{
		"classic": {"230", "231"},
		"batches": {"230", "231"},
		"fme":     {"11", "12"},
	} {
		t.Run(generation, func(t *testing.T) {
			settings := "vwo-classic.json"
			if generation == "fme" {
				settings = "vwo-fme.json"
			}
			s := withCatalog(t, "vwo", "vwo", settings)
			var said vwoSaid
			npm(t, s, "vwo-node.mjs", &said, generation, vwoProxy(t, s))
			sameAsSaid(t, s, experiments[0], said.Exposed, said.Bought)
			sameAsSaid(t, s, experiments[1], said.Second, said.Bought)
			for unit, variant := range said.Exposed {
				if got := whyVariant(t, s, "user", unit, experiments[0]); got != variant {
					t.Errorf("%s is in %q, the SDK returned %q", unit, got, variant)
				}
				break
			}
			for _, not := range []string{"dark_mode_rollout", "232", "checkoutFlow_rolloutRule1", "10", "bannerPromo", "14", "13", "1"} {
				if status, _ := s.get("/v1/experiments/" + not + "/readout"); status != http.StatusNotFound {
					t.Errorf("%s is no experiment and has a readout: %d", not, status)
				}
			}
		})
	}
}

// TestVWOBrowser: both browser builds, in pages of another origin.
func TestVWOBrowser(t *testing.T) {
	for generation, experiment := range map[string]string{"classic": "230", "fme": "12"} {
		t.Run(generation, func(t *testing.T) {
			s := withCatalog(t, "vwo", "vwo", "vwo-"+generation+".json", "TRACKLAYER_CORS_ORIGINS=http://shop.example")
			address := s.url("/webhooks/vwo")
			if generation == "fme" {
				address = vwoProxy(t, s)
			}
			var said vwoSaid
			npm(t, s, "vwo-browser.mjs", &said, generation, address)
			sameAsSaid(t, s, experiment, said.Exposed, said.Bought)
		})
	}
}
