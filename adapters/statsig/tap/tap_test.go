package tap_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	statsig "github.com/statsig-io/go-sdk"

	"github.com/tracklayer/tracklayer/adapters/statsig/tap"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
	"github.com/tracklayer/tracklayer/sdk/go/sdktest"
)

func specs() string {
	text, err := os.ReadFile(filepath.Join("testdata", "download_config_specs.json"))
	if err != nil {
		panic(err)
	}
	return string(text)
}

// options are an SDK whose rules come from memory and whose own events go to a server that takes everything.
func options(api string) *statsig.Options {
	return &statsig.Options{
		API: api + "/v1", BootstrapValues: specs(), ConfigSyncInterval: time.Hour, IDListSyncInterval: time.Hour, LoggingInterval: time.Hour,
		OutputLoggerOptions: statsig.OutputLoggerOptions{LogCallback: func(string, error) {}},
		IPCountryOptions:    statsig.IPCountryOptions{Disabled: true}, UAParserOptions: statsig.UAParserOptions{Disabled: true},
	}
}

func vendor() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"success":true}`)) }))
}

func user(id string) statsig.User {
	return statsig.User{
		UserID: id, Email: id + "@example.com", Country: "DE", IpAddress: "203.0.113.7", UserAgent: "Mozilla/5.0 (Macintosh)",
		Custom: map[string]interface{}{"plan": "pro"}, PrivateAttributes: map[string]interface{}{"ssn": "never-sent"},
		CustomIDs: map[string]string{"stableID": "st-" + id, "companyID": "co-42"},
	}
}

// TestTap drives the real SDK: what it returned is what TrackLayer gets, and nothing else.
func TestTap(t *testing.T) {
	api, gw := vendor(), sdktest.New()
	defer api.Close()
	defer gw.Close()
	tapped, err := tap.New(tracklayer.Options{URL: gw.URL})
	if err != nil {
		t.Fatal(err)
	}
	heard := 0
	o := options(api.URL)
	o.EvaluationCallbacks.ConfigEvaluationCallback = func(string, statsig.DynamicConfig, *statsig.ExposureEvent) { heard++ }
	client := statsig.NewClientWithOptions("secret-key", tapped.Options(o))
	var want []string
	for i := range 4 {
		id := fmt.Sprintf("user-%d", 1001+i)
		x := client.GetExperiment(user(id), "checkout_button_color")
		want = append(want, "checkout_button_color "+x.GroupName+" "+id+" st-"+id)
	}
	for _, not := range []string{"held-out-user", "unallocated-user"} {
		client.GetExperiment(user(not), "checkout_button_color")
	}
	client.GetExperiment(user("user-2003"), "not_started_test")
	client.GetExperiment(user("user-2003"), "no_such_experiment")
	client.GetConfig(user("user-2003"), "homepage_config")
	client.GetExperimentWithExposureLoggingDisabled(user("user-2005"), "checkout_button_color")
	layer := client.GetLayer(user("user-4001"), "checkout_layer")
	layer.GetString("layout", "")
	layer.GetNumber("steps", 0)
	want = append(want, "checkout_layout_experiment "+layer.GroupName+" user-4001 st-user-4001")
	tapped.LogEvent(client, statsig.Event{EventName: "purchase", User: user("user-1001"), Value: "129.95", Metadata: map[string]string{"card": "never-sent"}})
	tapped.LogEvent(client, statsig.Event{EventName: "signup", User: statsig.User{UserID: "user-1002"}, Value: "newsletter"})
	want = append(want, "purchase 129.95 user-1001 st-user-1001", "signup <nil> user-1002 <nil>")
	client.Shutdown()
	if err := tapped.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	compare(t, gw, want)
	if heard != 10 {
		t.Errorf("the callback that was there before was called for %d evaluations, want 10", heard)
	}
	for _, private := range []string{"never-sent", "@example.com", "203.0.113.7"} {
		if strings.Contains(gw.Text(), private) {
			t.Errorf("%s was sent", private)
		}
	}
	if counts := tapped.Counts(); counts.Sent != uint64(len(want)) || counts.Dropped != 0 || gw.Path() != "/v1/events?source=statsig" {
		t.Errorf("%+v at %s", counts, gw.Path())
	}
}

func compare(t *testing.T, gw *sdktest.Server, want []string) {
	t.Helper()
	if len(gw.Events()) != len(want) {
		t.Fatalf("%d events, want %d: %s", len(gw.Events()), len(want), gw.Text())
	}
	for i, e := range gw.Events() {
		got := fmt.Sprint(e["experiment_id"], " ", e["variant"], " ", e["user_id"], " ", e["anonymous_id"])
		if e["event_name"] == "experiment_converted" {
			got = fmt.Sprint(e["conversion_event"], " ", e["metric_value"], " ", e["user_id"], " ", e["anonymous_id"])
		}
		if got != want[i] {
			t.Errorf("event %d is %s\nwant %s", i, got, want[i])
		}
	}
}

// TestFullQueue: a gateway that is down costs events, counted, and no time.
func TestFullQueue(t *testing.T) {
	api := vendor()
	defer api.Close()
	tapped, err := tap.New(tracklayer.Options{URL: "http://127.0.0.1:1", Queue: 5, Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	client := statsig.NewClientWithOptions("secret-key", tapped.Options(options(api.URL)))
	for i := range 100 {
		client.GetExperiment(user(fmt.Sprintf("user-%d", i)), "checkout_button_color")
	}
	client.Shutdown()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = tapped.Close(ctx) // nothing can be sent
	if tapped.Counts().Dropped == 0 {
		t.Error("nothing was counted as dropped")
	}
}

// TestPanics: whatever a logger or the tap's own parts do, the caller goes on.
func TestPanics(t *testing.T) {
	if _, err := tap.New(tracklayer.Options{}); err == nil {
		t.Error("a tap without an address was started")
	}
	broken := &tap.Tap{} // no client: every event panics inside
	o := broken.Options(nil)
	result := *statsig.NewConfig("x", nil, "r", "g", nil)
	o.EvaluationCallbacks.ExperimentEvaluationCallback("x", result, &statsig.ExposureEvent{})
	o.EvaluationCallbacks.LayerEvaluationCallback("l", "p", result, &statsig.ExposureEvent{Metadata: map[string]string{"allocatedExperiment": "x"}})
	broken.LogEvent(silent{}, statsig.Event{EventName: "purchase", User: statsig.User{UserID: "u"}})
}

type silent struct{}

func (silent) LogEvent(statsig.Event) {}

func Example() {
	statsigAPI, trackLayer := vendor(), sdktest.New()
	defer statsigAPI.Close()
	defer trackLayer.Close()

	tapped, err := tap.New(tracklayer.Options{URL: trackLayer.URL})
	if err != nil {
		panic(err)
	}
	client := statsig.NewClientWithOptions("secret-key", tapped.Options(options(statsigAPI.URL)))

	shopper := statsig.User{UserID: "user-1001", Country: "DE"}
	fmt.Println(client.GetExperiment(shopper, "checkout_button_color").GroupName)
	tapped.LogEvent(client, statsig.Event{EventName: "purchase", User: shopper, Value: "129.95"})

	client.Shutdown()
	if err := tapped.Close(context.Background()); err != nil {
		panic(err)
	}
	fmt.Println(tapped.Counts().Sent, "events")
	// Output:
	// Blue Button
	// 2 events
}
