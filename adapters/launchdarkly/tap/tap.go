// Package tap sends what LaunchDarkly's Go SDK evaluates and tracks to TrackLayer, while the SDK goes on reporting to
// LaunchDarkly. A Tap is a hook, so that one line of the configuration is all it takes:
//
//	config.Hooks = []ldhooks.Hook{t}
//
// Hooks run inside the caller's evaluation and see contexts with their private attributes: a Tap blocks on nothing,
// never panics, and sends keys alone. It imports canonical, sdk/go and LaunchDarkly's SDK.
package tap

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/launchdarkly/go-sdk-common/v3/ldcontext"
	"github.com/launchdarkly/go-sdk-common/v3/ldreason"
	"github.com/launchdarkly/go-sdk-common/v3/ldvalue"
	"github.com/launchdarkly/go-server-sdk/v7/ldhooks"

	"github.com/tracklayer/tracklayer/canonical"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
)

// Option changes how a Tap reads.
type Option func(*Tap)

// UnitKinds names the context kind that the experiment on a flag randomises by, where it is not user: flag key to kind.
func UnitKinds(kinds map[string]string) Option { return func(t *Tap) { t.kinds = kinds } }

// Tap is a hook of go-server-sdk v7.12 and later. It is safe for concurrent use.
type Tap struct {
	ldhooks.Unimplemented
	client *tracklayer.Client
	kinds  map[string]string
	seen   recent
	faults atomic.Uint64
}

var _ ldhooks.Hook = (*Tap)(nil)

// New checks the options and starts a Tap. Options.Source is the source's name in TrackLayer.
func New(o tracklayer.Options, how ...Option) (*Tap, error) {
	client, err := tracklayer.New(o)
	if err != nil {
		return nil, err
	}
	t := &Tap{client: client}
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

// Close sends what waits and ends the tap. The SDK does not close its hooks.
func (t *Tap) Close(ctx context.Context) error { return t.client.Close(ctx) }

// Metadata implements ldhooks.Hook.
func (t *Tap) Metadata() ldhooks.Metadata { return ldhooks.NewMetadata("tracklayer") }

// AfterEvaluation implements ldhooks.Hook. An evaluation is an exposure where the SDK itself says that it was part of an
// experiment (ldreason IsInExperiment), as it is for the events that the SDK sends. What a hook does not see are flags
// that were evaluated as another one's prerequisite, and AllFlagsState.
func (t *Tap) AfterEvaluation(_ context.Context, c ldhooks.EvaluationSeriesContext, data ldhooks.EvaluationSeriesData, d ldreason.EvaluationDetail) (ldhooks.EvaluationSeriesData, error) {
	defer t.guard()
	index, known := d.VariationIndex.Get()
	if !d.Reason.IsInExperiment() || !known {
		return data, nil
	}
	e := canonical.Event{
		Kind: canonical.Exposed, ExperimentID: c.FlagKey(), SourceExperiment: c.FlagKey(), SourceVariant: strconv.Itoa(index), Variant: label(d.Value, index),
	}
	who := c.Context()
	t.link(who)
	if name(&e, who, t.kinds[c.FlagKey()]) && t.seen.first(key{e.ExperimentID, e.Variant, e.UserID, e.AnonymousID}) {
		t.client.Send(e)
	}
	return data, nil
}

// AfterTrack implements ldhooks.Hook. The SDK does not call it where events are switched off.
func (t *Tap) AfterTrack(_ context.Context, c ldhooks.TrackSeriesContext) error {
	defer t.guard()
	e := canonical.Event{Kind: canonical.Converted, ConversionEvent: c.Key(), Channel: canonical.Server}
	if v := c.MetricValue(); v != nil {
		n, err := canonical.ParseNumber(strconv.FormatFloat(*v, 'f', -1, 64))
		if err != nil {
			t.faults.Add(1)
			return nil
		}
		e.MetricValue = n
	}
	t.link(c.Context())
	if name(&e, c.Context(), "") {
		t.client.Send(e)
	}
	return nil
}

// guard keeps a fault of ours from the caller: the SDK lets a hook's panic through.
func (t *Tap) guard() {
	if recover() != nil {
		t.faults.Add(1)
	}
}

// persons are the parts of a context, in byte order of their kinds.
func persons(c ldcontext.Context) []ldcontext.Context {
	parts := make([]ldcontext.Context, 0, 4)
	for i := range c.IndividualContextCount() {
		if one := c.IndividualContextByIndex(i); one.IsDefined() {
			parts = append(parts, one)
		}
	}
	slices.SortFunc(parts, func(a, b ldcontext.Context) int { return strings.Compare(string(a.Kind()), string(b.Kind())) })
	return parts
}

// name writes into an event whom it is about, as the gateway reads contexts: the unit's kind, else the user, else the
// first kind in byte order. It reports whether there is one.
func name(e *canonical.Event, c ldcontext.Context, unit string) bool {
	parts := persons(c)
	at := slices.IndexFunc(parts, func(one ldcontext.Context) bool {
		return string(one.Kind()) == unit || unit == "" && one.Kind() == ldcontext.DefaultKind
	})
	switch {
	case len(parts) == 0 || at < 0 && unit != "":
		return false
	case at < 0:
		at = 0
	}
	if id := qualified(parts[at]); parts[at].Anonymous() {
		e.AnonymousID = id
	} else { // a context that is not anonymous, or of which it was not said
		e.UserID, e.AmbiguousID = id, true
	}
	e.Groups = groups(parts)
	return true
}

// personKinds are kinds of people and of what people use, which are no groups.
var personKinds = map[string]bool{
	"user": true, "anonymous": true, "visitor": true, "device": true, "session": true, "browser": true, "request": true, "client": true,
}

// groups are the parts of a context that a unit belongs to, such as an organization, as the gateway reads them.
func groups(parts []ldcontext.Context) (found []canonical.Group) {
	for _, one := range parts {
		kind := string(one.Kind())
		if !one.Anonymous() && !personKinds[strings.ToLower(kind)] && !strings.HasPrefix(kind, "ld_") && isLabel(kind) && isLabel(one.Key()) {
			found = append(found, canonical.Group{Kind: kind, ID: one.Key()})
		}
	}
	return found[:min(len(found), canonical.MaxGroups)]
}

func isLabel(s string) bool {
	control := func(c rune) bool { return c < ' ' || c >= 0x7f && c <= 0x9f }
	return s != "" && len(s) <= canonical.MaxID && strings.ToValidUTF8(s, "") == s && strings.IndexFunc(s, control) < 0
}

// qualified is a user's key as it is, and any other kind's behind its kind.
func qualified(c ldcontext.Context) string {
	if c.Kind() == ldcontext.DefaultKind {
		return c.Key()
	}
	return string(c.Kind()) + ":" + c.Key()
}

// link says that a user and the anonymous device or session it comes with are one person, once in a while.
func (t *Tap) link(c ldcontext.Context) {
	who := c.IndividualContextByKind(ldcontext.DefaultKind)
	if !c.Multiple() || !who.IsDefined() || who.Anonymous() {
		return
	}
	for _, one := range persons(c) {
		if one.Anonymous() && t.seen.first(key{a: who.Key(), b: qualified(one)}) {
			t.client.Identify(who.Key(), qualified(one))
		}
	}
}

// label is a variant's name as the gateway makes it: what was served where that is a name, else the variation's index.
func label(v ldvalue.Value, index int) string {
	switch v.Type() {
	case ldvalue.StringType:
		if s := v.StringValue(); isLabel(s) {
			return s
		}
	case ldvalue.BoolType:
		return strconv.FormatBool(v.BoolValue())
	case ldvalue.NumberType:
		f := v.Float64Value()
		if f == 0 {
			return "0"
		}
		if f == float64(int64(f)) && f < 1e15 && f > -1e15 {
			return strconv.FormatInt(int64(f), 10)
		}
		if raw, err := json.Marshal(f); err == nil {
			return string(raw)
		}
	}
	return "variation-" + strconv.Itoa(index)
}

// key is what makes an exposure or a link the same as one before.
type key struct{ a, b, c, d string }

// recent remembers what was sent lately: flags are evaluated often. It forgets everything at times, so that it stays
// small and a run that is started again sees all users again.
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
