package e2e_test

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what the vendor signs with
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestOptimizelyWebhooks: a source with secrets and a datafile at an address. A key lets events in, a signature
// to webhooks; a ruleset that is switched off stops its experiment's run, and so does a datafile that says so.
func TestOptimizelyWebhooks(t *testing.T) {
	text, err := os.ReadFile("testdata/optimizely-datafile.json")
	if err != nil {
		t.Fatal(err)
	}
	var datafile atomic.Value
	datafile.Store(string(text))
	cdn := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(datafile.Load().(string))) }))
	defer cdn.Close()
	file := filepath.Join(t.TempDir(), "tracklayer.yaml")
	config := fmt.Sprintf("sources:\n  optimizely: {vendor: optimizely, catalog: %q, secrets: [\"hook-secret-0123456789\", {client: sdk-key-0123456789}]}\n", cdn.URL+"/datafiles/k.json")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "--config", file)
	for _, id := range []string{optimizelyFlagTest, optimizelyABTest} {
		variants := map[string]string{optimizelyFlagTest: `[{"key":"control"},{"key":"treatment"}]`, optimizelyABTest: `[{"key":"low"},{"key":"high"}]`}[id]
		if status, _, text := s.post("/v1/experiments", fmt.Sprintf(`{"id":%q,"variants":%s,"metrics":[{"type":"proportion","event":"purchase"}]}`, id, variants)); status != http.StatusCreated {
			t.Fatalf("%d %s", status, text)
		}
	}
	body := fmt.Sprintf(`{"account_id":"12001","project_id":"19001","visitors":[{"visitor_id":"u-1","snapshots":[{"decisions":[{"campaign_id":"9200000002",
		"experiment_id":%q,"variation_id":"9400000003"}],"events":[{"entity_id":"9200000002","key":"campaign_activated","timestamp":%d,"uuid":"1"}]}]}]}`,
		optimizelyABTest, time.Now().UnixMilli())
	if status, _, _ := s.post("/webhooks/optimizely/v1/events", body); status != http.StatusUnauthorized {
		t.Errorf("without a key: %d", status)
	}
	if status, _, _ := s.post("/webhooks/optimizely/v1/events?key=sdk-key-0123456789", body); status != http.StatusNoContent {
		t.Errorf("with a key: %d", status)
	}
	if r := s.readout(optimizelyABTest, s.lastSeq()); r.exposed("low") != 1 {
		t.Errorf("the datafile names no variation: %+v", r.Variants)
	}
	hook := func(body string) int {
		mac := hmac.New(sha1.New, []byte("hook-secret-0123456789"))
		mac.Write([]byte(body))
		status, _, _ := s.post("/webhooks/optimizely", body, "X-Hub-Signature", "sha1="+hex.EncodeToString(mac.Sum(nil)))
		return status
	}
	if status := hook(fmt.Sprintf(`{"project_id":19001,"timestamp":%d,"event":"project.ruleset_updated","data":[{"id":1,"created":%q,"summary":"Paused.",
		"entity":{"type":"ruleset","id":7,"api_url":"https://api.optimizely.com/flags/v1/projects/19001/flags/checkout_flow/rules/production"},
		"changes":[{"property":"enabled","before":true,"after":false}],"user":{"email":"pm@example.com"}}]}`,
		time.Now().Unix(), time.Now().UTC().Format(time.RFC3339))); status != http.StatusNoContent {
		t.Fatalf("the change history: %d", status)
	}
	stopped := func(id string) bool {
		for range 100 {
			if r := s.readout(id, s.lastSeq()); r.Status == "stopped" {
				return true
			}
			time.Sleep(50 * time.Millisecond)
		}
		return false
	}
	if !stopped(optimizelyFlagTest) {
		t.Error("the ruleset was switched off, and the run goes on")
	}
	ab := `"key": "price_ab", "layerId": "9200000002", "status": `
	datafile.Store(strings.Replace(strings.Replace(string(text), ab+`"Running"`, ab+`"Paused"`, 1), `"revision": "42"`, `"revision": "43"`, 1))
	if status := hook(fmt.Sprintf(`{"project_id":19001,"timestamp":%d,"event":"project.datafile_updated","data":{"revision":43,"environment":"production"}}`, time.Now().Unix())); status != http.StatusNoContent {
		t.Fatalf("the datafile: %d", status)
	}
	if !stopped(optimizelyABTest) {
		t.Error("the datafile says that the experiment is paused, and the run goes on")
	}
}
