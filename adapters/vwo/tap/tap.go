// Package tap sends what VWO's classic Go SDK decides to TrackLayer, beside what the SDK sends to VWO. Unlike the wire it
// knows the campaigns' keys, the variations' names and the user ids as the program has them, where the wire has a UUID
// that cannot be turned back.
//
// Use the tap or send the SDK's requests to TrackLayer, not both: a person would be there twice, under two ids.
//
// It imports the SDK, canonical and sdk/go; the server does not import it.
package tap

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/wingify/vwo-go-sdk/pkg/api"
	"github.com/wingify/vwo-go-sdk/pkg/schema"

	"github.com/tracklayer/tracklayer/canonical"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
)

// Tap sends exposures and conversions. It is safe for concurrent use. No call blocks, panics or sends custom variables.
// Close it, or what waits is lost.
type Tap struct {
	client *tracklayer.Client
}

// New starts a tap. The source is vwo where the options name none.
func New(o tracklayer.Options) (*Tap, error) {
	if o.Source == "" {
		o.Source = "vwo"
	}
	client, err := tracklayer.New(o)
	if err != nil {
		return nil, err
	}
	return &Tap{client}, nil
}

// Option is for vwo.Launch. The SDK has one callback: one of your own goes here, and is called as it would have been.
func (t *Tap) Option(own ...func(map[string]interface{})) api.VWOOption {
	return api.WithIntegrationsCallBack(func(decision map[string]interface{}) {
		t.decide(decision)
		for _, callback := range own {
			if callback != nil {
				callback(decision)
			}
		}
	})
}

// Tracker is the part of a VWO instance that Track needs.
type Tracker interface {
	Track(campaignKeys interface{}, userID, goalIdentifier string, option interface{}) []schema.TrackResult
}

// Track tracks a goal with VWO, and sends it as one conversion where VWO tracked it for any campaign. The SDK's callback
// does not tell the revenue: call this in place of the instance's Track.
func (t *Tap) Track(vwo Tracker, campaignKeys interface{}, userID, goalIdentifier string, option interface{}) []schema.TrackResult {
	results := vwo.Track(campaignKeys, userID, goalIdentifier, option)
	t.convert(results, userID, goalIdentifier, option)
	return results
}

// Counts are what became of the events so far.
func (t *Tap) Counts() tracklayer.Counts { return t.client.Counts() }

// Flush sends what waits.
func (t *Tap) Flush(ctx context.Context) error { return t.client.Flush(ctx) }

// Close sends what waits and ends the tap.
func (t *Tap) Close(ctx context.Context) error { return t.client.Close(ctx) }

// quiet keeps a fault of the tap from the SDK's caller, in whose goroutine the callback runs.
func quiet() { _ = recover() }

// decide hears every decision (schema/integrations.go, core/variation_decider.go). Those of Activate and
// IsFeatureEnabled show a variant to a user; Track, GetVariationName and GetFeatureVariableValue only ask for it, and
// rollouts have no variation.
func (t *Tap) decide(decision map[string]interface{}) {
	defer quiet()
	source, kind := text(decision["source"]), text(decision["campaignType"])
	if source != "Activate" && source != "IsFeatureEnabled" || kind != "VISUAL_AB" && kind != "FEATURE_TEST" {
		return
	}
	e := canonical.Event{
		Kind: canonical.Exposed, ExperimentID: text(decision["campaignId"]), Variant: text(decision["variationName"]), UserID: text(decision["userId"]), AmbiguousID: true,
		SourceExperiment: text(decision["campaignKey"]), SourceVariant: text(decision["variationId"]),
	}
	if whitelisted, _ := decision["isUserWhitelisted"].(bool); whitelisted {
		e.Attributes = json.RawMessage(`{"whitelisted":true}`)
	}
	t.client.Send(e)
}

func (t *Tap) convert(results []schema.TrackResult, userID, goalIdentifier string, option interface{}) {
	defer quiet()
	tracked := false
	for _, r := range results {
		tracked = tracked || r.TrackValue
	}
	if !tracked {
		return
	}
	e := canonical.Event{Kind: canonical.Converted, ConversionEvent: goalIdentifier, UserID: userID, AmbiguousID: true, Channel: canonical.Server}
	if options, ok := option.(map[string]interface{}); ok {
		if n, err := canonical.ParseNumber(text(options["revenueValue"])); err == nil {
			e.Value = n
		}
	}
	t.client.Send(e)
}

// text writes an id or a number as the SDK writes it; "" for nothing.
func text(v interface{}) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case float32:
		return strconv.FormatFloat(float64(v), 'f', -1, 32)
	}
	return fmt.Sprint(v)
}
