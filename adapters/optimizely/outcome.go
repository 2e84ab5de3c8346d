package optimizely

import (
	"strconv"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
)

// The rule types of metadata (javascript-sdk DECISION_SOURCES; go-sdk pkg/decision/entities.go).
const (
	featureTest = "feature-test" // an experiment on a flag
	abTest      = "experiment"   // an experiment of its own: activate()
	rollout     = "rollout"      // a targeted delivery, or no rule at all
	holdout     = "holdout"      // held out of flags; experiment_id is the holdout's
)

// notAnExposure says why a decision is none, "" for one that is.
func (d *decoder) notAnExposure(one *decision) string {
	if one.holdback {
		return "holdback"
	}
	switch one.ruleType.S {
	case featureTest, abTest:
		if none(one.experiment) {
			return "forced_decision" // of a whole flag: it names no experiment
		}
		return ""
	case holdout:
		if none(one.experiment) {
			return holdout
		}
		return ""
	case rollout:
		return rollout
	case "":
	default:
		return "unknown_rule_type"
	}
	if one.ruleType.Given == field.Wrong {
		return "unknown_rule_type"
	}
	if none(one.experiment) {
		return "no_experiment"
	}
	// SDKs before 3 and Optimizely Web say nothing of the kind. Those SDKs send impressions of experiments alone.
	if x, known := d.source.Catalog.Experiment(one.experiment.S); known && !x.Exposes && x.Kind != holdout {
		return x.Kind
	}
	return ""
}

// isHoldout reports whether a decision holds the visitor out of flags: by its rule type, or by the datafile if it has none.
func (d *decoder) isHoldout(one *decision) bool {
	if one.ruleType.S != "" {
		return one.ruleType.S == holdout
	}
	x, known := d.source.Catalog.Experiment(one.experiment.S)
	return known && x.Kind == holdout
}

// activation is an impression: everything that one call of decide(), activate() or isFeatureEnabled() decided.
func (d *decoder) activation(s *snapshot, e *event) {
	base := canonical.Event{Kind: canonical.Exposed}
	err := d.begin(&base, e)
	events, reason := d.events[:0], "no_decision"
	some := named(s, e)
	all := none(e.entity) || len(s.events) == 1 || len(s.decisions) == 1
	for i := range s.decisions {
		it := &s.decisions[i]
		if err != nil || some && !it.isOf(e) || !some && !all {
			continue
		}
		if it.given != field.Right {
			err = field.Fault("decisions", "must hold objects")
			continue
		}
		if why := d.notAnExposure(it); why != "" {
			reason = why
			continue
		}
		x := base
		if err = d.decided(&x, it); err != nil {
			continue
		}
		if d.isHoldout(it) {
			x.ExperimentKind = canonical.Holdout
		}
		x.ID = d.exposureID(e, it, &x, len(events))
		x.Attributes = d.attributes(it)
		events = append(events, x)
	}
	d.events = events
	switch {
	case err != nil:
		d.reject(err)
	case len(events) == 0:
		d.ignore(reason)
	default:
		d.accept(events...)
	}
}

// named reports whether an event names the campaign of one of the snapshot's decisions. Then it is about those alone:
// Optimizely Web repeats a visitor's other decisions. Else it is about all, where it is the only event or there is only
// one decision.
func named(s *snapshot, e *event) bool {
	for i := range s.decisions {
		if s.decisions[i].isOf(e) {
			return true
		}
	}
	return false
}

// isOf reports whether the event names the decision's campaign, or its experiment where that stands for a campaign.
func (it *decision) isOf(e *event) bool {
	if none(e.entity) {
		return false
	}
	return it.campaign.S == e.entity.S || none(it.campaign) && it.experiment.S == e.entity.S
}

// begin writes into an event what all of one item have.
func (d *decoder) begin(x *canonical.Event, e *event) (err error) {
	if err = d.person(x); err != nil {
		return err
	}
	x.At, err = e.time()
	return err
}

// decided writes the experiment and the variant of a decision. Rule keys repeat across flags (javascript-sdk PR 690), so
// the experiment is its id; variation keys are unique within an experiment.
func (d *decoder) decided(x *canonical.Event, it *decision) (err error) {
	if x.ExperimentID, err = required(it.experiment, "experiment_id"); err != nil {
		return err
	}
	x.SourceExperiment = x.ExperimentID
	if it.variation.Given == field.Wrong {
		return field.Fault("variation_id", "must be a string")
	}
	x.SourceVariant = it.variation.S
	x.Variant = it.variationKey.S
	if x.Variant == "" {
		x.Variant = it.variation.S
		if known, ok := d.source.Catalog.Experiment(x.ExperimentID); ok {
			if key, ok := known.Variant(it.variation.S); ok {
				x.Variant = key
			}
		}
	}
	if x.Variant == "" {
		return field.Fault("variation_id", "is required, or metadata.variation_key")
	}
	return nil
}

// person writes whom an event is about.
func (d *decoder) person(x *canonical.Event) error {
	v := &d.visitor
	who, err := required(v.id, "visitor_id")
	if err != nil {
		return err
	}
	switch {
	case v.user.Given == field.Wrong:
		return field.Fault("attributes", d.options.userAttribute+" must be a string")
	case v.user.S != "" && v.user.S != who:
		x.UserID, x.AnonymousID = v.user.S, who
	case v.user.S != "":
		x.UserID = who
	case d.options.visitors == "anonymous" || d.options.userAttribute != "" || isCookie(who):
		x.AnonymousID = who
	default: // unless the options say so, nothing tells whose a visitor id is
		x.UserID, x.AmbiguousID = who, d.options.visitors == ""
	}
	return nil
}

// conversion is what a track call says. From SDK 3 on it names no experiment: the vendor joins it with earlier
// impressions of the visitor, and so do we. SDK 2 writes one snapshot, with an id of its own, for every experiment that
// the event is a metric of, and repeats the revenue in each: there each conversion names its experiment and counts in
// that one alone.
func (d *decoder) conversion(s *snapshot, e *event) {
	base := canonical.Event{Kind: canonical.Converted, Channel: d.channel}
	err := d.begin(&base, e)
	if err == nil {
		err = d.what(&base, e)
	}
	if err != nil {
		d.reject(err)
		return
	}
	base.ID, base.IDOrigin = d.conversionID(e, base.At)
	base.Attributes = d.attributes(nil)
	events := d.events[:0]
	for i := range s.decisions {
		it := &s.decisions[i]
		if it.given != field.Right || d.notAnExposure(it) != "" || d.isHoldout(it) {
			continue
		}
		x := base
		if err := d.decided(&x, it); err != nil {
			d.reject(err)
			return
		}
		if n := len(events); n > 0 {
			x.ID += "/" + strconv.Itoa(n)
		}
		events = append(events, x)
	}
	if len(events) == 0 {
		events = append(events, base)
	}
	d.events = events
	d.accept(events...)
}

// what writes what was done, and what it was worth.
func (d *decoder) what(x *canonical.Event, e *event) (err error) {
	if x.ConversionEvent = e.key.S; x.ConversionEvent == "" {
		if x.ConversionEvent, err = required(e.entity, "key"); err != nil {
			return err
		}
		if name, ok := d.source.Catalog.Event(e.entity.S); ok {
			x.ConversionEvent = name
		}
	}
	if x.Value, err = cents(e.revenue); err != nil {
		return err
	}
	if x.Value.Set {
		if x.Currency = d.options.currency; x.Currency == "" {
			x.Currency = adapters.Currency(e.currency.S)
		}
	}
	if x.MetricValue, err = e.metric(); err != nil {
		return err
	}
	if e.dedup.Given == field.Right {
		x.DedupKey = e.dedup.S
	}
	d.refund(x)
	return nil
}

// refund turns an event that the option refunds names into an adjustment of its order. Its revenue may come with either sign.
func (d *decoder) refund(x *canonical.Event) {
	order := d.options.refunds[x.ConversionEvent]
	if order == "" || x.DedupKey == "" || !x.Value.Set {
		return
	}
	x.ConversionEvent, x.Adjusts, x.DedupKey = order, x.DedupKey, ""
	x.Value.Micros = min(x.Value.Micros, -x.Value.Micros)
}
