package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/posthog/posthog-go"

	"github.com/tracklayer/tracklayer/adapters/posthog/tap"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
)

// postHogFlags answers what PostHog's SDKs ask for flags: one experiment, in which a person's variant depends on the id, and
// one flag that is none. Everything else goes on.
func postHogFlags(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/flags") {
			next.ServeHTTP(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		var asked struct {
			ID string `json:"distinct_id"`
		}
		_ = json.Unmarshal(body, &asked)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"flags":{"checkout-cta":{"key":"checkout-cta","enabled":true,"variant":%q,"metadata":{"id":1,"version":1,"has_experiment":true}},
		 "new-nav":{"key":"new-nav","enabled":true,"variant":null,"metadata":{"id":2,"version":1,"has_experiment":false}}},"errorsWhileComputingFlags":false}`,
			postHogVariant(asked.ID))
	})
}

func postHogVariant(id string) string {
	sum := 0
	for _, c := range []byte(id) {
		sum += int(c)
	}
	return []string{"control", "test"}[sum%2]
}

// split sends flags to one place and events to another, as a proxy in front of both would.
type split struct{ flags, events string }

func (s split) RoundTrip(r *http.Request) (*http.Response, error) {
	to := s.events
	if strings.HasPrefix(r.URL.Path, "/flags") {
		to = s.flags
	}
	u := *r.URL
	at, err := u.Parse(to + r.URL.RequestURI())
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.URL, r.Host = at, at.Host
	return http.DefaultTransport.RoundTrip(r)
}

// TestPostHogSDK runs the real SDK, its events sent here in every form that it has, and through the tap, and compares the
// readout with what the SDK returned.
func TestPostHogSDK(t *testing.T) {
	flags := httptest.NewServer(postHogFlags(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"status":"Ok"}`) })))
	defer flags.Close()
	for name, change := range map[string]func(*posthog.Config, *server) func(){
		"plain": func(*posthog.Config, *server) func() { return func() {} },
		"gzip": func(c *posthog.Config, _ *server) func() {
			c.Compression = posthog.CompressionGzip
			return func() {}
		},
		"V1": func(c *posthog.Config, _ *server) func() {
			c.CaptureMode = posthog.CaptureModeAnalyticsV1
			return func() {}
		},
		"tap": func(c *posthog.Config, s *server) func() {
			client, err := tracklayer.New(tracklayer.Options{URL: s.url(""), Source: "posthog"})
			if err != nil {
				t.Fatal(err)
			}
			c.BeforeSend = tap.BeforeSend(client, nil)
			c.Transport = nil // the vendor has its own events
			return func() {
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				defer cancel()
				if err := client.Close(ctx); err != nil || client.Counts().Dropped > 0 {
					t.Errorf("the tap: %v, %+v", err, client.Counts())
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			config := posthog.Config{Endpoint: flags.URL, Interval: 20 * time.Millisecond, Transport: split{flags.URL, s.url("/webhooks/posthog")}}
			done := change(&config, s)
			client, err := posthog.NewWithConfig("phc_test", config)
			if err != nil {
				t.Fatal(err)
			}
			exposed, bought := map[string]int64{}, map[string]int64{}
			for i := range 300 {
				id := fmt.Sprintf("user-%d", i)
				variant, err := client.GetFeatureFlag(posthog.FeatureFlagPayload{Key: "checkout-cta", DistinctId: id})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := client.GetFeatureFlag(posthog.FeatureFlagPayload{Key: "new-nav", DistinctId: id}); err != nil {
					t.Fatal(err)
				}
				exposed[variant.(string)]++
				if i%4 == 0 {
					if err := client.Enqueue(posthog.Capture{DistinctId: id, Event: "purchase", Properties: posthog.NewProperties().Set("revenue", 9.99)}); err != nil {
						t.Fatal(err)
					}
					bought[variant.(string)]++
				}
			}
			if err := client.Close(); err != nil {
				t.Fatal(err)
			}
			done()
			r := s.readout("checkout-cta", s.lastSeq())
			for variant, n := range exposed {
				if got := r.exposed(variant); got != n {
					t.Errorf("%s: %d exposed users, the SDK returned it for %d", variant, got, n)
				}
				if got, _ := r.converted("purchase", variant); got != bought[variant] {
					t.Errorf("%s: %d converted users, the SDK captured %d", variant, got, bought[variant])
				}
			}
			if status, text := s.get("/v1/units/user/user-0"); status != http.StatusOK || !strings.Contains(text, `"experiment_id":"checkout-cta"`) {
				t.Errorf("why user-0 is counted: %d %.300s", status, text)
			}
			if status, _ := s.get("/v1/experiments/new-nav/readout"); status != http.StatusNotFound {
				t.Errorf("a flag that is no experiment has a readout: %d", status)
			}
		})
	}
}
