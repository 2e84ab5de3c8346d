//go:build sdks

package e2e_test

import (
	"slices"
	"testing"
	"time"
)

// sameAsSaid compares a readout with whom an SDK said that it put into which variant, and who of them bought.
func sameAsSaid(t *testing.T, s *server, experiment string, said map[string]string, bought []string) {
	t.Helper()
	exposed, converted := map[string]int64{}, map[string]int64{}
	for id, variant := range said {
		exposed[variant]++
		if slices.Contains(bought, id) {
			converted[variant]++
		}
	}
	if len(exposed) < 1 || exposed[""] > 0 {
		t.Fatalf("%s: the SDK said %v", experiment, said)
	}
	var r readout
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if r = s.readout(experiment, s.lastSeq()); vwoSum(r) >= int64(len(said)) {
			break
		}
	}
	if got := vwoSum(r); got != int64(len(said)) {
		t.Errorf("%s: %d exposed users, the SDK assigned %d", experiment, got, len(said))
	}
	for variant, n := range exposed {
		if got := r.exposed(variant); got != n {
			t.Errorf("%s: %s has %d exposed users, the SDK assigned %d", experiment, variant, got, n)
		}
		if got, _ := r.converted("purchase", variant); bought != nil && got != converted[variant] {
			t.Errorf("%s: %s has %d converted users, the SDK tracked %d", experiment, variant, got, converted[variant])
		}
	}
}

// TestStatsigNPM: legacy Node and server core.
func TestStatsigNPM(t *testing.T) {
	s := withCatalog(t, "statsig", "statsig", "statsig-specs-v2.json")
	var said struct {
		Exposed, Layered map[string]string
		Bought           []string
	}
	npm(t, s, "statsig-node.mjs", &said)
	sameAsSaid(t, s, "checkout_button_color", said.Exposed, said.Bought)
	sameAsSaid(t, s, "checkout_layout_experiment", said.Layered, said.Bought)
	for _, id := range []string{"legacy-7", "core-7"} {
		if got := whyVariant(t, s, "user", id, "checkout_button_color"); got != said.Exposed[id] {
			t.Errorf("%s is in %q, the SDK returned %q", id, got, said.Exposed[id])
		}
	}
}

// TestStatsigBrowser: plain text, gzip that only the query tells of, and beacons.
func TestStatsigBrowser(t *testing.T) {
	s := withCatalog(t, "statsig", "statsig", "statsig-specs.json", "TRACKLAYER_CORS_ORIGINS=http://shop.example")
	var said []struct{ Variant, Layered, Stable, User string }
	npm(t, s, "statsig-browser.mjs", &said)
	buttons, layers := map[string]string{}, map[string]string{}
	var bought []string
	for _, one := range said {
		buttons[one.Stable], layers[one.Stable] = one.Variant, one.Layered
		bought = append(bought, one.Stable)
	}
	sameAsSaid(t, s, "checkout_button_color", buttons, bought)
	sameAsSaid(t, s, "checkout_layout_experiment", layers, bought)
	r := s.readout("checkout_button_color", s.lastSeq())
	if n, _ := r.converted("left_page", said[0].Variant); n != int64(len(said)) {
		t.Errorf("%d beacons counted, want %d", n, len(said))
	}
	for _, one := range said {
		if got := whyVariant(t, s, "anonymous", one.Stable, "checkout_button_color"); got != one.Variant {
			t.Errorf("%s is in %q, the SDK returned %q", one.Stable, got, one.Variant)
		}
	}
}
