package tap_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/posthog/posthog-go"

	"github.com/tracklayer/tracklayer/adapters/posthog/tap"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
	"github.com/tracklayer/tracklayer/sdk/go/sdktest"
)

// vendor answers as PostHog does: a variant for every person, and Ok for events.
func vendor(t *testing.T) (url string, batches *int) {
	batches = new(int)
	var mu sync.Mutex
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		if !strings.HasPrefix(r.URL.Path, "/flags") {
			mu.Lock()
			*batches++
			mu.Unlock()
			fmt.Fprint(w, `{"status":"Ok"}`)
			return
		}
		var asked struct {
			ID string `json:"distinct_id"`
		}
		_ = json.Unmarshal(body, &asked)
		variant := []string{"control", "test"}[len(asked.ID)%2]
		fmt.Fprintf(w, `{"flags":{"checkout-cta":{"key":"checkout-cta","enabled":true,"variant":%q,"metadata":{"id":1,"version":1,"has_experiment":true}},
		 "new-nav":{"key":"new-nav","enabled":true,"variant":null,"metadata":{"id":2,"version":1,"has_experiment":false}}},"errorsWhileComputingFlags":false}`, variant)
	}))
	t.Cleanup(s.Close)
	return s.URL, batches
}

func TestTheRealClient(t *testing.T) {
	url, batches := vendor(t)
	s := sdktest.New()
	defer s.Close()
	client, err := tracklayer.New(tracklayer.Options{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	config := posthog.Config{Endpoint: url, Interval: 10 * time.Millisecond}
	config.BeforeSend = tap.BeforeSend(client, func(m posthog.Message) posthog.Message {
		if c, ok := m.(posthog.Capture); ok && c.Event == "secret" {
			return nil
		}
		return m
	})
	ph, err := posthog.NewWithConfig("phc_test", config)
	if err != nil {
		t.Fatal(err)
	}
	variant, err := ph.GetFeatureFlag(posthog.FeatureFlagPayload{Key: "checkout-cta", DistinctId: "user-1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ph.GetFeatureFlag(posthog.FeatureFlagPayload{Key: "new-nav", DistinctId: "user-1"}); err != nil {
		t.Fatal(err)
	}
	for _, m := range []posthog.Message{
		posthog.Capture{DistinctId: "user-1", Event: "purchase", Properties: posthog.NewProperties().Set("revenue", 49.9).Set("currency", "eur").Set("email", "private").Set("plan", "pro"), Groups: posthog.NewGroups().Set("company", "acme")},
		posthog.Capture{DistinctId: "user-1", Event: "Order Refunded", Properties: posthog.NewProperties().Set("total", 9.9).Set("order_id", 4711)},
		posthog.Capture{DistinctId: "user-1", Event: "Order Completed", Properties: posthog.NewProperties().Set("revenue", 20).Set("order_id", "4711").Set("currency", "€")},
		posthog.Capture{DistinctId: "visitor-8", Event: "viewed", Properties: posthog.NewProperties().Set("$is_identified", false)},
		posthog.Capture{DistinctId: "user-8", Event: "viewed", Properties: posthog.NewProperties().Set("$is_identified", true)},
		posthog.Capture{DistinctId: "user-1", Event: "Application Opened"},
		posthog.Capture{DistinctId: "user-1", Event: "$feature_flag_called", Properties: posthog.NewProperties().Set("$feature_flag", "checkout-cta").Set("$feature_flag_response", "holdout-12")},
		posthog.Capture{DistinctId: "user-1", Event: "$merge_dangerously", Properties: posthog.NewProperties().Set("alias", "user-11")},
		posthog.Capture{DistinctId: "user-1", Event: "secret"},
		posthog.Alias{DistinctId: "user-1", Alias: "visitor-9"},
		posthog.Identify{DistinctId: "user-1"},
	} {
		if err := ph.Enqueue(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := ph.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := client.Close(ctx); err != nil {
		t.Fatal(err)
	}
	var sent []string
	for _, e := range s.Events() {
		raw, _ := json.Marshal(e)
		if strings.Contains(string(raw), "private") {
			t.Errorf("a property was passed on: %s", raw)
		}
		sent = append(sent, fmt.Sprintf("%v %v %v %v %v %v %v %v", e["event_name"], e["user_id"], e["ambiguous_id"], e["variant"], e["conversion_event"], e["anonymous_id"], e["value"], e["currency"]))
		rest := fmt.Sprintf("%v %v %v %v %v %v %v", e["experiment_kind"], e["experiment_id"], e["previous_user_id"], e["groups"], e["attributes"], e["adjusts"], e["dedup_key"])
		sent[len(sent)-1] += " " + strings.ReplaceAll(rest, "<nil>", "-")
	}
	slices.Sort(sent)
	want := []string{
		"experiment_converted <nil> <nil> <nil> viewed visitor-8 <nil> <nil> - - - - - - -",
		"experiment_converted user-1 true <nil> Order Completed <nil> -9.9 <nil> - - - - - 4711 -",
		"experiment_converted user-1 true <nil> Order Completed <nil> 20 <nil> - - - - - - 4711",
		"experiment_converted user-1 true <nil> Order Refunded <nil> 9.9 <nil> - - - - - - -",
		"experiment_converted user-1 true <nil> purchase <nil> 49.9 EUR - - - map[company:acme] map[plan:pro] - -",
		"experiment_converted user-8 <nil> <nil> viewed <nil> <nil> <nil> - - - - - - -",
		fmt.Sprintf("experiment_exposed user-1 true %v <nil> <nil> <nil> <nil> - checkout-cta - - - - -", variant),
		"experiment_exposed user-1 true holdout <nil> <nil> <nil> <nil> holdout holdout-12 - - - - -",
		"identity_linked user-1 <nil> <nil> <nil> user-1 <nil> <nil> - - - - - - -",
		"identity_linked user-1 <nil> <nil> <nil> user-1 <nil> <nil> - - - - - - -",
		"identity_linked user-1 <nil> <nil> <nil> user-11 <nil> <nil> - - user-11 - - - -",
		"identity_linked user-1 <nil> <nil> <nil> visitor-9 <nil> <nil> - - - - - - -",
	}
	if !slices.Equal(sent, want) {
		t.Errorf("sent\n%s\nwant\n%s", strings.Join(sent, "\n"), strings.Join(want, "\n"))
	}
	if *batches == 0 || client.Counts().Dropped != 0 {
		t.Errorf("%d batches for PostHog, %+v", *batches, client.Counts())
	}
}

func ExampleBeforeSend() {
	client, err := tracklayer.New(tracklayer.Options{URL: "http://127.0.0.1:8080", Source: "posthog"})
	if err != nil {
		fmt.Println(err)
		return
	}
	config := posthog.Config{}
	config.BeforeSend = tap.BeforeSend(client, config.BeforeSend)
	ph, err := posthog.NewWithConfig("phc_your_project", config)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = ph.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // no server listens in an example
	_ = client.Close(ctx)
	// Output:
}
