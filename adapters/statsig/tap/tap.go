// Package tap sends what Statsig's Go SDK decides to TrackLayer, beside what the SDK sends to Statsig. Unlike the wire it
// knows the groups' names and which configs are experiments, so it needs no catalog.
//
// Use the tap or point the SDK's events at TrackLayer, not both under one source: conversions would count twice.
//
// It imports the SDK, canonical and sdk/go; the server does not import it.
package tap

import (
	"context"
	"encoding/json"
	"strings"

	statsig "github.com/statsig-io/go-sdk"

	"github.com/tracklayer/tracklayer/canonical"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
)

// Tap sends exposures and conversions. It is safe for concurrent use. No call blocks, panics or sends an attribute of a
// user but the ids and the user agent. Close it, or what waits is lost.
type Tap struct {
	client *tracklayer.Client
}

// New starts a tap. The source is statsig where the options name none.
func New(o tracklayer.Options) (*Tap, error) {
	if o.Source == "" {
		o.Source = "statsig"
	}
	client, err := tracklayer.New(o)
	if err != nil {
		return nil, err
	}
	return &Tap{client}, nil
}

// Options adds the tap to a copy of the SDK's options; nil is an SDK without any. Callbacks that are there already go on
// called as before.
func (t *Tap) Options(o *statsig.Options) *statsig.Options {
	tapped := statsig.Options{}
	if o != nil {
		tapped = *o
	}
	own := tapped.EvaluationCallbacks
	experiment := own.ExperimentEvaluationCallback
	if experiment == nil {
		experiment = own.ConfigEvaluationCallback // as the SDK has it
	}
	tapped.EvaluationCallbacks.ExperimentEvaluationCallback = func(name string, result statsig.DynamicConfig, exposure *statsig.ExposureEvent) {
		t.experiment(name, result, exposure)
		if experiment != nil {
			experiment(name, result, exposure)
		}
	}
	tapped.EvaluationCallbacks.LayerEvaluationCallback = func(name, param string, result statsig.DynamicConfig, exposure *statsig.ExposureEvent) {
		t.layer(name, param, result, exposure)
		if own.LayerEvaluationCallback != nil {
			own.LayerEvaluationCallback(name, param, result, exposure)
		}
	}
	return &tapped
}

// Logger is the part of a Statsig client that LogEvent needs.
type Logger interface {
	LogEvent(event statsig.Event)
}

// LogEvent logs an event with Statsig and sends it as a conversion. The SDK has no callback for events: call this in its
// place.
func (t *Tap) LogEvent(client Logger, event statsig.Event) {
	client.LogEvent(event)
	defer quiet()
	e := canonical.Event{Kind: canonical.Converted, ConversionEvent: event.EventName, Channel: canonical.Server, At: canonical.Time(event.Time)}
	about(&e, &event.User)
	attributes := map[string]string{}
	e.Value = money(event.Metadata)
	if e.Value.Set {
		if code := strings.ToUpper(strings.TrimSpace(event.Metadata["currency"])); canonical.IsCurrency(code) {
			e.Currency = code
		}
	}
	if n, err := canonical.ParseNumber(event.Value); err == nil && !e.Value.Set {
		e.MetricValue = n
	} else {
		attributes["value"] = event.Value // beside a price, digits are a product's code
	}
	send(t.client, e, attributes, event.User.UserAgent)
}

// money is the first number among the members of metadata that hold money, as the gateway reads them.
func money(metadata map[string]string) canonical.Number {
	for _, member := range []string{"revenue", "value", "price"} {
		if n, err := canonical.ParseNumber(strings.TrimSpace(metadata[member])); err == nil && n.Set {
			return n
		}
	}
	return canonical.Number{}
}

// Counts are what became of the events so far.
func (t *Tap) Counts() tracklayer.Counts { return t.client.Counts() }

// Flush sends what waits.
func (t *Tap) Flush(ctx context.Context) error { return t.client.Flush(ctx) }

// Close sends what waits and ends the tap. Shut the SDK down first.
func (t *Tap) Close(ctx context.Context) error { return t.client.Close(ctx) }

// quiet keeps a fault of the tap from the SDK, which would answer its caller with an empty config.
func quiet() { _ = recover() }

func (t *Tap) experiment(name string, result statsig.DynamicConfig, exposure *statsig.ExposureEvent) {
	defer quiet()
	t.expose(name, result, exposure, nil)
}

// layer hears every read of a layer's parameter. It is an exposure of the experiment that owns the parameter, if one
// does.
func (t *Tap) layer(layer, param string, result statsig.DynamicConfig, exposure *statsig.ExposureEvent) {
	defer quiet()
	if exposure == nil || exposure.Metadata["allocatedExperiment"] == "" {
		return
	}
	t.expose(exposure.Metadata["allocatedExperiment"], result, exposure, map[string]string{"layer": layer, "parameter": param})
}

// expose sends an exposure of who is in a group. The exposure is nil where the caller wants none logged, unless the SDK's
// option IncludeDisabledExposures is set.
func (t *Tap) expose(experiment string, result statsig.DynamicConfig, exposure *statsig.ExposureEvent, attributes map[string]string) {
	if exposure == nil || result.GroupName == "" || !allocated(result.RuleID, exposure.Metadata) {
		return
	}
	e := canonical.Event{
		Kind: canonical.Exposed, ExperimentID: experiment, Variant: result.GroupName, SourceExperiment: experiment, SourceVariant: result.RuleID,
	}
	about(&e, &exposure.User)
	send(t.client, e, attributes, exposure.User.UserAgent)
}

// allocated reports whether an evaluation came from the experiment's own allocation: not a holdout, an override, or a rule
// for those who take no part.
func allocated(rule string, metadata map[string]string) bool {
	switch rule {
	case "", "default", "disabled", "prestart", "layerAssignment", "targetingGate", "inlineTargetingRules", "override":
		return false
	}
	for _, part := range []string{"LocalOverride", "Unrecognized", "NoValues", "Uninitialized"} {
		if strings.Contains(metadata["reason"], part) {
			return false
		}
	}
	return metadata["rulePassed"] != "false" && !strings.HasSuffix(rule, ":override") && !strings.HasSuffix(rule, ":id_override")
}

func about(e *canonical.Event, user *statsig.User) {
	e.UserID = user.UserID
	for name, id := range user.CustomIDs {
		if strings.EqualFold(name, "stableID") && (e.AnonymousID == "" || name == "stableID") {
			e.AnonymousID = id
		}
		if kind := groupKind(name); id != "" && !noGroups[strings.ToLower(kind)] && len(e.Groups) < canonical.MaxGroups && kind != "" && max(len(kind), len(id)) <= canonical.MaxID {
			e.Groups = append(e.Groups, canonical.Group{Kind: kind, ID: id})
		}
	}
	e.Groups = canonical.SortGroups(e.Groups)
}

// noGroups are custom ids of people and devices, in lower case and without "id" at the end.
var noGroups = map[string]bool{
	"user": true, "stable": true, "device": true, "session": true, "visitor": true, "anonymous": true, "client": true, "browser": true, "request": true,
}

// groupKind is the name of a custom id without its end: companyID and company_id are company, as the gateway has it.
func groupKind(name string) string {
	for _, end := range [...]string{"_id", "ID", "Id"} {
		if kind, ok := strings.CutSuffix(name, end); ok && kind != "" {
			return kind
		}
	}
	return name
}

func send(client *tracklayer.Client, e canonical.Event, attributes map[string]string, userAgent string) {
	kept := map[string]string{}
	for name, value := range attributes {
		if value != "" {
			kept[name] = value
		}
	}
	if userAgent != "" {
		kept["user_agent"] = userAgent
	}
	if len(kept) > 0 {
		raw, err := json.Marshal(kept)
		if err != nil { // texts always can
			return
		}
		e.Attributes = raw
	}
	client.Send(e)
}
