//go:build sdks

package e2e_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestGrowthBookNPM: the Node.js SDK's plugin, one instance a user and one for many.
func TestGrowthBookNPM(t *testing.T) {
	s := serve(t)
	var said struct {
		Single, Many, Device map[string]string
		Bought               []string
	}
	npm(t, s, "growthbook-node.mjs", &said)
	exposed, bought, devices := map[string]int64{}, map[string]int64{}, map[string]int64{}
	for _, users := range []map[string]string{said.Single, said.Many} {
		for id, variant := range users {
			exposed[variant]++
			for _, buyer := range said.Bought {
				if buyer == id {
					bought[variant]++
				}
			}
		}
	}
	for _, variant := range said.Device {
		devices[variant]++
	}
	s.agreesWithNPM(t, "checkout-cta", exposed, bought)
	s.agreesWithNPM(t, "pricing-test", devices, nil)
	status, why := s.get("/v1/units/user/single-3")
	if status != http.StatusOK || !strings.Contains(why, said.Single["single-3"]) || !strings.Contains(why, `"dev-3"`) || !strings.Contains(why, `"purchase"`) {
		t.Errorf("single-3 got %s: %d %s", said.Single["single-3"], status, why)
	}
}

// TestGrowthBookBrowser: pages of another origin, a login, and beacons of pages that are left.
func TestGrowthBookBrowser(t *testing.T) {
	s := newServer(t)
	s.env = []string{"TRACKLAYER_CORS_ORIGINS=http://shop.example"}
	s.start()
	var said struct {
		Exposed, Linked map[string]string
		Bought          []string
	}
	npm(t, s, "growthbook-browser.mjs", &said)
	exposed, bought := map[string]int64{}, map[string]int64{}
	for visitor, variant := range said.Exposed {
		exposed[variant]++
		if said.Linked[visitor] != "" {
			bought[variant]++
		}
	}
	s.agreesWithNPM(t, "checkout-cta", exposed, bought)
	status, why := s.get("/v1/units/anonymous/visitor-0")
	if status != http.StatusOK || !strings.Contains(why, `"user-0"`) || !strings.Contains(why, `"purchase"`) {
		t.Errorf("visitor-0: %d %s", status, why)
	}
}

// agreesWithNPM compares an experiment's readout with what an SDK returned. Without conversions none are compared.
func (s *server) agreesWithNPM(t *testing.T, experiment string, exposed, bought map[string]int64) {
	t.Helper()
	r := s.readout(experiment, s.lastSeq())
	if len(exposed) == 0 || len(r.Variants) != len(exposed) {
		t.Errorf("%s: %d variants, the SDK served %d", experiment, len(r.Variants), len(exposed))
	}
	for variant, n := range exposed {
		if got := r.exposed(variant); got != n {
			t.Errorf("%s %s: %d exposed users, the SDK assigned %d", experiment, variant, got, n)
		}
		if got, _ := r.converted("purchase", variant); bought != nil && got != bought[variant] {
			t.Errorf("%s %s: %d converted users, the SDK reported %d", experiment, variant, got, bought[variant])
		}
	}
}
