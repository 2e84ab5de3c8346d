//go:build sdks

package e2e_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// launchDarklySaid is what the scripts print: whom the SDK served what, and who bought.
type launchDarklySaid struct {
	Exposed, Anonymous map[string]string
	Bought             []string
}

// served counts by variant.
func (said launchDarklySaid) served() (exposed, bought map[string]int64) {
	exposed, bought = map[string]int64{}, map[string]int64{}
	for _, users := range []map[string]string{said.Exposed, said.Anonymous} {
		for _, key := range slices.Collect(maps.Keys(users)) {
			exposed[users[key]]++
			if slices.Contains(said.Bought, key) {
				bought[users[key]]++
			}
		}
	}
	return exposed, bought
}

// TestLaunchDarklyNPM: the Node.js server SDK, with and without compression.
func TestLaunchDarklyNPM(t *testing.T) {
	s := serve(t)
	var said launchDarklySaid
	npm(t, s, "launchdarkly-node.mjs", &said)
	exposed, bought := said.served()
	s.agreesWithNPM(t, "checkout-redesign", exposed, bought)
	for path, variant := range map[string]string{
		"/v1/units/user/user-true-3": said.Exposed["user-true-3"], "/v1/units/anonymous/visitor-false": said.Anonymous["visitor-false"],
	} {
		if status, why := s.get(path); status != http.StatusOK || !strings.Contains(why, `"`+variant+`"`) {
			t.Errorf("%s was served %s: %d %s", path, variant, status, why)
		}
	}
	if status, _ := s.get("/v1/units/user/targeted"); status != http.StatusNotFound {
		t.Errorf("who is targeted is no part of the experiment: %d", status)
	}
}

// TestLaunchDarklyBrowser: both browser SDKs, in pages of another origin.
func TestLaunchDarklyBrowser(t *testing.T) {
	s := newServer(t)
	s.env = []string{"TRACKLAYER_CORS_ORIGINS=http://shop.example"}
	s.start()
	var said launchDarklySaid
	npm(t, s, "launchdarkly-browser.mjs", &said)
	exposed, bought := said.served()
	s.agreesWithNPM(t, "checkout-redesign", exposed, bought)
	for path, variant := range map[string]string{"/v1/units/user/v3-2": "control", "/v1/units/anonymous/v3-3": "treatment", "/v1/units/anonymous/v4-3": "treatment"} {
		if status, why := s.get(path); status != http.StatusOK || !strings.Contains(why, `"`+variant+`"`) {
			t.Errorf("%s was served %s: %d %s", path, variant, status, why)
		}
	}
}
