package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/launchdarkly/go-sdk-common/v3/ldcontext"
	"github.com/launchdarkly/go-sdk-common/v3/ldvalue"
	"github.com/launchdarkly/go-server-sdk-evaluation/v3/ldbuilders"
	ld "github.com/launchdarkly/go-server-sdk/v7"
	"github.com/launchdarkly/go-server-sdk/v7/interfaces"
	"github.com/launchdarkly/go-server-sdk/v7/ldcomponents"
	"github.com/launchdarkly/go-server-sdk/v7/ldhooks"
	"github.com/launchdarkly/go-server-sdk/v7/testhelpers/ldtestdata"

	"github.com/tracklayer/tracklayer/adapters/launchdarkly/tap"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
)

// TestLaunchDarklyTap: the hook's events become a readout that agrees with what the SDK returned. The SDK's own events go
// elsewhere, as they do to LaunchDarkly.
func TestLaunchDarklyTap(t *testing.T) {
	s, elsewhere := serve(t), serve(t)
	one, err := tap.New(tracklayer.Options{URL: s.url(""), Source: "launchdarkly"})
	if err != nil {
		t.Fatal(err)
	}
	flags := ldtestdata.DataSource()
	flags.UsePreconfiguredFlag(ldbuilders.NewFlagBuilder("checkout-redesign").On(true).
		Variations(ldvalue.String("control"), ldvalue.String("treatment")).
		Fallthrough(ldbuilders.Experiment(ldvalue.NewOptionalInt(61), ldbuilders.Bucket(0, 50000), ldbuilders.Bucket(1, 50000))).Build())
	client, err := ld.MakeCustomClient("sdk-00000000-0000-4000-8000-000000000001", ld.Config{
		DataSource:       flags,
		Hooks:            []ldhooks.Hook{one},
		ServiceEndpoints: interfaces.ServiceEndpoints{Events: elsewhere.url("/webhooks/launchdarkly")}.WithPartialSpecification(),
		DiagnosticOptOut: true,
		Logging:          ldcomponents.NoLogging(),
	}, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	exposed, bought := map[string]int64{}, map[string]int64{}
	for i := range 300 {
		who := ldcontext.NewMulti(ldcontext.New(fmt.Sprintf("user-%d", i)), ldcontext.NewBuilder(fmt.Sprintf("d-%d", i)).Kind("device").Anonymous(true).Build())
		variant, err := client.StringVariation("checkout-redesign", who, "none")
		if err != nil {
			t.Fatal(err)
		}
		exposed[variant]++
		if i%4 == 0 {
			if err := client.TrackMetric("purchase", who, 9.99, ldvalue.Null()); err != nil {
				t.Fatal(err)
			}
			bought[variant]++
		}
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if err := one.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, other := s.readout("checkout-redesign", s.lastSeq()), elsewhere.readout("checkout-redesign", elsewhere.lastSeq())
	for variant, n := range exposed {
		if got := r.exposed(variant); got != n || other.exposed(variant) != n {
			t.Errorf("%s: %d exposed users, %d by the events, the SDK assigned %d", variant, got, other.exposed(variant), n)
		}
		if got, _ := r.converted("purchase", variant); got != bought[variant] {
			t.Errorf("%s: %d converted users, the SDK tracked %d", variant, got, bought[variant])
		}
	}
	if status, why := s.get("/v1/units/anonymous/device:d-8"); status != http.StatusOK || !strings.Contains(why, `"user-8"`) || !strings.Contains(why, `"purchase"`) {
		t.Errorf("the device of user-8: %d %s", status, why)
	}
}

// TestLaunchDarklyWebhook: an entry that shows a stopped iteration stops a declared experiment, once.
func TestLaunchDarklyWebhook(t *testing.T) {
	s := serve(t)
	if status, _, text := s.post("/v1/experiments", `{"id":"checkout-redesign","variants":[{"key":"control"},{"key":"treatment"}],"metrics":[]}`); status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	at := time.Now().Add(time.Second).UnixMilli()
	entry := fmt.Sprintf(`{"_id":"e1","_accountId":"a","date":%d,"accesses":[{"action":"updateExperiment","resource":"proj/shop:env/production:experiment/exp"}],"title":"Somebody updated the experiment","currentVersion":{"currentIteration":{"status":"stopped","endedAt":%d,"flags":{"checkout-redesign":{}}}}}`, at, at)
	for range 2 {
		if status, _, text := s.post("/webhooks/launchdarkly", entry); status != http.StatusAccepted {
			t.Fatalf("%d %s", status, text)
		}
	}
	if r := s.readout("checkout-redesign", s.lastSeq()); r.Status != "stopped" {
		_, text := s.get("/v1/experiments/checkout-redesign")
		t.Errorf("status %s\n%s", r.Status, text)
	}
}
