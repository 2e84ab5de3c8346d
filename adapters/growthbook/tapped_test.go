package growthbook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/growthbook/growthbook-golang"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/growthbook"
	"github.com/tracklayer/tracklayer/adapters/growthbook/tap"
	"github.com/tracklayer/tracklayer/canonical"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
	"github.com/tracklayer/tracklayer/sdk/go/sdktest"
)

const tapFeatures = `{"buy-button": {"defaultValue": "Buy", "rules": [{"key": "checkout-cta", "hashAttribute": "id", "hashVersion": 2, "seed": "checkout-cta", "variations": ["Buy", "Buy now"], "weights": [0.5, 0.5], "meta": [{"key": "control"}, {"key": "treatment"}]}]}}`

// TestTheTapSendsTheSame: a callback that is forwarded and the tap come to the same ids, groups and attributes.
func TestTheTapSendsTheSame(t *testing.T) {
	for _, c := range []struct {
		units      string
		attributes string
	}{
		{"", `{"id":"shopper-1","country":"DE","email":"private"}`},
		{"", `{"id":4711}`},
		{"", `{"id":1e21}`},
		{"", `{"id":"a-1","user_id":"u-1"}`},
		{"", `{"id":"u-1","user_id":"u-1"}`},
		{"", `{"id":"a-1","user_id":"undefined"}`},
		{"", `{"id":"a-1","device_id":"d-1"}`},
		{"", `{"id":"a-1","deviceId":"d-1","utmSource":"news"}`},
		{"", `{"id":"a-1","user_id":"u-1","company":"acme"}`},
		{"user", `{"id":"u-1"}`},
		{"user", `{"id":4711}`},
		{"user", `{"id":"u-1","device_id":"d-1"}`},
		{"anonymous", `{"id":"a-1"}`},
		{"anonymous", `{"id":"a-1","user_id":"u-1"}`},
	} {
		t.Run(c.units+c.attributes, func(t *testing.T) {
			var attributes sdk.Attributes
			if err := json.Unmarshal([]byte(c.attributes), &attributes); err != nil {
				t.Fatal(err)
			}
			s := adapters.Source{Name: "growthbook", Rules: canonical.DefaultRules()}
			var how []tap.Option
			var options map[string]any
			switch c.units {
			case "user":
				options = map[string]any{"units": map[string]any{"id": "user"}}
				how = append(how, tap.Units(map[string]tap.Unit{"id": tap.User}))
			case "anonymous":
				options = map[string]any{"units": map[string]any{"id": "anonymous"}}
				how = append(how, tap.Units(map[string]tap.Unit{"id": tap.Anonymous}))
			}
			source, err := adapters.Open(growthbook.Adapter, options)
			if err != nil {
				t.Fatal(err)
			}
			d := sdktest.New()
			defer d.Close()
			one, err := tap.New(tracklayer.Options{URL: d.URL, FlushInterval: time.Hour}, how...)
			if err != nil {
				t.Fatal(err)
			}
			var bodies []string
			forward := func(_ context.Context, e *sdk.Experiment, r *sdk.ExperimentResult, user *sdk.TrackingUserContext, _ any) {
				text, err := json.Marshal(map[string]any{"experiment": e, "result": r, "user": user})
				if err != nil {
					t.Error(err)
				}
				bodies = append(bodies, string(text))
			}
			client, err := sdk.NewClient(t.Context(), sdk.WithClientKey("sdk-1"), sdk.WithJsonFeatures(tapFeatures), sdk.WithLogger(slog.New(slog.DiscardHandler)),
				sdk.WithExperimentCallback(one.ExperimentCallback(forward)), sdk.WithEventLogger(one.EventLogger(nil)))
			if err == nil {
				client, err = client.WithAttributes(attributes)
			}
			if err != nil {
				t.Fatal(err)
			}
			client.EvalFeature(t.Context(), "buy-button")
			client.LogEvent(t.Context(), "purchase", sdk.EventProperties{"value": 5})
			if err := one.Close(); err != nil {
				t.Fatal(err)
			}
			bodies = append(bodies, `{"event_name":"purchase","properties":{"value":5},"sdk_language":"go","attributes":`+c.attributes+`}`)
			var want []string
			for _, body := range bodies {
				e := adapters.Envelope{Method: "POST", Body: []byte(body), Header: http.Header{}, ReceivedAt: canonical.TimeOf(time.Now())}
				b, err := source.Decode(s, e)
				if err != nil || len(b.Rejected) > 0 {
					t.Fatalf("%s: %v %+v", body, err, b.Rejected)
				}
				for i := range b.Events {
					want = append(want, words(t, b.Events[i].AppendJSON(nil)))
				}
			}
			var got []string
			for _, e := range d.Events() {
				text, err := json.Marshal(e)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, words(t, text))
			}
			slices.Sort(got)
			slices.Sort(want)
			got, want = slices.Compact(got), slices.Compact(want)
			if !slices.Equal(got, want) {
				t.Errorf("the tap sent\n%s\nthe adapter reads\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// words are the parts of an event that the tap and the adapter must agree on.
func words(t *testing.T, text []byte) string {
	t.Helper()
	var e map[string]any
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, name := range []string{"event_name", "experiment_id", "variant", "user_id", "ambiguous_id", "anonymous_id", "conversion_event", "value", "channel", "groups", "attributes"} {
		all = append(all, fmt.Sprint(e[name]))
	}
	return strings.Join(all, " ")
}
