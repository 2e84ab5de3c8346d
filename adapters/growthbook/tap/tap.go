// Package tap sends what GrowthBook's Go SDK decides to TrackLayer, beside whatever else a client has configured. A Tap is
// a plugin of the SDK, so that one option is all it takes:
//
//	growthbook.NewClient(ctx, growthbook.WithPlugins(t))
//
// It runs inside the caller's evaluation: it never blocks and never panics. It sends ids, groups, what an event says of its
// value and its order, and the few attributes that the adapter keeps by default, such as country and browser. All other
// attributes of a user stay in the program. It imports canonical, sdk/go and GrowthBook's SDK.
package tap

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
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
	Group
)

// Option changes how a Tap reads.
type Option func(*Tap)

// Units says what the values of attributes are whose names do not say it. As in the gateway, user_id and userId are
// users, deviceId, device_id, anonymousId and anonymous_id are anonymous. An id beside another user_id is anonymous and
// linked to the user; an id without user_id is ambiguous, unless Units says whose it is.
func Units(units map[string]Unit) Option { return func(t *Tap) { t.units = units } }

// Holdouts names experiments that measure users held out of others. Callbacks show them by themselves.
func Holdouts(keys ...string) Option {
	return func(t *Tap) {
		for _, key := range keys {
			t.holdouts[key] = true
		}
	}
}

// Tap is a plugin of growthbook-golang v0.5 and later, and gives callbacks for a client that shares no plugins. It is safe
// for concurrent use.
type Tap struct {
	client   *tracklayer.Client
	units    map[string]Unit
	holdouts map[string]bool
	rules    canonical.Rules
	seen     recent
	faults   atomic.Uint64
}

var (
	_ growthbook.Plugin            = (*Tap)(nil)
	_ growthbook.EventLoggerPlugin = (*Tap)(nil)
)

// New checks the options and starts a Tap. Options.Source is the source's name in TrackLayer; "": growthbook.
func New(o tracklayer.Options, how ...Option) (*Tap, error) {
	if o.Source == "" {
		o.Source = "growthbook"
	}
	client, err := tracklayer.New(o)
	if err != nil {
		return nil, err
	}
	t := &Tap{client: client, holdouts: map[string]bool{}, rules: canonical.DefaultRules()}
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
		t.expose(assignment{
			text(properties["experimentId"]), text(properties["variationId"]), text(properties["hashAttribute"]), text(properties["hashValue"]), false,
		}, who)
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

// FeatureUsageCallback is next with a tap in front of it, for a client that has nothing else to tap: it does not get the
// user beside the hash, so that id is ambiguous. Next may be nil.
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
	holdout := r.Passthrough || strings.HasPrefix(r.FeatureId, "$holdout:")
	for i := range e.Meta {
		holdout = holdout || e.Meta[i].Passthrough
	}
	t.expose(assignment{key, variant, r.HashAttribute, r.HashValue, holdout}, who)
}

// assignment is what an exposure says.
type assignment struct {
	experiment, variant, attribute, value string
	holdout                               bool
}

// person is who an event names beside its hash.
type person struct {
	user, device string
	sure         bool   // device is a visitor's; else it is the attribute id, which may be a user's
	own          string // an anonymous id by another name
	groups       []canonical.Group
	attributes   json.RawMessage
}

func (t *Tap) readSafely(user *growthbook.TrackingUserContext) (who person) {
	defer t.guard()
	return t.read(user)
}

// read takes the ids from a user's attributes as the adapter does.
func (t *Tap) read(user *growthbook.TrackingUserContext) (who person) {
	if user == nil {
		return who
	}
	a := user.Attributes
	names := slices.Sorted(maps.Keys(t.units))
	who.user = t.id(a, "user_id")
	for _, name := range names {
		if t.units[name] == User && who.user == "" {
			who.user = t.id(a, name)
		}
	}
	who.device = t.id(a, "device_id", "anonymous_id")
	who.own = t.id(a, "deviceId", "anonymousId")
	who.sure = who.device != "" || t.units["id"] == Anonymous
	id := t.id(a, "id")
	if who.device == "" && t.units["id"] != User {
		who.device = id
	}
	who.groups, who.attributes = t.groups(a), attributes(a)
	t.link(who.user, who.device)
	if t.units["id"] != User {
		t.link(who.user, id)
	}
	for _, name := range names {
		if t.units[name] == Anonymous {
			t.link(who.user, t.id(a, name))
		}
	}
	return who
}

// id is the first of the attributes that is an id.
func (t *Tap) id(a growthbook.Attributes, names ...string) string {
	for _, name := range names {
		if id := text(a[name]); id != "" && !t.rules.IsNonID(id) {
			return id
		}
	}
	return ""
}

func (t *Tap) expose(a assignment, who person) {
	e := canonical.Event{
		Kind: canonical.Exposed, ExperimentID: a.experiment, Variant: a.variant, SourceExperiment: a.experiment, SourceVariant: a.variant,
		Groups: who.groups, Attributes: who.attributes,
	}
	if a.holdout || t.holdouts[a.experiment] || namesHoldout(a.experiment) {
		e.ExperimentKind = canonical.Holdout
	}
	switch t.unitOf(a.attribute) {
	case User:
		e.UserID = a.value
	case Anonymous:
		e.AnonymousID = a.value
	default:
		switch {
		case a.attribute != "" && a.attribute != "id":
			e.UserID = a.attribute + ":" + a.value
			e.Groups = append(slices.Clone(e.Groups), canonical.Group{Kind: a.attribute, ID: a.value})
		case who.user == "":
			e.UserID, e.AmbiguousID = a.value, true
		case a.value == who.user:
			e.UserID = a.value
		default:
			e.AnonymousID = a.value
		}
	}
	e.Groups = canonical.SortGroups(e.Groups)
	e.Groups = e.Groups[:min(len(e.Groups), canonical.MaxGroups)]
	if t.seen.first(key{a.experiment, a.variant, a.attribute, a.value}) {
		t.client.Send(e)
	}
}

// namesHoldout reports a key that says that its experiment is a holdout.
func namesHoldout(key string) bool {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(strings.ToLower(key), "$"), "holdout")
	return ok && rest != "" && strings.ContainsRune("-_:", rune(rest[0]))
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

// link reports that two ids of one event are one person, once in a while.
func (t *Tap) link(user, device string) {
	if user != "" && device != "" && user != device && t.seen.first(key{a: user, b: device}) {
		t.client.Identify(user, device)
	}
}

// refunds are the names of refunds that the adapter knows by default, and of their orders.
var refunds = map[string]string{
	"Order Refunded": "Order Completed", "order_refunded": "order_completed", "refund": "purchase", "Refund": "Purchase",
}

func (t *Tap) convert(name string, properties growthbook.EventProperties, who person) {
	e := canonical.Event{
		Kind: canonical.Converted, ConversionEvent: name, Channel: canonical.Server, UserID: who.user, Groups: who.groups, Attributes: who.attributes,
	}
	device, sure := who.device, who.sure
	if device == "" || device == who.user {
		device, sure = who.own, true
	}
	switch {
	case who.user == "" && !sure:
		e.UserID, e.AmbiguousID = device, true
	case device != who.user:
		e.AnonymousID = device
	}
	order, refund := refunds[name]
	value := text(properties["value"])
	if value == "" && refund {
		value = text(properties["total"])
	}
	if n, err := canonical.ParseNumber(value); err == nil {
		e.Value = n
		if code := strings.ToUpper(strings.TrimSpace(text(properties["currency"]))); canonical.IsCurrency(code) {
			e.Currency = code
		}
	}
	key := ""
	for _, property := range []string{"order_id", "orderId", "transaction_id"} {
		if id := text(properties[property]); key == "" && len(id) <= canonical.MaxID {
			key = id
		}
	}
	for _, one := range refunds {
		if one == name {
			e.DedupKey = key
		}
	}
	t.client.Send(e)
	if refund && key != "" && e.Value.Set && e.Value.Micros != 0 {
		e.ConversionEvent, e.Adjusts = order, key
		e.Value = canonical.Micro(-max(e.Value.Micros, -e.Value.Micros))
		t.client.Send(e)
	}
}
