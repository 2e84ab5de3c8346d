package vwo

import (
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
)

// shown is an exposure: track-user, eT 1 and vwo_variationShown. VWO sends them for rollouts and personalizations alike,
// and nothing in them says so; the settings do.
func (d *decoder) shown(i int, t tracking, id string) {
	e := canonical.Event{Kind: canonical.Exposed, ID: id}
	if why := d.campaign(t, &e); why != "" {
		d.batch.Ignore(why)
		return
	}
	for _, f := range [...]struct{ name, value string }{{t.names.campaign, t.campaign}, {t.names.variation, t.variation}, {t.names.visitor, t.visitor}} {
		if f.value == "" {
			d.batch.Reject(i, field.Fault(f.name, "is required"))
			return
		}
	}
	d.about(&e, t.visitor)
	if t.names != &inEvent {
		at, err := seconds(t.seconds)
		if err != nil {
			d.batch.Reject(i, err)
			return
		}
		e.At = at
		// Without random: that a visitor is shown the same again in a second says nothing new.
		e.ID = canonical.DeriveID(d.source.Name, "shown", d.account, t.campaign, t.variation, t.visitor, t.seconds, t.agent)
	} else {
		at, err := millis(d.w.time)
		if err != nil {
			d.batch.Reject(i, err)
			return
		}
		e.At = at
	}
	e.Attributes = attributes(t.agent)
	d.accept(i, t.names, e)
}

// words are why a campaign's decisions do not count, by its type.
var words = map[string]string{
	"FEATURE_ROLLOUT": "rollout", "FLAG_ROLLOUT": "rollout", "FLAG_PERSONALIZE": "personalization", impact: "impact_campaign",
}

// campaign writes which experiment and variant an event is of, by the settings where there are any, else under VWO's own
// ids. It returns why the campaign is no experiment, "" where it is one or unknown.
func (d *decoder) campaign(t tracking, e *canonical.Event) string {
	x, known := d.source.Catalog.Experiment(t.campaign)
	if known && !x.Exposes {
		if word, ok := words[x.Kind]; ok {
			return word
		}
		return "not_an_experiment"
	}
	if t.campaign == "" || t.variation == "" {
		return ""
	}
	e.ExperimentID, e.Variant, e.SourceExperiment, e.SourceVariant = t.campaign, t.variation, t.campaign, t.variation
	if known && x.Name != "" {
		e.SourceExperiment = x.Name // so that an alias may name the campaign by its key as well
	}
	if name, ok := x.Variant(t.variation); ok {
		e.Variant = name
	}
	return ""
}

// goal is a classic conversion: track-goal and eT 2. It names its campaign and variation, which the SDK computed by
// bucketing: it may come from a person who was never exposed.
func (d *decoder) goal(i int, t tracking) {
	e := canonical.Event{Kind: canonical.Converted}
	if why := d.campaign(t, &e); why != "" {
		d.batch.Ignore("goal_of_" + why)
		return
	}
	for _, f := range [...]struct{ name, value string }{{t.names.goal, t.goal}, {t.names.visitor, t.visitor}} {
		if f.value == "" {
			d.batch.Reject(i, field.Fault(f.name, "is required"))
			return
		}
	}
	e.ConversionEvent = t.goal
	if name, ok := d.source.Catalog.Event(t.goal); ok {
		e.ConversionEvent = name
	}
	d.about(&e, t.visitor)
	var err error
	if e.At, err = seconds(t.seconds); err == nil {
		e.Value, err = money(t.names.revenue, t.revenue)
	}
	if err != nil {
		d.batch.Reject(i, err)
		return
	}
	if t.key != "" {
		e.ID = canonical.DeriveID(d.source.Name, "goal", d.account, t.key, t.campaign, t.variation, t.goal, t.revenue, t.visitor, t.seconds)
	}
	if t.ordinal {
		e.ID = d.counted(e.ID)
	}
	e.Attributes = attributes(t.agent)
	d.accept(i, t.names, e)
}

// ours are the names of events that VWO's SDKs send about themselves and visitors (FME EventEnum).
var ours = map[string]string{
	"vwo_syncVisitorProp": "visitor_property", "vwo_fmeSdkInit": "sdk_init", "vwo_sdkUsageStats": "sdk_usage", "vwo_sdkDebug": "sdk_debug",
	"vwo_log": "sdk_log", "vwo_feUserTracked": "user_tracked",
}

// event is {d: …} of Data360 and FME.
func (d *decoder) event(i int, w *entry) {
	name := w.name.S
	switch {
	case w.name.First != '"' || name == "":
		d.batch.Reject(i, field.Fault("d.event.name", "is required: a string that is not empty"))
	case name == "vwo_variationShown":
		campaign, variation := shown(w.props)
		t := tracking{campaign: campaign.S, variation: variation.S, visitor: w.visID.S, agent: d.eventAgent(w), names: &inEvent}
		d.shown(i, t, d.eventID(w, "shown", campaign.S, variation.S))
	case strings.HasPrefix(name, "vwo_"):
		if word, ok := ours[name]; ok {
			d.batch.Ignore(word)
		} else {
			d.batch.Ignore("vwo_internal")
		}
	default:
		d.track(i, w)
	}
}

// track is a customer's own event. FME's names neither campaign nor variation; classic Data360's names its campaigns in
// vwoMeta.metric, but no variation, and one event is one conversion however many campaigns count it. Both are joined
// with exposures by visitor.
func (d *decoder) track(i int, w *entry) {
	e := canonical.Event{Kind: canonical.Converted, ConversionEvent: w.name.S}
	if w.visID.S == "" {
		d.batch.Reject(i, field.Fault("d.visId", "is required"))
		return
	}
	d.about(&e, w.visID.S)
	prop := d.options.revenueProps[w.name.S]
	if prop == "" && d.source.Catalog != nil {
		prop = d.source.Catalog.Values[w.name.S]
	}
	t := readTracked(w.props, prop)
	revenue := t.revenue
	if revenue.S == "" {
		revenue = t.meta
	}
	var err error
	if e.At, err = millis(w.time); err == nil {
		e.Value, err = money("d.event.props."+prop, revenue.S)
	}
	if err != nil {
		d.batch.Reject(i, err)
		return
	}
	if e.Value.Set {
		e.Currency = adapters.Currency(t.currency.S)
	}
	e.ID = d.counted(d.eventID(w, "tracked", string(w.props)))
	e.Attributes = attributes(d.eventAgent(w))
	d.accept(i, &inEvent, e)
}

// eventID is derived. msgId is only the visitor and a millisecond: the rollout, the exposure and the purchase of one call
// share it (FME NetworkUtil, FMEGO), so the name and what the event says belong to its id. random of the query tells two
// equal events apart and stays the same on a retry.
func (d *decoder) eventID(w *entry, parts ...string) string {
	at := ""
	if millis, err := millis(w.time); err == nil {
		at = strconv.FormatInt(int64(millis), 10)
	}
	return canonical.DeriveID(append([]string{d.source.Name, d.account, w.msgID.S, w.visID.S, at, w.name.S, d.random}, parts...)...)
}

func (d *decoder) eventAgent(w *entry) string {
	if isAgent(w.visitorUA.S) {
		return w.visitorUA.S
	}
	return d.agent
}
