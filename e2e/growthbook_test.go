package e2e_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	growthbook "github.com/growthbook/growthbook-golang"

	"github.com/tracklayer/tracklayer/adapters/growthbook/tap"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
)

// growthBookFeatures are an experiment by id, one by device, and a forced feature that is none.
const growthBookFeatures = `{
 "buy-button": {"defaultValue": "Buy", "rules": [{"key": "checkout-cta", "hashAttribute": "id", "hashVersion": 2, "seed": "checkout-cta", "variations": ["Buy", "Buy now"], "weights": [0.5, 0.5], "meta": [{"key": "control"}, {"key": "treatment"}]}]},
 "price": {"defaultValue": 10, "rules": [{"key": "pricing-test", "hashAttribute": "device_id", "hashVersion": 2, "variations": [10, 9], "weights": [0.5, 0.5], "meta": [{"key": "0"}, {"key": "1"}]}]},
 "new-nav": {"defaultValue": false, "rules": [{"force": true}]}
}`

func growthBook(t *testing.T, option growthbook.ClientOption) *growthbook.Client {
	t.Helper()
	client, err := growthbook.NewClient(t.Context(), growthbook.WithClientKey("sdk-e2e"), growthbook.WithJsonFeatures(growthBookFeatures),
		growthbook.WithLogger(slog.New(slog.DiscardHandler)), option)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// TestGrowthBookSDK: what the real SDK decides and logs becomes a readout that agrees with what it returned, through its
// own tracking plugin and through the tap.
func TestGrowthBookSDK(t *testing.T) {
	for _, way := range []string{"plugin", "tap"} {
		t.Run(way, func(t *testing.T) {
			s := serve(t)
			// One batch: the plugin sends full ones side by side and its events have no time, so that they may overtake one another.
			option := growthbook.WithGrowthBookTracking(growthbook.TrackingPluginConfig{
				IngestorHost: s.url("/webhooks/growthbook"), BatchSize: 100_000, BatchTimeout: time.Hour,
			})
			if way == "tap" {
				one, err := tap.New(tracklayer.Options{URL: s.url(""), Source: "growthbook"})
				if err != nil {
					t.Fatal(err)
				}
				option = growthbook.WithPlugins(one)
			}
			client := growthBook(t, option)
			exposed, bought, priced := map[string]int64{}, map[string]int64{}, map[string]int64{}
			variants := map[string]string{}
			for i := range 400 {
				id := fmt.Sprintf("user-%d", i)
				user, err := client.WithAttributes(growthbook.Attributes{"id": id, "user_id": id, "device_id": fmt.Sprintf("dev-%d", i)})
				if err != nil {
					t.Fatal(err)
				}
				variant := user.EvalFeature(t.Context(), "buy-button").ExperimentResult.Key
				user.EvalFeature(t.Context(), "buy-button") // again, and still one person
				price := user.EvalFeature(t.Context(), "price").ExperimentResult.Key
				user.EvalFeature(t.Context(), "new-nav")
				variants[id] = variant
				exposed[variant]++
				if i%7 == 0 || variant == "treatment" && i%5 == 0 {
					user.LogEvent(t.Context(), "purchase", growthbook.EventProperties{"value": 9.5, "currency": "EUR"})
					bought[variant]++
					priced[price]++
				}
				forced, err := user.WithForcedVariations(growthbook.ForcedVariationsMap{"checkout-cta": 1})
				if err != nil {
					t.Fatal(err)
				}
				forced.EvalFeature(t.Context(), "buy-button")
			}
			if err := client.Close(); err != nil {
				t.Fatal(err)
			}
			r := s.readout("checkout-cta", s.lastSeq())
			for variant, n := range exposed {
				if got := r.exposed(variant); got != n {
					t.Errorf("%s: %d exposed users, the SDK assigned %d", variant, got, n)
				}
				if got, _ := r.converted("purchase", variant); got != bought[variant] {
					t.Errorf("%s: %d converted users, the SDK logged %d", variant, got, bought[variant])
				}
			}
			r = s.readout("pricing-test", s.lastSeq()) // by device: reached through the link
			for variant, n := range priced {
				if got, _ := r.converted("purchase", variant); got != n {
					t.Errorf("pricing-test %s: %d converted users, the SDK logged %d", variant, got, n)
				}
			}
			status, why := s.get("/v1/units/user/user-35")
			if status != http.StatusOK || !strings.Contains(why, `"checkout-cta"`) || !strings.Contains(why, `"`+variants["user-35"]+`"`) ||
				!strings.Contains(why, `"dev-35"`) || !strings.Contains(why, `"purchase"`) {
				t.Errorf("user-35 got %s: %d %s", variants["user-35"], status, why)
			}
		})
	}
}

// TestGrowthBookWebhook: a webhook stops a declared experiment, and a download that lands here by mistake hears 404.
func TestGrowthBookWebhook(t *testing.T) {
	s := serve(t)
	if status, _, text := s.post("/v1/experiments", `{"id":"checkout-cta","variants":[{"key":"control"},{"key":"treatment"}],"metrics":[]}`); status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	now := time.Now().UTC()
	body := fmt.Sprintf(`{"event":"experiment.updated","object":"experiment","created":%d,"user":{"type":"system"},"data":{"object":{"id":"exp_1","trackingKey":"checkout-cta","status":"stopped","phases":[{"dateEnded":%q,"reasonForStopping":"done"}]},"previous_attributes":{"status":"running"}}}`,
		now.Add(time.Second).UnixMilli(), now.Add(time.Second).Format(time.RFC3339Nano))
	for range 2 { // the webhook comes twice
		if status, _, text := s.post("/webhooks/growthbook/event", body); status != http.StatusAccepted {
			t.Fatalf("%d %s", status, text)
		}
	}
	if r := s.readout("checkout-cta", s.lastSeq()); r.Status != "stopped" {
		_, text := s.get("/v1/experiments/checkout-cta")
		t.Errorf("status %s\n%s", r.Status, text)
	}
	if status, _ := s.get("/webhooks/growthbook/api/features/sdk-e2e"); status != http.StatusNotFound {
		t.Errorf("features: %d", status)
	}
}
