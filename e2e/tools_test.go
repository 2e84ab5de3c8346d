package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/launchdarkly/go-sdk-common/v3/ldcontext"
	"github.com/posthog/posthog-go"
)

// TestSeveralToolsOneExperiment: LaunchDarkly assigns some persons and PostHog others, each under its own name for the
// experiment and for the variants; PostHog's client and a backend report what people did. One declaration joins them,
// although it comes after everything else.
func TestSeveralToolsOneExperiment(t *testing.T) {
	s := serve(t)
	flags := httptest.NewServer(postHogFlags(http.NotFoundHandler()))
	defer flags.Close()
	ld := launchDarkly(t, s)
	ph, err := posthog.NewWithConfig("phc_test", posthog.Config{Endpoint: flags.URL, Interval: 20 * time.Millisecond, Transport: split{flags.URL, s.url("/webhooks/posthog")}})
	if err != nil {
		t.Fatal(err)
	}
	exposed, bought := map[string]int64{}, map[string]int64{}
	variants := map[string]string{"control": "control", "treatment": "treatment", "test": "treatment"}
	for i := range 200 {
		user := fmt.Sprintf("person-%d", i)
		variant := ""
		if i%2 == 0 {
			variant, err = ld.StringVariation("checkout-redesign", ldcontext.New(user), "control")
		} else {
			var v any
			v, err = ph.GetFeatureFlag(posthog.FeatureFlagPayload{Key: "checkout-cta", DistinctId: user})
			variant, _ = v.(string)
		}
		if err != nil {
			t.Fatal(err)
		}
		variant = variants[variant]
		exposed[variant]++
		if i%5 > 1 {
			continue
		}
		order := fmt.Sprintf("order-%d", i)
		body := fmt.Sprintf(`{"event_name":"experiment_converted","event_id":%q,"conversion_event":"purchase","user_id":%q,"value":20,"currency":"EUR","dedup_key":%q,"channel":"server","converted_at":%q}`,
			order, user, order, time.Now().Add(time.Minute).UTC().Format(time.RFC3339))
		if status, _, text := s.post("/v1/events", body); status != http.StatusAccepted {
			t.Fatalf("%d %s", status, text)
		}
		bought[variant]++
		if err := ph.Enqueue(posthog.Capture{DistinctId: user, Event: "purchase seen"}); err != nil { // another event, which no metric uses
			t.Fatal(err)
		}
	}
	if err := ld.Close(); err != nil {
		t.Fatal(err)
	}
	if err := ph.Close(); err != nil {
		t.Fatal(err)
	}
	status, _, text := s.post("/v1/experiments", `{"id":"checkout","variants":[{"key":"control"},{"key":"treatment","aliases":{"posthog":["test"]}}],
	 "aliases":{"launchdarkly":["checkout-redesign"],"posthog":["checkout-cta"]},
	 "metrics":[{"id":"purchase","role":"primary","type":"proportion","event":"purchase"}]}`)
	if status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	r := s.readout("checkout", s.lastSeq())
	for variant, n := range exposed {
		if got := r.exposed(variant); got != n {
			t.Errorf("%s: %d exposed users, the tools assigned %d", variant, got, n)
		}
		if got, _ := r.converted("purchase", variant); got != bought[variant] {
			t.Errorf("%s: %d converted users, %d bought", variant, got, bought[variant])
		}
	}
	for _, name := range []string{"checkout-redesign", "checkout-cta"} {
		if status, text := s.get("/v1/experiments/" + name + "/readout"); status != http.StatusNotFound {
			t.Errorf("%s still stands for itself: %d %.200s", name, status, text)
		}
	}
}
