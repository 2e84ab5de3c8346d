package tap_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	growthbook "github.com/growthbook/growthbook-golang"

	"github.com/tracklayer/tracklayer/adapters"
	adapter "github.com/tracklayer/tracklayer/adapters/growthbook"
	"github.com/tracklayer/tracklayer/adapters/growthbook/tap"
	"github.com/tracklayer/tracklayer/canonical"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
	"github.com/tracklayer/tracklayer/sdk/go/sdktest"
)

const features = `{
 "buy-button": {"defaultValue": "Buy", "rules": [{"key": "checkout-cta", "hashAttribute": "id", "hashVersion": 2, "seed": "checkout-cta", "variations": ["Buy", "Buy now"], "weights": [0.5, 0.5], "meta": [{"key": "control"}, {"key": "treatment"}]}]},
 "price": {"defaultValue": 10, "rules": [{"key": "pricing-test", "hashAttribute": "deviceId", "hashVersion": 2, "variations": [10, 9], "weights": [0, 1], "meta": [{"key": "0"}, {"key": "1"}]}]},
 "team": {"defaultValue": false, "rules": [{"key": "team-test", "hashAttribute": "company", "variations": [false, true], "weights": [0, 1]}]},
 "new-nav": {"defaultValue": false, "rules": [{"force": true}]}
}`

// receiver is a TrackLayer that keeps what it is sent.
type receiver struct{ *sdktest.Server }

func newReceiver(t testing.TB) *receiver {
	d := &receiver{sdktest.New()}
	t.Cleanup(d.Close)
	return d
}

// said is what was sent.
func (d *receiver) said() []string {
	return d.Said("experiment_id", "variant", "user_id", "ambiguous_id", "anonymous_id", "conversion_event", "value", "currency")
}

func newTap(t testing.TB, d *receiver, how ...tap.Option) *tap.Tap {
	t.Helper()
	one, err := tap.New(tracklayer.Options{URL: d.URL, Every: time.Hour}, how...)
	if err != nil {
		t.Fatal(err)
	}
	return one
}

func client(t testing.TB, options ...growthbook.ClientOption) *growthbook.Client {
	t.Helper()
	c, err := growthbook.NewClient(t.Context(), append([]growthbook.ClientOption{
		growthbook.WithClientKey("sdk-1"), growthbook.WithJsonFeatures(features), growthbook.WithLogger(slog.New(slog.DiscardHandler)),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func as(t testing.TB, c *growthbook.Client, a growthbook.Attributes) *growthbook.Client {
	t.Helper()
	child, err := c.WithAttributes(a)
	if err != nil {
		t.Fatal(err)
	}
	return child
}

func TestPlugin(t *testing.T) {
	d := newReceiver(t)
	one := newTap(t, d)
	c := client(t, growthbook.WithPlugins(one))
	ctx := t.Context()
	user := as(t, c, growthbook.Attributes{"id": "user-1", "user_id": "user-1", "deviceId": "dev-2", "device_id": "dev-2", "email": "private@example.com", "company": "acme"})
	variant := user.EvalFeature(ctx, "buy-button").ExperimentResult.Key
	for _, name := range []string{"buy-button", "price", "team", "new-nav", "nope"} {
		user.EvalFeature(ctx, name)
	}
	user.LogEvent(ctx, "purchase", growthbook.EventProperties{"value": 49.9, "currency": "eur", "card": "private"})
	user.LogEvent(ctx, "purchase", growthbook.EventProperties{"value": 49.9, "currency": "eur"})
	user.LogEvent(ctx, "picked", growthbook.EventProperties{"value": "red"})
	visitor := as(t, c, growthbook.Attributes{"id": "anon-7"})
	variant7 := visitor.EvalFeature(ctx, "buy-button").ExperimentResult.Key
	forced, err := user.WithForcedVariations(growthbook.ForcedVariationsMap{"checkout-cta": 0})
	if err != nil {
		t.Fatal(err)
	}
	forced.EvalFeature(ctx, "buy-button")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"experiment_converted user_id=user-1 anonymous_id=dev-2 conversion_event=picked",
		"experiment_converted user_id=user-1 anonymous_id=dev-2 conversion_event=purchase value=49.9 currency=EUR",
		"experiment_converted user_id=user-1 anonymous_id=dev-2 conversion_event=purchase value=49.9 currency=EUR",
		"experiment_exposed experiment_id=checkout-cta variant=" + variant7 + " user_id=anon-7 ambiguous_id=true",
		"experiment_exposed experiment_id=checkout-cta variant=" + variant + " user_id=user-1",
		"experiment_exposed experiment_id=pricing-test variant=1 anonymous_id=dev-2",
		"experiment_exposed experiment_id=team-test variant=1 user_id=company:acme",
		"identity_linked user_id=user-1 anonymous_id=dev-2",
	}
	slices.Sort(want)
	if got := d.said(); !slices.Equal(got, want) {
		t.Errorf("sent\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n := one.Counts(); n.Sent != uint64(len(want)) || n.Dropped != 0 || one.Faults() != 0 {
		t.Errorf("%+v, %d faults", n, one.Faults())
	}
	text, err := json.Marshal(d.Events())
	if err != nil || strings.Contains(string(text), "private") {
		t.Errorf("%v %s", err, text)
	}
}

func TestCallbacks(t *testing.T) {
	d := newReceiver(t)
	one := newTap(t, d, tap.Units(map[string]tap.Unit{"deviceId": tap.Anonymous, "company": tap.User}))
	called := 0
	next := func(context.Context, *growthbook.Experiment, *growthbook.ExperimentResult, *growthbook.TrackingUserContext, any) {
		called++
	}
	c := client(t,
		growthbook.WithExperimentCallback(one.ExperimentCallback(next)),
		growthbook.WithEventLogger(one.EventLogger(func(context.Context, string, growthbook.EventProperties, *growthbook.EventUserContext) { called++ })))
	user := as(t, c, growthbook.Attributes{"id": 7, "user_id": 7, "deviceId": "dev-2", "company": "acme"})
	variant := user.EvalFeature(t.Context(), "buy-button").ExperimentResult.Key
	user.EvalFeature(t.Context(), "team")
	user.LogEvent(t.Context(), "purchase", nil)
	usage := client(t, growthbook.WithFeatureUsageCallback(one.FeatureUsageCallback(func(context.Context, string, *growthbook.FeatureResult, any) { called++ })))
	variant9 := as(t, usage, growthbook.Attributes{"id": "user-9"}).EvalFeature(t.Context(), "buy-button").ExperimentResult.Key
	as(t, usage, growthbook.Attributes{"id": "user-9"}).EvalFeature(t.Context(), "new-nav")
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"experiment_converted user_id=7 anonymous_id=dev-2 conversion_event=purchase",
		"experiment_exposed experiment_id=checkout-cta variant=" + variant + " user_id=7",
		"experiment_exposed experiment_id=checkout-cta variant=" + variant9 + " user_id=user-9 ambiguous_id=true",
		"experiment_exposed experiment_id=team-test variant=1 user_id=acme",
		"identity_linked user_id=7 anonymous_id=dev-2",
	}
	slices.Sort(want)
	if got := d.said(); !slices.Equal(got, want) {
		t.Errorf("sent\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if called != 9 { // two experiments, two features of each of them twice as events, one LogEvent, two uses
		t.Errorf("the callbacks behind the tap were called %d times", called)
	}
}

// TestTheAdapterReadsTheSame: a callback that is forwarded and the tap come to the same ids, groups and attributes.
func TestTheAdapterReadsTheSame(t *testing.T) {
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
			var attributes growthbook.Attributes
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
			source, err := adapters.Open(adapter.Adapter, options)
			if err != nil {
				t.Fatal(err)
			}
			d := newReceiver(t)
			one := newTap(t, d, how...)
			var bodies []string
			forward := func(_ context.Context, e *growthbook.Experiment, r *growthbook.ExperimentResult, user *growthbook.TrackingUserContext, _ any) {
				text, err := json.Marshal(map[string]any{"experiment": e, "result": r, "user": user})
				if err != nil {
					t.Error(err)
				}
				bodies = append(bodies, string(text))
			}
			client := client(t, growthbook.WithExperimentCallback(one.ExperimentCallback(forward)), growthbook.WithEventLogger(one.EventLogger(nil)))
			as(t, client, attributes).EvalFeature(t.Context(), "buy-button")
			as(t, client, attributes).LogEvent(t.Context(), "purchase", growthbook.EventProperties{"value": 5})
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

// TestMoneyGroupsAndHoldouts: refunds, orders, currencies, holdouts and the declared kinds of attributes.
func TestMoneyGroupsAndHoldouts(t *testing.T) {
	d := newReceiver(t)
	one := newTap(t, d, tap.Units(map[string]tap.Unit{"team": tap.Group}), tap.Holdouts("winter"))
	user := &growthbook.EventUserContext{Attributes: growthbook.Attributes{"user_id": "u", "team": 7}}
	logger, callback := one.EventLogger(nil), one.ExperimentCallback(nil)
	logger(t.Context(), "Order Completed", growthbook.EventProperties{"value": 100, "order_id": "o-1", "currency": "€"}, user)
	logger(t.Context(), "Order Refunded", growthbook.EventProperties{"total": "30", "order_id": "o-1", "currency": " eur "}, user)
	logger(t.Context(), "refund", growthbook.EventProperties{"value": 5}, user)
	for key, meta := range map[string]bool{"winter": false, "holdout-1": false, "spring": true, "plain": false} {
		callback(t.Context(), &growthbook.Experiment{Key: key, Meta: []growthbook.VariationMeta{{Key: "0"}, {Key: "1", Passthrough: meta}}},
			&growthbook.ExperimentResult{InExperiment: true, HashUsed: true, HashAttribute: "user_id", HashValue: "u", Key: "0"}, user, nil)
	}
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	got := d.Said("experiment_id", "experiment_kind", "conversion_event", "value", "currency", "dedup_key", "adjusts", "groups")
	want := []string{
		"experiment_converted conversion_event=Order Completed value=-30 currency=EUR adjusts=o-1 groups=map[team:7]",
		"experiment_converted conversion_event=Order Completed value=100 dedup_key=o-1 groups=map[team:7]",
		"experiment_converted conversion_event=Order Refunded value=30 currency=EUR groups=map[team:7]",
		"experiment_converted conversion_event=refund value=5 groups=map[team:7]",
		"experiment_exposed experiment_id=holdout-1 experiment_kind=holdout groups=map[team:7]",
		"experiment_exposed experiment_id=plain groups=map[team:7]",
		"experiment_exposed experiment_id=spring experiment_kind=holdout groups=map[team:7]",
		"experiment_exposed experiment_id=winter experiment_kind=holdout groups=map[team:7]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("sent\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if d.Path() != "/v1/events?source=growthbook" {
		t.Errorf("sent to %s", d.Path())
	}
}

// TestHarmless: whatever the tap is given, and whether or not a server listens, the caller sees nothing of it.
func TestHarmless(t *testing.T) {
	one, err := tap.New(tracklayer.Options{URL: "http://127.0.0.1:1", Source: "growthbook", Queue: 2, Patience: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	callback, usage, logger := one.ExperimentCallback(nil), one.FeatureUsageCallback(nil), one.EventLogger(nil)
	for range 10 {
		callback(t.Context(), nil, nil, nil, nil)
		usage(t.Context(), "f", nil, nil)
		usage(t.Context(), "f", &growthbook.FeatureResult{Source: growthbook.ExperimentResultSource}, nil)
		logger(t.Context(), "purchase", nil, nil)
		logger(t.Context(), "purchase", nil, &growthbook.EventUserContext{Attributes: growthbook.Attributes{"id": "u1", "user_id": broken{}}})
	}
	if one.Faults() == 0 || one.Counts().Dropped == 0 {
		t.Errorf("%d faults, %+v", one.Faults(), one.Counts())
	}
	if err := one.Close(); err != nil {
		t.Error(err)
	}
	callback(t.Context(), &growthbook.Experiment{Key: "x"}, &growthbook.ExperimentResult{InExperiment: true, HashUsed: true, HashValue: "u"}, nil, nil)
	if _, err := tap.New(tracklayer.Options{}); err == nil {
		t.Error("a tap without an address")
	}
}

// broken is an attribute that panics when it is read.
type broken struct{}

func (broken) String() string { panic(errors.New("broken")) }
