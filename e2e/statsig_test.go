package e2e_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	statsig "github.com/statsig-io/go-sdk"

	statsigtap "github.com/tracklayer/tracklayer/adapters/statsig/tap"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
)

// whyVariant is the variant that a unit's trace gives for the only run of an experiment, "" where it has none.
func whyVariant(t *testing.T, s *server, kind, id, experiment string) string {
	t.Helper()
	status, text := s.get("/v1/units/" + kind + "/" + url.PathEscape(id))
	if status != http.StatusOK {
		t.Errorf("the trace of %s %s: %d %s", kind, id, status, text)
		return ""
	}
	var trace struct {
		Experiments []struct {
			ExperimentID string `json:"experiment_id"`
			Runs         []struct {
				Variant    string `json:"variant"`
				Population string `json:"population"`
			} `json:"runs"`
		} `json:"experiments"`
	}
	if err := json.Unmarshal([]byte(text), &trace); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for _, x := range trace.Experiments {
		if x.ExperimentID == experiment && len(x.Runs) == 1 && x.Runs[0].Population == "clean" {
			return x.Runs[0].Variant
		}
	}
	t.Logf("the trace of %s %s: %s", kind, id, text)
	return ""
}

// withCatalog serves with one source whose catalog is a file of testdata.
func withCatalog(t *testing.T, source, vendor, catalog string, env ...string) *server {
	t.Helper()
	place, err := filepath.Abs(filepath.Join("testdata", catalog))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "tracklayer.yaml")
	text := fmt.Sprintf("sources:\n  %s: {vendor: %s, catalog: %q}\n", source, vendor, place)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, "--config", file)
	s.env = env
	s.start()
	return s
}

// statsigClient is a real SDK client whose rules come from memory.
func statsigClient(t *testing.T, api string, tapped func(*statsig.Options) *statsig.Options) *statsig.Client {
	t.Helper()
	specs, err := os.ReadFile(filepath.Join("testdata", "statsig-specs.json"))
	if err != nil {
		t.Fatal(err)
	}
	o := &statsig.Options{
		API: api, BootstrapValues: string(specs), ConfigSyncInterval: time.Hour, IDListSyncInterval: time.Hour, LoggingInterval: time.Hour, LoggingMaxBufferSize: 300,
		OutputLoggerOptions: statsig.OutputLoggerOptions{LogCallback: func(string, error) {}},
		IPCountryOptions:    statsig.IPCountryOptions{Disabled: true}, UAParserOptions: statsig.UAParserOptions{Disabled: true},
	}
	return statsig.NewClientWithOptions("secret-tracklayertest000000000000001", tapped(o))
}

// TestStatsigSDK: what the real SDK returned is what the readout says, by way of its own requests and by way of the tap.
func TestStatsigSDK(t *testing.T) {
	t.Run("wire", func(t *testing.T) {
		s := withCatalog(t, "statsig", "statsig", "statsig-specs.json")
		client := statsigClient(t, s.url("/webhooks/statsig/v1"), func(o *statsig.Options) *statsig.Options { return o })
		driveStatsig(t, s, client, client.LogEvent, client.Shutdown)
	})
	t.Run("tap", func(t *testing.T) {
		api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"success":true}`)) }))
		t.Cleanup(api.Close)
		s := serve(t) // the tap knows the names, so there is no catalog
		tapped, err := statsigtap.New(tracklayer.Options{URL: s.url("")})
		if err != nil {
			t.Fatal(err)
		}
		client := statsigClient(t, api.URL+"/v1", tapped.Options)
		driveStatsig(t, s, client, func(e statsig.Event) { tapped.LogEvent(client, e) }, func() {
			client.Shutdown()
			if err := tapped.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if c := tapped.Counts(); c.Dropped+c.Rejected > 0 {
				t.Errorf("%+v", c)
			}
		})
	})
}

// allBought reports whether every user who bought is counted.
func allBought(r readout, bought map[string]int64) bool {
	for variant, want := range bought {
		if got, _ := r.converted("purchase", variant); got != want {
			return false
		}
	}
	return true
}

func driveStatsig(t *testing.T, s *server, client *statsig.Client, logEvent func(statsig.Event), end func()) {
	t.Helper()
	const experiment, layered = "checkout_button_color", "checkout_layout_experiment"
	exposed, bought, paid, layers := map[string]int64{}, map[string]int64{}, map[string]float64{}, map[string]int64{}
	variants := map[string]string{}
	for i := range 600 {
		id := fmt.Sprintf("user-%d", i)
		user := statsig.User{UserID: id, Country: "DE", UserAgent: "Mozilla/5.0 (Macintosh)", CustomIDs: map[string]string{"stableID": "st-" + id}}
		x := client.GetExperiment(user, experiment)
		if x.GroupName != "" {
			exposed[x.GroupName]++
			variants[id] = x.GroupName
		}
		client.GetConfig(user, "homepage_config")
		client.CheckGate(user, "new_nav_gate")
		layer := client.GetLayer(user, "checkout_layer")
		layer.GetString("layout", "")
		layer.GetNumber("steps", 0)
		layers[layer.GroupName]++
		if i%3 == 0 {
			for range 2 { // two equal purchases in a millisecond are two
				logEvent(statsig.Event{EventName: "purchase", User: user, Value: "12.5"})
			}
			bought[x.GroupName]++
			paid[x.GroupName] += 25
		}
	}
	for _, not := range []string{"held-out-user", "unallocated-user"} { // by the rules of the test's specs
		client.GetExperiment(statsig.User{UserID: not, Country: "DE"}, experiment)
	}
	end()
	if len(exposed) != 3 || exposed[""]+layers[""] > 0 {
		t.Fatalf("the SDK assigned %v and %v", exposed, layers)
	}
	var r readout
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		r = s.readout(experiment, s.lastSeq()) // the SDK does not wait at its end for what it is sending already
		if l := s.readout(layered, s.lastSeq()); vwoSum(r) == 600 && vwoSum(l) == 600 && allBought(r, bought) {
			break
		}
	}
	if len(r.Variants) != 3 {
		t.Errorf("%d variants: %+v", len(r.Variants), r.Variants)
	}
	for variant, n := range exposed {
		if got := r.exposed(variant); got != n {
			t.Errorf("%s: %d exposed users, the SDK assigned %d", variant, got, n)
		}
		if got, _ := r.converted("purchase", variant); got != bought[variant] {
			t.Errorf("%s: %d converted users, the SDK logged %d", variant, got, bought[variant])
		}
	}
	r = s.readout(layered, s.lastSeq())
	for variant, n := range layers {
		if got := r.exposed(variant); got != n {
			t.Errorf("%s: %d exposed users, the SDK assigned %d", variant, got, n)
		}
	}
	for _, id := range []string{"user-1", "user-300", "user-599"} {
		if got := whyVariant(t, s, "user", id, experiment); got != variants[id] {
			t.Errorf("%s is in %q, the SDK returned %q", id, got, variants[id])
		}
		if got := whyVariant(t, s, "anonymous", "st-"+id, experiment); got != variants[id] {
			t.Errorf("st-%s is in %q, the SDK returned %q", id, got, variants[id])
		}
	}
	for _, not := range []string{"homepage_config", "new_nav_gate"} {
		if status, _ := s.get("/v1/experiments/" + not + "/readout"); status != http.StatusNotFound {
			t.Errorf("%s is no experiment and has a readout: %d", not, status)
		}
	}
}

// TestStatsigWebhook: the handshake is answered without a key, a signed batch counts under the groups' names, and what is
// not signed is refused.
func TestStatsigWebhook(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tracklayer.yaml")
	if err := os.WriteFile(file, []byte("sources:\n  statsig: {vendor: statsig, secrets: [webhook-secret-0123456789]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "--config", file)
	status, _, text := s.post("/webhooks/statsig", `{"data":{"event":"url_verification","verification_code":"vc-1"}}`)
	if status != http.StatusOK || text != `{"verification_code":"vc-1"}` {
		t.Errorf("the handshake: %d %s", status, text)
	}
	now := time.Now().UnixMilli()
	body := fmt.Sprintf(`[{"eventName":"statsig::experiment_exposure","user":{"userID":"u-1"},"timestamp":%d,"metadata":{"config":"x","ruleID":"r1","experimentGroupName":"Blue"},"timeUUID":"t-1","unitID":"userID"},`+
		`{"eventName":"purchase","user":{"userID":"u-1"},"timestamp":"%d","value":"5","timeUUID":"t-2"}]`, now-1000, now)
	if status, _, _ := s.post("/webhooks/statsig", body); status != http.StatusUnauthorized {
		t.Errorf("not signed: %d", status)
	}
	mac := hmac.New(sha256.New, []byte("webhook-secret-0123456789"))
	fmt.Fprintf(mac, "v0:%d:%s", now, body)
	for range 2 { // the second is the same again
		status, _, text = s.post("/webhooks/statsig", body, "X-Statsig-Request-Timestamp", fmt.Sprint(now), "X-Statsig-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
		if status != http.StatusAccepted || text != `{"success":true}` {
			t.Fatalf("signed: %d %s", status, text)
		}
	}
	r := s.readout("x", s.lastSeq())
	if n, sum := r.converted("purchase", "Blue"); r.exposed("Blue") != 1 || n != 1 || sum != 1 {
		t.Errorf("%+v", r)
	}
}
