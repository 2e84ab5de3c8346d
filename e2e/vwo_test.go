package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	vwo "github.com/wingify/vwo-go-sdk"
	"github.com/wingify/vwo-go-sdk/pkg/api"
	"github.com/wingify/vwo-go-sdk/pkg/schema"
	"github.com/wingify/vwo-go-sdk/pkg/service"
	"github.com/wingify/vwo-go-sdk/pkg/utils"

	vwotap "github.com/tracklayer/tracklayer/adapters/vwo/tap"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
)

// vwoRedirect sends what is meant for VWO to another address: the SDK has no option for it.
type vwoRedirect struct {
	to   *url.URL
	next http.RoundTripper
}

func (r vwoRedirect) RoundTrip(request *http.Request) (*http.Response, error) {
	if strings.HasSuffix(request.URL.Hostname(), "visualwebsiteoptimizer.com") {
		request = request.Clone(request.Context())
		request.URL.Scheme, request.URL.Host, request.Host = r.to.Scheme, r.to.Host, r.to.Host
		request.URL.Path = r.to.Path + request.URL.Path
	}
	return r.next.RoundTrip(request)
}

type vwoQuiet struct{}

func (vwoQuiet) CustomLog(string, string) {}

// vwoLaunch is a real SDK instance whose settings come from memory and whose requests go to the address.
func vwoLaunch(t *testing.T, address string, options ...api.VWOOption) *api.VWOInstance {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	before := http.DefaultTransport
	http.DefaultTransport = vwoRedirect{to, before}
	t.Cleanup(func() { http.DefaultTransport = before })
	text, err := os.ReadFile(filepath.Join("testdata", "vwo-classic.json"))
	if err != nil {
		t.Fatal(err)
	}
	m := service.SettingsFileManager{}
	if err := json.Unmarshal(text, &m.SettingsFile); err != nil {
		t.Fatal(err)
	}
	m.Process()
	instance, err := vwo.Launch(m.GetSettingsFile(), options...)
	if err != nil {
		t.Fatal(err)
	}
	return instance
}

// TestVWOSDK: what the real SDK returned is what the readout says, by way of its own requests, one by one and batched,
// and by way of the tap.
func TestVWOSDK(t *testing.T) {
	hashed := func(id string) string {
		return utils.GenerateFor(schema.VwoInstance{Logger: vwoQuiet{}}, id, 123456)
	}
	plain := func(id string) string { return id }
	t.Run("wire", func(t *testing.T) {
		s := withCatalog(t, "vwo", "vwo", "vwo-classic.json")
		instance := vwoLaunch(t, s.url("/webhooks/vwo"), api.WithLogger(vwoQuiet{}))
		driveVWO(t, s, instance, instance.Track, hashed, func() {})
	})
	t.Run("batches", func(t *testing.T) {
		if raced {
			t.Skip("the SDK's batch queue races with itself (vwo-go-sdk v1.26.0 pkg/schema/batch.go:59)")
		}
		s := withCatalog(t, "vwo", "vwo", "vwo-classic.json")
		instance := vwoLaunch(t, s.url("/webhooks/vwo"), api.WithBatchEventQueue(api.BatchConfig{EventsPerRequest: 40, RequestTimeInterval: 600}, nil))
		driveVWO(t, s, instance, instance.Track, hashed, func() { instance.FlushEvents() })
	})
	t.Run("tap", func(t *testing.T) {
		s := serve(t) // the tap knows the names, so there is no catalog
		tapped, err := vwotap.New(tracklayer.Options{URL: s.url("")})
		if err != nil {
			t.Fatal(err)
		}
		instance := vwoLaunch(t, s.url("/nowhere"), api.WithLogger(vwoQuiet{}), tapped.Option(), api.WithDevelopmentMode())
		track := func(campaigns interface{}, user, goal string, option interface{}) []schema.TrackResult {
			return tapped.Track(instance, campaigns, user, goal, option)
		}
		driveVWO(t, s, instance, track, plain, func() {
			if err := tapped.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if c := tapped.Counts(); c.Dropped+c.Rejected > 0 {
				t.Errorf("%+v", c)
			}
		})
	})
}

// TestVWOSettingsWebhook: VWO's webhook says only that something changed. The settings, read again, say that the campaign
// was paused, and the experiment's run ends.
func TestVWOSettingsWebhook(t *testing.T) {
	settings, err := os.ReadFile(filepath.Join("testdata", "vwo-classic.json"))
	if err != nil {
		t.Fatal(err)
	}
	place, file := filepath.Join(t.TempDir(), "settings.json"), filepath.Join(t.TempDir(), "tracklayer.yaml")
	config := fmt.Sprintf("sources:\n  vwo: {vendor: vwo, catalog: %q, secrets: [webhook-secret-0123456789]}\n", place)
	if err := errors.Join(os.WriteFile(place, settings, 0o600), os.WriteFile(file, []byte(config), 0o600)); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "--config", file)
	const experiment = `{"id":"230","variants":[{"key":"Control"},{"key":"Variation-1"}],"metrics":[{"type":"proportion","event":"purchase"}]}`
	if status, _, text := s.post("/v1/experiments", experiment); status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	const hook = `{"timestamp":1795340900,"event":"settings_changed","action":"campaign_settings_changed","triggered_by":"vwo"}`
	if status, _, _ := s.post("/webhooks/vwo", hook, "x-vwo-auth", "another"); status != http.StatusUnauthorized {
		t.Errorf("another secret: %d", status)
	}
	paused := strings.Replace(string(settings), "RUNNING", "PAUSED", 1) // the first campaign is this one
	if err := os.WriteFile(place, []byte(paused), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, _, text := s.post("/webhooks/vwo", hook, "x-vwo-auth", "webhook-secret-0123456789"); status != http.StatusOK || !strings.Contains(text, "success") {
		t.Fatalf("%d %s", status, text)
	}
	text := ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if _, text = s.get("/v1/experiments/230"); strings.Contains(text, `"stopped"`) {
			return
		}
	}
	t.Errorf("the experiment still runs: %s", text)
}

type vwoTrack func(campaigns interface{}, user, goal string, option interface{}) []schema.TrackResult

// driveVWO lets the SDK decide and track. Without batches it sends from goroutines that cannot be waited for, so the
// comparison waits until everything has arrived.
func driveVWO(t *testing.T, s *server, instance *api.VWOInstance, track vwoTrack, subject func(string) string, end func()) {
	t.Helper()
	const key, experiment, featureKey, feature, users = "checkout_ab", "230", "search_feature_test", "231", 120
	exposed, bought, tested := map[string]int64{}, map[string]int64{}, map[string]int64{}
	variants := map[string]string{}
	var total int64
	for i := range users {
		id := fmt.Sprintf("user-%d", i)
		variant := instance.Activate(key, id, nil)
		exposed[variant]++
		variants[id] = variant
		instance.IsFeatureEnabled(featureKey, id, nil)
		tested[instance.GetVariationName(featureKey, id, nil)]++
		instance.IsFeatureEnabled("dark_mode_rollout", id, nil)
		if i%3 == 0 {
			track(key, id, "purchase", map[string]interface{}{"revenueValue": 12.5})
			bought[variant]++
			total++
		}
	}
	end()
	if len(exposed) != 2 || len(tested) != 3 || exposed[""]+tested[""] > 0 {
		t.Fatalf("the SDK assigned %v and %v", exposed, tested)
	}
	var r, f readout
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if s.lastSeq() < uint64(2*users+total) {
			continue
		}
		if r, f = s.readout(experiment, s.lastSeq()), s.readout(feature, s.lastSeq()); vwoSum(r) == users && vwoSum(f) == users {
			break
		}
	}
	for variant, n := range exposed {
		if got := r.exposed(variant); got != n {
			t.Errorf("%s: %d exposed users, the SDK assigned %d", variant, got, n)
		}
		if got, _ := r.converted("purchase", variant); got != bought[variant] {
			t.Errorf("%s: %d converted users, the SDK tracked %d", variant, got, bought[variant])
		}
	}
	for variant, n := range tested {
		if got := f.exposed(variant); got != n {
			t.Errorf("%s: %d exposed users, the SDK assigned %d", variant, got, n)
		}
	}
	for _, id := range []string{"user-1", "user-60", "user-119"} {
		if got := whyVariant(t, s, "user", subject(id), experiment); got != variants[id] {
			t.Errorf("%s is in %q, the SDK returned %q", id, got, variants[id])
		}
	}
	if status, _ := s.get("/v1/experiments/dark_mode_rollout/readout"); status != http.StatusNotFound {
		t.Errorf("a rollout is no experiment and has a readout: %d", status)
	}
}

func vwoSum(r readout) int64 {
	var n int64
	for _, v := range r.Variants {
		n += v.Exposed
	}
	return n
}
