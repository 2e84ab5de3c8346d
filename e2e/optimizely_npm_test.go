//go:build sdks

package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// optimizelyServer has the datafile as its catalog and lets pages of the shop send.
func optimizelyServer(t *testing.T) *server {
	t.Helper()
	datafile, err := filepath.Abs("testdata/optimizely-datafile.json")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "tracklayer.yaml")
	text := fmt.Sprintf("cors: {origins: [\"http://shop.example\"]}\nsources:\n  optimizely: {vendor: optimizely, catalog: %q}\n", datafile)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return serve(t, "--config", file)
}

// optimizelySaid is what an SDK returned: users by experiment and variation, and every user's variations.
type optimizelySaid struct {
	Exposed, Bought map[string]map[string]int64
	Met             map[string]map[string]string
}

func (w optimizelySaid) agrees(t *testing.T, s *server) {
	t.Helper()
	if len(w.Exposed) == 0 || len(w.Bought) == 0 {
		t.Fatalf("the SDK decided nothing: %+v", w)
	}
	var seq uint64
	for range 50 { // a beacon may still be on its way
		if seq = s.lastSeq(); seq > 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	for id, variations := range w.Exposed {
		r := s.readout(id, seq)
		for variation, n := range variations {
			if got := r.exposed(variation); got != n {
				t.Errorf("%s %s: %d exposed users, the SDK decided %d", id, variation, got, n)
			}
			if got, _ := r.converted("purchase", variation); got != w.Bought[id][variation] {
				t.Errorf("%s %s: %d converted users, the SDK tracked %d", id, variation, got, w.Bought[id][variation])
			}
		}
		if len(r.Variants) != len(variations) {
			t.Errorf("%s has %d variants, want %d", id, len(r.Variants), len(variations))
		}
	}
	for user, met := range w.Met {
		status, text := s.get("/v1/units/user/" + url.PathEscape(user))
		for id, variation := range met {
			if status != http.StatusOK || !strings.Contains(text, `"experiment_id":"`+id+`"`) || !strings.Contains(text, `"variant":"`+variation+`"`) {
				t.Errorf("%s: %d %.300s", user, status, text)
			}
		}
	}
	_, text := s.get("/v1/units/user/held-out")
	for id := range w.Exposed {
		if strings.Contains(text, `"experiment_id":"`+id+`"`) {
			t.Errorf("a user who was held out was exposed to %s: %.300s", id, text)
		}
	}
}

// TestOptimizelyNPM runs the Node SDKs of generations 6, 5, 4 and 2.
func TestOptimizelyNPM(t *testing.T) {
	s := optimizelyServer(t)
	var w optimizelySaid
	npm(t, s, "optimizely-node.mjs", &w)
	w.agrees(t, s)
	if status, text := s.get("/v1/units/user/held-out"); status != http.StatusOK || !strings.Contains(text, `"experiment_kind":"holdout"`) {
		t.Errorf("a user who was held out is not exposed to the holdout: %d %.300s", status, text)
	}
}

// TestOptimizelyBrowser runs the browser SDK in a page of another origin, which asks first whether it may send.
func TestOptimizelyBrowser(t *testing.T) {
	s := optimizelyServer(t)
	var w optimizelySaid
	npm(t, s, "optimizely-browser.mjs", &w)
	w.agrees(t, s)
	if _, text := s.get("/v1/units/user/xhr-0"); !strings.Contains(text, "Chrome/140.0.0.0") {
		t.Errorf("the browser's user agent is not kept: %s", text)
	}
}
