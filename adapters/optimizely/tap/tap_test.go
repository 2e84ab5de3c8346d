package tap_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/optimizely/go-sdk/v2/pkg/client"
	"github.com/optimizely/go-sdk/v2/pkg/config"
	"github.com/optimizely/go-sdk/v2/pkg/entities"
	"github.com/optimizely/go-sdk/v2/pkg/event"
	"github.com/optimizely/go-sdk/v2/pkg/logging"

	"github.com/tracklayer/tracklayer/adapters/optimizely/tap"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
	"github.com/tracklayer/tracklayer/sdk/go/sdktest"
)

func TestMain(m *testing.M) {
	logging.SetLogLevel(logging.LogLevelError)
	os.Exit(m.Run())
}

// static keeps the SDK from asking for its datafile over the network.
func static(datafile []byte) client.OptionFunc {
	return client.WithConfigManager(config.NewStaticProjectConfigManagerWithOptions("", config.WithInitialDatafile(datafile)))
}

func listen(t *testing.T) *sdktest.Server {
	l := sdktest.New()
	t.Cleanup(l.Close)
	return l
}

func open(t *testing.T, url string) *tracklayer.Client {
	t.Helper()
	c, err := tracklayer.New(tracklayer.Options{URL: url, Source: "optimizely"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = c.Close(ctx)
	})
	return c
}

// sdk is a real SDK client with a datafile from testdata and a tapped processor.
func sdk(tb testing.TB, p event.Processor) *client.OptimizelyClient {
	tb.Helper()
	datafile, err := os.ReadFile("testdata/datafile.json")
	if err != nil {
		tb.Fatal(err)
	}
	f := &client.OptimizelyFactory{SDKKey: tb.Name()}
	c, err := f.Client(static(datafile), client.WithOdpDisabled(true), client.WithEventProcessor(p))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestRealSDK(t *testing.T) {
	l := listen(t)
	var vendor sync.Map
	logx := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		vendor.Store(string(body), true)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer logx.Close()
	batches := event.NewBatchEventProcessor(event.WithSDKKey(t.Name()), event.WithEventEndPoint(logx.URL), event.WithFlushInterval(time.Hour))
	p := tap.Wrap(batches, open(t, l.URL), tap.Options{Attributes: []string{"plan", "device"}, DedupTag: "order", Currency: "EUR"})
	c := sdk(t, p)
	var want []string
	for i := range 4 {
		user := fmt.Sprintf("user-%d", i)
		uc := c.CreateUserContext(user, map[string]any{"plan": "free", "device": "a<b", "country": "AT"})
		d := uc.Decide("checkout_flow", nil)
		want = append(want, fmt.Sprintf("9300000001 %s %s %s", d.VariationKey, user, "map[country:AT device:a<b flag_key:checkout_flow plan:free rule_key:checkout_button_test]"))
		uc.Decide("dark_mode", nil) // a rollout
	}
	nz := c.CreateUserContext("user-nz", map[string]any{"country": "NZ"})
	held := nz.Decide("checkout_flow", nil)
	want = append(want, fmt.Sprintf("9800000001 %s user-nz %s", held.VariationKey, "map[country:NZ flag_key:checkout_flow rule_key:global_holdout_q3]"))
	low, err := c.Activate("price_ab", entities.UserContext{ID: "user-1"})
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, fmt.Sprintf("9300000002 %s user-1 map[rule_key:price_ab]", low))
	if err := c.Track("purchase", entities.UserContext{ID: "user-1"}, map[string]any{"revenue": 4299, "value": 3.5, "order": 981}); err != nil {
		t.Fatal(err)
	}
	c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := p.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if len(l.Events()) != len(want)+1 {
		t.Fatalf("%d events, want %d: %v", len(l.Events()), len(want)+1, l.Events())
	}
	for i, w := range want {
		e := l.Events()[i]
		if got := fmt.Sprintf("%v %v %v %v", e["experiment_id"], e["variant"], e["user_id"], e["attributes"]); got != w {
			t.Errorf("event %d is %s\nwant %s", i, got, w)
		}
		if kind := e["experiment_kind"]; (kind == "holdout") != (e["experiment_id"] == "9800000001") || e["ambiguous_id"] != true {
			t.Errorf("event %d is a %v, ambiguous %v", i, kind, e["ambiguous_id"])
		}
	}
	got := l.Events()[len(want)]
	if got["conversion_event"] != "purchase" || got["value"] != 42.99 || got["metric_value"] != 3.5 || got["currency"] != "EUR" || got["dedup_key"] != "981" || got["channel"] != "server" {
		t.Errorf("the conversion is %v", got)
	}
	sent := 0
	vendor.Range(func(any, any) bool { sent++; return true })
	if sent == 0 {
		t.Error("the vendor got nothing")
	}
}

// broken panics on everything that is not handed on.
type broken struct{ event.Processor }

func (broken) ProcessEvent(event.UserEvent) bool { return false }

func TestNothingGetsIntoTheCaller(t *testing.T) {
	p := tap.Wrap(broken{}, nil, tap.Options{}) // a nil client panics
	key := event.UserEvent{Timestamp: 1, VisitorID: "u", Conversion: &event.ConversionEvent{Key: "x"}}
	if p.ProcessEvent(key) {
		t.Error("what the wrapped processor answers is not handed on")
	}
	alone := tap.Wrap(nil, open(t, "http://127.0.0.1:1"), tap.Options{})
	if !alone.ProcessEvent(event.UserEvent{}) || alone.RemoveOnEventDispatch(1) != nil {
		t.Error("without another processor it does not work")
	}
	if _, err := alone.OnEventDispatch(nil); err != nil {
		t.Error(err)
	}
}

func TestWhoItIs(t *testing.T) {
	l := listen(t)
	p := tap.Wrap(nil, open(t, l.URL), tap.Options{UserAttribute: "customer"})
	now := time.Now().UnixMilli()
	attributes := []event.VisitorAttribute{{Key: "customer", Value: "u-12"}, {Key: "$opt_user_agent", Value: "Googlebot/2.1"}}
	p.ProcessEvent(event.UserEvent{Timestamp: now, UUID: "1", VisitorID: "device-1", Conversion: &event.ConversionEvent{Key: "x", Attributes: attributes}})
	p.ProcessEvent(event.UserEvent{Timestamp: now, UUID: "2", VisitorID: "device-2", Conversion: &event.ConversionEvent{Key: "x"}})
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%v %v %v %v %v", l.Events()[0]["user_id"], l.Events()[0]["anonymous_id"], l.Events()[0]["attributes"], l.Events()[1]["user_id"], l.Events()[1]["anonymous_id"]); got != "u-12 device-1 map[user_agent:Googlebot/2.1] <nil> device-2" {
		t.Error(got)
	}
}

func Example() {
	toTrackLayer, err := tracklayer.New(tracklayer.Options{URL: "http://127.0.0.1:8080", Source: "optimizely"})
	if err != nil {
		fmt.Println(err)
		return
	}
	tapped := tap.Wrap(event.NewBatchEventProcessor(event.WithSDKKey("SDK_KEY")), toTrackLayer, tap.Options{Currency: "EUR"})
	factory := client.OptimizelyFactory{SDKKey: "SDK_KEY"}
	optimizely, err := factory.Client(client.WithEventProcessor(tapped), static([]byte(`{"version":"4"}`)))
	if err != nil {
		fmt.Println(err)
		return
	}
	optimizely.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	fmt.Println(tapped.Close(ctx), toTrackLayer.Counts().Dropped, "dropped")
	// Output: <nil> 0 dropped
}
