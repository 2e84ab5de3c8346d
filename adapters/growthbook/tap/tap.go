// Package tap sends what GrowthBook's Go SDK decides to TrackLayer, beside whatever else a client has configured. A Tap is
// a plugin of the SDK, so that one option is all it takes:
//
//	growthbook.NewClient(ctx, growthbook.WithPlugins(t))
//
// It runs inside the caller's evaluation: it blocks on nothing, panics into nobody, and sends ids and what an event says
// of its value alone. A user's attributes stay where they are. It imports canonical, sdk/go and GrowthBook's SDK.
package tap

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	growthbook "github.com/growthbook/growthbook-golang"

	"github.com/tracklayer/tracklayer/canonical"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
)

// Unit is what the values of an attribute are.
type Unit uint8

// The units. GrowthBook knows none: an experiment hashes any attribute.
const (
	User Unit = iota + 1
	Anonymous
)

// Option changes how a Tap reads.
type Option func(*Tap)

// Units says what the values of attributes are whose names do not say it. As in the gateway, user_id and userId are
// users, deviceId, device_id, anonymousId and anonymous_id are anonymous, and id is the user's where it equals user_id or
// nothing else is known.
func Units(units map[string]Unit) Option { return func(t *Tap) { t.units = units } }

// Tap is a plugin of growthbook-golang v0.5 and later, and gives callbacks for a client that shares no plugins. It is safe
// for concurrent use.
type Tap struct {
	client *tracklayer.Client
	units  map[string]Unit
	rules  canonical.Rules
	seen   recent
	faults atomic.Uint64
}

var (
	_ growthbook.Plugin            = (*Tap)(nil)
	_ growthbook.EventLoggerPlugin = (*Tap)(nil)
)

// New checks the options and starts a Tap. Options.Source is the source's name in TrackLayer.
func New(o tracklayer.Options, how ...Option) (*Tap, error) {
	client, err := tracklayer.New(o)
	if err != nil {
		return nil, err
	}
	t := &Tap{client: client, rules: canonical.DefaultRules()}
	for _, set := range how {
		set(t)
	}
	return t, nil
}

// Counts are what became of the events so far.
func (t *Tap) Counts() tracklayer.Counts { return t.client.Counts() }

// Faults is how many calls failed inside the tap, and were lost with it alone.
func (t *Tap) Faults() uint64 { return t.faults.Load() }

// Flush sends what waits.
func (t *Tap) Flush(ctx context.Context) error { return t.client.Flush(ctx) }

// Init implements growthbook.Plugin.
func (t *Tap) Init(*growthbook.Client) error { return nil }

// OnExperimentViewed implements growthbook.Plugin. OnEvent hears of the same with the user it is about.
func (t *Tap) OnExperimentViewed(context.Context, *growthbook.Experiment, *growthbook.ExperimentResult) {
}

// OnFeatureEvaluated implements growthbook.Plugin. A feature's use is no exposure.
func (t *Tap) OnFeatureEvaluated(context.Context, string, *growthbook.FeatureResult) {}

// closing is how long Close waits for what is queued.
const closing = 5 * time.Second

// Close implements growthbook.Plugin: it sends what waits. The client's own Close calls it.
func (t *Tap) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	return t.client.Close(ctx)
}

// OnEvent implements growthbook.EventLoggerPlugin: the SDK reports exposures, uses of features and LogEvent here.
func (t *Tap) OnEvent(_ context.Context, name string, properties growthbook.EventProperties, user *growthbook.EventUserContext) {
	defer t.guard()
	who := t.read(user)
	switch name {
	case growthbook.EventFeatureEvaluated:
	case growthbook.EventExperimentViewed: // properties as client.go experimentViewedProperties makes them
		t.expose(text(properties["experimentId"]), text(properties["variationId"]), text(properties["hashAttribute"]), text(properties["hashValue"]), who)
	default:
		t.convert(name, properties, who)
	}
}

// ExperimentCallback is next with a tap in front of it. Next may be nil.
func (t *Tap) ExperimentCallback(next growthbook.ExperimentCallback) growthbook.ExperimentCallback {
	return func(ctx context.Context, e *growthbook.Experiment, r *growthbook.ExperimentResult, user *growthbook.TrackingUserContext, extra any) {
		t.viewed(e, r, t.readSafely(user))
		if next != nil {
			next(ctx, e, r, user, extra)
		}
	}
}

// FeatureUsageCallback is next with a tap in front of it, for a client that has nothing else to tap: it does not hear who
// the user is beside the hash, so that id counts as the user's. Next may be nil.
func (t *Tap) FeatureUsageCallback(next growthbook.FeatureUsageCallback) growthbook.FeatureUsageCallback {
	return func(ctx context.Context, key string, r *growthbook.FeatureResult, extra any) {
		if r != nil && r.Source == growthbook.ExperimentResultSource {
			t.viewed(r.Experiment, r.ExperimentResult, person{})
		}
		if next != nil {
			next(ctx, key, r, extra)
		}
	}
}

// EventLogger is next with a tap in front of it. Next may be nil.
func (t *Tap) EventLogger(next growthbook.EventLogger) growthbook.EventLogger {
	return func(ctx context.Context, name string, properties growthbook.EventProperties, user *growthbook.EventUserContext) {
		t.OnEvent(ctx, name, properties, user)
		if next != nil {
			next(ctx, name, properties, user)
		}
	}
}

// guard keeps a fault of ours from the caller: a panic in an experiment callback would reach its evaluation.
func (t *Tap) guard() {
	if recover() != nil {
		t.faults.Add(1)
	}
}

// viewed is an assignment. One that was forced, or that is none, is not an exposure.
func (t *Tap) viewed(e *growthbook.Experiment, r *growthbook.ExperimentResult, who person) {
	defer t.guard()
	if e == nil || r == nil || !r.InExperiment || !r.HashUsed {
		return
	}
	key, variant := e.Key, r.Key
	if key == "" {
		key = r.FeatureId
	}
	if variant == "" {
		variant = strconv.Itoa(r.VariationId)
	}
	t.expose(key, variant, r.HashAttribute, r.HashValue, who)
}

// person is who an event names beside its hash.
type person struct {
	user, device string
	own          string // an anonymous id by another name
}

func (t *Tap) readSafely(user *growthbook.TrackingUserContext) (who person) {
	defer t.guard()
	return t.read(user)
}

// read takes the ids from a user's attributes as the SDK's own plugin does (tracking_plugin.go addEventAttributes), and
// those that Units names where there is none.
func (t *Tap) read(user *growthbook.TrackingUserContext) (who person) {
	if user == nil {
		return who
	}
	who.user = text(user.Attributes["user_id"])
	for _, name := range []string{"device_id", "anonymous_id", "id"} {
		if who.device == "" {
			who.device = text(user.Attributes[name])
		}
	}
	for _, name := range []string{"deviceId", "anonymousId"} {
		if who.own == "" {
			who.own = text(user.Attributes[name])
		}
	}
	for name, unit := range t.units {
		id := text(user.Attributes[name])
		if unit == User && who.user == "" {
			who.user = id
		}
		if unit == Anonymous && id != "" && who.user != "" {
			t.link(person{user: who.user, device: id})
		}
	}
	t.link(who)
	return who
}

func (t *Tap) expose(experiment, variant, attribute, value string, who person) {
	e := canonical.Event{
		Kind: canonical.Exposed, ExperimentID: experiment, Variant: variant, SourceExperiment: experiment, SourceVariant: variant,
	}
	switch t.unitOf(attribute) {
	case User:
		e.UserID = value
	case Anonymous:
		e.AnonymousID = value
	default:
		switch {
		case attribute != "" && attribute != "id":
			e.UserID = attribute + ":" + value
		case value == who.user || who.user == "" && who.device == "":
			e.UserID = value
		default:
			e.AnonymousID = value
		}
	}
	if t.seen.first(key{experiment, variant, attribute, value}) {
		t.client.Send(e)
	}
}

func (t *Tap) unitOf(attribute string) Unit {
	if u := t.units[attribute]; u != 0 {
		return u
	}
	switch strings.ToLower(attribute) {
	case "user_id", "userid":
		return User
	case "device_id", "deviceid", "anonymous_id", "anonymousid":
		return Anonymous
	}
	return 0
}

// link says that two ids of one event are one person, once in a while.
func (t *Tap) link(who person) {
	if who.user == "" || who.device == "" || who.user == who.device || t.rules.IsNonID(who.user) || t.rules.IsNonID(who.device) {
		return
	}
	if t.seen.first(key{a: who.user, b: who.device}) {
		t.client.Identify(who.user, who.device)
	}
}

func (t *Tap) convert(name string, properties growthbook.EventProperties, who person) {
	e := canonical.Event{Kind: canonical.Converted, ConversionEvent: name, Channel: canonical.Server, UserID: who.user}
	device := who.device
	if device == "" || device == who.user {
		device = who.own
	}
	if device != who.user && !t.rules.IsNonID(device) {
		e.AnonymousID = device
	}
	if value := text(properties["value"]); value != "" {
		if n, err := canonical.ParseNumber(value); err == nil {
			e.Value = n
			if c, ok := properties["currency"].(string); ok && len(c) == 3 {
				e.Currency = strings.ToUpper(c)
			}
		}
	}
	t.client.Send(e)
}

// text is a plain value as text, "" for anything else.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case float32:
		return strconv.FormatFloat(float64(v), 'f', -1, 32)
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return fmt.Sprint(v)
	case fmt.Stringer: // json.Number and the like
		return v.String()
	}
	return ""
}

// key is what makes an exposure or a link the same as one before.
type key struct{ a, b, c, d string }

// recent remembers what was sent lately: the SDK reports an exposure at every evaluation. It forgets everything at
// times, so that it stays small and a run that is started anew sees everybody again.
type recent struct {
	mu    sync.Mutex
	keys  map[key]struct{}
	since time.Time
}

const (
	mostRecent = 20_000
	longest    = 10 * time.Minute
)

func (r *recent) first(k key) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); r.keys == nil || len(r.keys) >= mostRecent || now.Sub(r.since) > longest {
		r.keys, r.since = make(map[key]struct{}), now
	}
	if _, again := r.keys[k]; again {
		return false
	}
	r.keys[k] = struct{}{}
	return true
}
