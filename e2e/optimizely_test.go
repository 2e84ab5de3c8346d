package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/optimizely/go-sdk/v2/pkg/client"
	"github.com/optimizely/go-sdk/v2/pkg/config"
	"github.com/optimizely/go-sdk/v2/pkg/entities"
	"github.com/optimizely/go-sdk/v2/pkg/event"
	"github.com/optimizely/go-sdk/v2/pkg/logging"

	"github.com/tracklayer/tracklayer/adapters/optimizely/tap"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
)

const (
	optimizelyFlagTest = "9300000001" // checkout_button_test, on the flag checkout_flow
	optimizelyABTest   = "9300000002" // price_ab
)

// optimizely is a real SDK client whose datafile comes from testdata.
func optimizely(tb testing.TB, p event.Processor) *client.OptimizelyClient {
	tb.Helper()
	logging.SetLogLevel(logging.LogLevelError)
	datafile, err := os.ReadFile("testdata/optimizely-datafile.json")
	if err != nil {
		tb.Fatal(err)
	}
	f := client.OptimizelyFactory{SDKKey: tb.Name()}
	c, err := f.Client(client.WithConfigManager(config.NewStaticProjectConfigManagerWithOptions("", config.WithInitialDatafile(datafile))),
		client.WithOdpDisabled(true), client.WithEventProcessor(p))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// optimizelyToServer is the SDK's own processor, its events sent to the server.
func optimizelyToServer(tb testing.TB, s *server) *event.BatchEventProcessor {
	return event.NewBatchEventProcessor(event.WithSDKKey(tb.Name()), event.WithEventEndPoint(s.url("/webhooks/optimizely/v1/events")),
		event.WithBatchSize(50), event.WithQueueSize(100_000), event.WithFlushInterval(100*time.Millisecond))
}

// optimizelyShop is what the SDK itself returned to a shop's visitors.
type optimizelyShop struct {
	exposed, bought map[string]map[string]int64
	cents           map[string]map[string]int64
	variantOf       map[string]string
}

// optimizelyVisit lets visitors decide, activate and buy.
func optimizelyVisit(t *testing.T, c *client.OptimizelyClient, visitors int) optimizelyShop {
	t.Helper()
	shop := optimizelyShop{map[string]map[string]int64{}, map[string]map[string]int64{}, map[string]map[string]int64{}, map[string]string{}}
	for _, id := range []string{optimizelyFlagTest, optimizelyABTest} {
		shop.exposed[id], shop.bought[id], shop.cents[id] = map[string]int64{}, map[string]int64{}, map[string]int64{}
	}
	for i := range visitors {
		user := fmt.Sprintf("user-%d", i)
		uc := c.CreateUserContext(user, map[string]any{"plan": "free"})
		d := uc.Decide("checkout_flow", nil)
		uc.Decide("checkout_flow", nil) // sent again, with another id
		uc.Decide("dark_mode", nil)     // a rollout
		if d.RuleKey != "checkout_button_test" {
			t.Fatalf("%+v", d)
		}
		met := map[string]string{optimizelyFlagTest: d.VariationKey}
		shop.variantOf[user] = d.VariationKey
		if i%2 == 0 {
			variation, err := c.Activate("price_ab", entities.UserContext{ID: user})
			if err != nil {
				t.Fatal(err)
			}
			met[optimizelyABTest] = variation
		}
		for id, variation := range met {
			shop.exposed[id][variation]++
		}
		if i%5 != 0 {
			continue
		}
		if err := c.Track("purchase", entities.UserContext{ID: user}, map[string]any{"revenue": 1000 + i, "value": 0.5}); err != nil {
			t.Fatal(err)
		}
		for id, variation := range met {
			shop.bought[id][variation]++
			shop.cents[id][variation] += int64(1000 + i)
		}
	}
	return shop
}

// agrees compares what the server counted with what the SDK returned.
func (shop optimizelyShop) agrees(t *testing.T, s *server) {
	t.Helper()
	seq := s.lastSeq()
	for id, variations := range shop.exposed {
		r := s.readout(id, seq)
		if len(r.Variants) != len(variations) {
			t.Errorf("%s has %d variants, want %d", id, len(r.Variants), len(variations))
		}
		for variation, n := range variations {
			if got := r.exposed(variation); got != n {
				t.Errorf("%s %s: %d exposed users, the SDK decided %d", id, variation, got, n)
			}
			if got, _ := r.converted("purchase", variation); got != shop.bought[id][variation] {
				t.Errorf("%s %s: %d converted users, the SDK tracked %d", id, variation, got, shop.bought[id][variation])
			}
		}
		for _, v := range r.Variants {
			if v.Crossover != 0 {
				t.Errorf("%s %s: %d crossovers", id, v.Variant, v.Crossover)
			}
		}
	}
	if status, _ := s.get("/v1/experiments/9700000003/readout"); status != http.StatusNotFound {
		t.Errorf("a rollout has a readout: %d", status)
	}
	for i := range 20 {
		user := fmt.Sprintf("user-%d", i)
		status, text := s.get("/v1/units/user/" + user)
		if status != http.StatusOK || !strings.Contains(text, `"variant":"`+shop.variantOf[user]+`"`) || strings.Contains(text, "purchase") != (i%5 == 0) {
			t.Errorf("%s: %d %s", user, status, text)
		}
	}
}

// TestOptimizelySDK points the real SDK at the ingest endpoint.
func TestOptimizelySDK(t *testing.T) {
	s := serve(t)
	c := optimizely(t, optimizelyToServer(t, s))
	shop := optimizelyVisit(t, c, 500)
	c.Close()
	shop.agrees(t, s)
}

// TestOptimizelyTap counts through the tap, while the SDK's events go elsewhere.
func TestOptimizelyTap(t *testing.T) {
	s := serve(t)
	toTrackLayer, err := tracklayer.New(tracklayer.Options{URL: s.url(""), Source: "optimizely"})
	if err != nil {
		t.Fatal(err)
	}
	p := tap.Wrap(nil, toTrackLayer, tap.Options{})
	c := optimizely(t, p)
	shop := optimizelyVisit(t, c, 500)
	c.Close()
	closeOptimizelyTap(t, p, toTrackLayer)
	shop.agrees(t, s)
}

// TestOptimizelyBothWays sends everything twice, through the tap and by the SDK itself: it counts once.
func TestOptimizelyBothWays(t *testing.T) {
	s := serve(t)
	toTrackLayer, err := tracklayer.New(tracklayer.Options{URL: s.url(""), Source: "optimizely"})
	if err != nil {
		t.Fatal(err)
	}
	p := tap.Wrap(optimizelyToServer(t, s), toTrackLayer, tap.Options{})
	c := optimizely(t, p)
	shop := optimizelyVisit(t, c, 100)
	c.Close()
	closeOptimizelyTap(t, p, toTrackLayer)
	shop.agrees(t, s)
	if _, text := s.get("/v1/units/user/user-0"); strings.Contains(text, `"conflicts":1`) {
		t.Errorf("the tap and the ingest endpoint say different things of one event: %s", text)
	}
}

func closeOptimizelyTap(t *testing.T, p *tap.Processor, toTrackLayer *tracklayer.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := p.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := toTrackLayer.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if n := toTrackLayer.Counts(); n.Dropped+n.Rejected > 0 {
		t.Errorf("%+v", n)
	}
}
