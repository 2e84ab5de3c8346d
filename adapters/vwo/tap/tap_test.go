package tap_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	vwo "github.com/wingify/vwo-go-sdk"
	"github.com/wingify/vwo-go-sdk/pkg/api"
	"github.com/wingify/vwo-go-sdk/pkg/schema"
	"github.com/wingify/vwo-go-sdk/pkg/service"

	"github.com/tracklayer/tracklayer/adapters/vwo/tap"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
	"github.com/tracklayer/tracklayer/sdk/go/sdktest"
)

// toVWO sends what is meant for VWO to a server of the test: the SDK has no option for its host.
type toVWO struct {
	api  *url.URL
	next http.RoundTripper
}

func (r toVWO) RoundTrip(request *http.Request) (*http.Response, error) {
	if strings.HasSuffix(request.URL.Hostname(), "visualwebsiteoptimizer.com") {
		request = request.Clone(request.Context())
		request.URL.Scheme, request.URL.Host, request.Host = r.api.Scheme, r.api.Host, r.api.Host
	}
	return r.next.RoundTrip(request)
}

func TestMain(m *testing.M) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) }))
	to, err := url.Parse(api.URL)
	if err != nil {
		panic(err)
	}
	http.DefaultTransport = toVWO{to, http.DefaultTransport}
	code := m.Run()
	api.Close()
	os.Exit(code)
}

type quiet struct{}

func (quiet) CustomLog(string, string) {}

func launch(options ...api.VWOOption) *api.VWOInstance {
	text, err := os.ReadFile(filepath.Join("testdata", "settings.json"))
	if err != nil {
		panic(err)
	}
	m := service.SettingsFileManager{}
	if err := json.Unmarshal(text, &m.SettingsFile); err != nil {
		panic(err)
	}
	m.Process()
	instance, err := vwo.Launch(m.GetSettingsFile(), append(options, api.WithLogger(quiet{}))...)
	if err != nil {
		panic(err)
	}
	return instance
}

// TestTap drives the real SDK: what it returned is what TrackLayer gets, and nothing else.
func TestTap(t *testing.T) {
	gw := sdktest.New()
	defer gw.Close()
	tapped, err := tap.New(tracklayer.Options{URL: gw.URL})
	if err != nil {
		t.Fatal(err)
	}
	heard := 0
	instance := launch(tapped.Option(nil, func(map[string]interface{}) { heard++ }))
	var want []string
	for i := range 4 {
		id := fmt.Sprintf("user-%d", i)
		variant := instance.Activate("checkout_ab", id, map[string]interface{}{"customVariables": map[string]interface{}{"ssn": "never-sent"}})
		want = append(want, "230 "+variant+" "+id)
	}
	instance.IsFeatureEnabled("search_feature_test", "user-1", nil)
	want = append(want, "231 "+instance.GetVariationName("search_feature_test", "user-1", nil)+" user-1")
	instance.IsFeatureEnabled("dark_mode_rollout", "user-1", nil)
	instance.Activate("paused_ab", "user-1", nil)
	instance.Activate("no_such", "user-1", nil)
	tapped.Track(instance, "checkout_ab", "user-1", "purchase", map[string]interface{}{"revenueValue": 49.5})
	tapped.Track(instance, nil, "user-2", "purchase", map[string]interface{}{"revenueValue": 10})
	tapped.Track(instance, "checkout_ab", "user-2", "signup", nil)
	tapped.Track(instance, "checkout_ab", "user-2", "no_such_goal", nil)
	want = append(want, "purchase 49.5 user-1", "purchase 10 user-2", "signup <nil> user-2")
	if err := tapped.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(gw.Events()) != len(want) {
		t.Fatalf("%d events, want %d: %s", len(gw.Events()), len(want), gw.Text())
	}
	for i, e := range gw.Events() {
		got := fmt.Sprint(e["experiment_id"], " ", e["variant"], " ", e["user_id"])
		if e["event_name"] == "experiment_converted" {
			got = fmt.Sprint(e["conversion_event"], " ", e["value"], " ", e["user_id"])
		}
		if got != want[i] {
			t.Errorf("event %d is %s\nwant %s", i, got, want[i])
		}
	}
	if heard < len(want) || strings.Contains(gw.Text(), "never-sent") {
		t.Errorf("the callback that was there before was called for %d decisions; sent: %s", heard, gw.Text())
	}
	if counts := tapped.Counts(); counts.Sent != uint64(len(want)) || counts.Dropped != 0 || gw.Path() != "/v1/events?source=vwo" {
		t.Errorf("%+v at %s", counts, gw.Path())
	}
}

// TestFullQueue: a gateway that is down costs events, counted, and no time.
func TestFullQueue(t *testing.T) {
	tapped, err := tap.New(tracklayer.Options{URL: "http://127.0.0.1:1", Queue: 5, Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	instance := launch(tapped.Option(), api.WithDevelopmentMode())
	for i := range 100 {
		instance.Activate("checkout_ab", fmt.Sprintf("user-%d", i), nil)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = tapped.Close(ctx) // nothing can be sent
	if tapped.Counts().Dropped == 0 {
		t.Error("nothing was counted as dropped")
	}
}

// TestPanics: whatever the tap's own parts do, the caller goes on.
func TestPanics(t *testing.T) {
	if _, err := tap.New(tracklayer.Options{}); err == nil {
		t.Error("a tap without an address was started")
	}
	broken := &tap.Tap{} // no client: every event panics inside
	instance := launch(broken.Option(), api.WithDevelopmentMode())
	if variant := instance.Activate("checkout_ab", "user-1", nil); variant == "" {
		t.Error("a broken tap took the variant away")
	}
	broken.Track(tracked{}, "checkout_ab", "user-1", "purchase", nil)
}

type tracked struct{}

func (tracked) Track(interface{}, string, string, interface{}) []schema.TrackResult {
	return []schema.TrackResult{{CampaignKey: "checkout_ab", TrackValue: true}}
}

func Example() {
	trackLayer := sdktest.New()
	defer trackLayer.Close()

	tapped, err := tap.New(tracklayer.Options{URL: trackLayer.URL})
	if err != nil {
		panic(err)
	}
	instance := launch(tapped.Option()) // vwo.Launch(settings, tapped.Option())

	fmt.Println(instance.Activate("checkout_ab", "user-1", nil))
	tapped.Track(instance, "checkout_ab", "user-1", "purchase", map[string]interface{}{"revenueValue": 49.5})

	if err := tapped.Close(context.Background()); err != nil {
		panic(err)
	}
	fmt.Println(tapped.Counts().Sent, "events")
	// Output:
	// Variation-1
	// 2 events
}
