package tap_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/launchdarkly/go-sdk-common/v3/ldcontext"
	"github.com/launchdarkly/go-sdk-common/v3/ldlog"
	"github.com/launchdarkly/go-sdk-common/v3/ldreason"
	"github.com/launchdarkly/go-sdk-common/v3/ldvalue"
	"github.com/launchdarkly/go-server-sdk-evaluation/v3/ldbuilders"
	ld "github.com/launchdarkly/go-server-sdk/v7"
	"github.com/launchdarkly/go-server-sdk/v7/interfaces"
	"github.com/launchdarkly/go-server-sdk/v7/ldcomponents"
	"github.com/launchdarkly/go-server-sdk/v7/ldhooks"
	"github.com/launchdarkly/go-server-sdk/v7/testhelpers/ldtestdata"

	"github.com/tracklayer/tracklayer/adapters/launchdarkly/tap"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
	"github.com/tracklayer/tracklayer/sdk/go/sdktest"
)

// receiver is a TrackLayer that keeps what it is sent.
type receiver struct{ *sdktest.Server }

func newReceiver(t testing.TB) *receiver {
	d := &receiver{sdktest.New()}
	t.Cleanup(d.Close)
	return d
}

// said is what was sent.
func (d *receiver) said() []string {
	return d.Said("experiment_id", "variant", "source_variant", "user_id", "anonymous_id", "conversion_event", "metric_value")
}

// client is a real SDK client with flags from memory. Its own events go nowhere.
func client(t testing.TB, hook ldhooks.Hook) *ld.LDClient {
	t.Helper()
	nowhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	t.Cleanup(nowhere.Close)
	flags := ldtestdata.DataSource()
	for name, values := range map[string][]ldvalue.Value{
		"text":   {ldvalue.String("control"), ldvalue.String("treatment")},
		"switch": {ldvalue.Bool(false), ldvalue.Bool(true)},
		"number": {ldvalue.Float64(2.5), ldvalue.Float64(2.5)},
		"object": {ldvalue.ObjectBuild().Build(), ldvalue.ObjectBuild().Build()},
	} {
		flags.UsePreconfiguredFlag(ldbuilders.NewFlagBuilder(name).On(true).Variations(values...).
			Fallthrough(ldbuilders.Experiment(ldvalue.NewOptionalInt(61), ldbuilders.Bucket(1, 100000))).Build())
	}
	flags.UsePreconfiguredFlag(ldbuilders.NewFlagBuilder("plain").On(true).TrackEvents(true).
		Variations(ldvalue.Bool(true), ldvalue.Bool(false)).FallthroughVariation(0).Build())
	c, err := ld.MakeCustomClient("sdk-1", ld.Config{
		DataSource:       flags,
		Hooks:            []ldhooks.Hook{hook},
		ServiceEndpoints: interfaces.ServiceEndpoints{Events: nowhere.URL}.WithPartialSpecification(),
		DiagnosticOptOut: true,
		Logging:          ldcomponents.Logging().MinLevel(ldlog.None),
	}, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestHook(t *testing.T) {
	d := newReceiver(t)
	one, err := tap.New(tracklayer.Options{URL: d.URL, Source: "launchdarkly", FlushInterval: time.Hour}, tap.UnitKinds(map[string]string{"switch": "organization"}))
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, one)
	user := ldcontext.NewBuilder("u1").SetString("email", "private@example.com").Private("email").Build()
	both := ldcontext.NewMulti(user, ldcontext.NewWithKind("organization", "o1"), ldcontext.NewBuilder("d1").Kind("device").Anonymous(true).Build())
	for range 2 { // twice is once
		_, _ = c.StringVariation("text", user, "")                                                 // errors are the SDK's own affair
		_, _ = c.BoolVariation("switch", both, false)                                              //
		_, _ = c.BoolVariation("switch", user, false)                                              // without the unit: no user's
		_, _ = c.Float64Variation("number", ldcontext.NewBuilder("a1").Anonymous(true).Build(), 0) //
		_, _ = c.JSONVariation("object", user, ldvalue.Null())
		_, _ = c.BoolVariation("plain", user, false)
		_, _ = c.StringVariation("missing", user, "")
		_, _ = c.IntVariation("text", user, 0) // a wrong type
	}
	for range 2 { // twice is twice
		if err := c.TrackMetric("purchase", both, 9.99, ldvalue.String("private")); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.TrackEvent("seen", ldcontext.NewBuilder("a1").Anonymous(true).Build()); err != nil {
		t.Fatal(err)
	}
	if err := one.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"experiment_converted anonymous_id=a1 conversion_event=seen",
		"experiment_converted user_id=u1 conversion_event=purchase metric_value=9.99",
		"experiment_converted user_id=u1 conversion_event=purchase metric_value=9.99",
		"experiment_exposed experiment_id=number variant=2.5 source_variant=1 anonymous_id=a1",
		"experiment_exposed experiment_id=object variant=variation-1 source_variant=1 user_id=u1",
		"experiment_exposed experiment_id=switch variant=true source_variant=1 user_id=organization:o1",
		"experiment_exposed experiment_id=text variant=treatment source_variant=1 user_id=u1",
		"identity_linked user_id=u1 anonymous_id=device:d1",
	}
	if got := d.said(); !slices.Equal(got, want) {
		t.Errorf("sent\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	text, err := json.Marshal(d.Events())
	if err != nil || strings.Contains(string(text), "private") {
		t.Errorf("%v %s", err, text)
	}
	if one.Faults() != 0 || one.Counts().Dropped != 0 {
		t.Errorf("%d faults, %+v", one.Faults(), one.Counts())
	}
}

// TestHarmless: whatever the tap is given, and whether or not a server listens, the caller sees nothing of it.
func TestHarmless(t *testing.T) {
	one, err := tap.New(tracklayer.Options{URL: "http://127.0.0.1:1", Source: "launchdarkly", Queue: 1, RetryFor: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, one)
	for i := range 200 {
		who := ldcontext.New(fmt.Sprintf("u%d", i))
		if variant, err := c.StringVariation("text", who, ""); err != nil || variant != "treatment" {
			t.Fatal(variant, err)
		}
		_, _ = c.StringVariation("text", ldcontext.Context{}, "") // no context at all
		if err := c.TrackMetric("purchase", who, 1e300, ldvalue.Null()); err != nil {
			t.Fatal(err)
		}
	}
	in := ldreason.NewEvalReasonFallthroughExperiment(true)
	if _, err := one.AfterEvaluation(t.Context(), ldhooks.EvaluationSeriesContext{}, ldhooks.EvaluationSeriesData{}, ldreason.EvaluationDetail{Reason: in, VariationIndex: ldvalue.NewOptionalInt(0)}); err != nil {
		t.Error(err)
	}
	if one.Counts().Dropped == 0 || one.Faults() == 0 {
		t.Errorf("%+v, %d faults", one.Counts(), one.Faults())
	}
	if err := one.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := c.StringVariation("text", ldcontext.New("late"), ""); err != nil {
		t.Error(err)
	}
	if _, err := tap.New(tracklayer.Options{}); err == nil {
		t.Error("a tap without an address")
	}
}
