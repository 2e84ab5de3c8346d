package growthbook

import (
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
)

// assignment is what an exposure says in whichever form it came.
type assignment struct {
	experiment, variation    scalar
	hashAttribute, hashValue scalar
	passthrough              bool
}

// viewed is Experiment Viewed: an exposure always, but for the Go plugin before v0.4, which reported forced variations
// as well and marked them by hash_used.
func (d *decoder) viewed(i int) {
	w := &d.w
	if w.old && w.hashUsed != field.Yes || w.hashUsed == field.No || w.inExperiment == field.No {
		d.batch.Ignore("not_in_experiment")
		return
	}
	p := &w.props
	if w.propsGiven == field.Wrong {
		d.batch.Reject(i, field.Fault("properties", "must be an object"))
		return
	}
	a := assignment{experiment: p.experiment, variation: p.variation, hashAttribute: p.hashAttribute, hashValue: p.hashValue}
	if p.variationKey.given == field.Right && p.variationKey.s != "" {
		a.variation = p.variationKey // the old Go plugin's variation_id is the index
	}
	d.exposure(i, a)
}

// callback is the arguments of a tracking callback, or one deferred tracking call.
func (d *decoder) callback(i int) {
	r := &d.w.result
	if r.inExperiment != field.Yes || r.hashUsed != field.Yes { // subscribers, and Go before v0.4, see forced variations as well
		d.batch.Ignore("not_in_experiment")
		return
	}
	a := assignment{
		experiment: d.w.experiment, variation: r.key, hashAttribute: r.hashAttribute, hashValue: r.hashValue, passthrough: r.passthrough == field.Yes,
	}
	if a.variation.given != field.Right || a.variation.s == "" {
		a.variation = r.index
	}
	d.exposure(i, a)
}

func (d *decoder) exposure(i int, a assignment) {
	e := canonical.Event{Kind: canonical.Exposed}
	err := required("experimentId", a.experiment)
	if err == nil {
		err = required("variationId", a.variation)
	}
	if err == nil {
		err = d.subject(a, &e)
	}
	if err == nil {
		err = d.when(&e)
	}
	if err != nil {
		d.batch.Reject(i, err)
		return
	}
	d.groups(&e)
	if d.isHoldout(a) {
		e.ExperimentKind = canonical.Holdout
	}
	e.ExperimentID, e.Variant = a.experiment.s, a.variation.s
	e.SourceExperiment, e.SourceVariant = a.experiment.s, a.variation.s
	if a.variation.number { // an index, as PHP sends it, has a name only in the definitions
		if x, ok := d.source.Catalog.Experiment(e.ExperimentID); ok {
			if key, ok := x.Variant(a.variation.s); ok {
				e.Variant = key
			}
		}
	}
	e.Attributes = d.attributes(a.passthrough)
	if e.ID = d.messageID(); e.ID == "" {
		e.ID, e.IDOrigin = d.derive(&e, a.hashAttribute.s), canonical.FromContent
	}
	d.accept(i, exposureNames, append(d.linked(), e)...)
}

// isHoldout reports an experiment that measures the users held out of others. In GrowthBook it is an experiment whose other
// variation passes its users on to the rules that follow: callbacks and the definitions show that. Plugins send its key
// alone, by which it is known if the key says it or the option holdouts names it.
func (d *decoder) isHoldout(a assignment) bool {
	key := strings.TrimPrefix(strings.ToLower(a.experiment.s), "$")
	if len(key) > len("holdout") && strings.HasPrefix(key, "holdout") && strings.ContainsRune("-_:", rune(key[len("holdout")])) {
		return true
	}
	if a.passthrough || d.w.passing || d.o.holdouts[a.experiment.s] || strings.HasPrefix(d.w.result.feature.s, "$holdout:") {
		return true
	}
	x, ok := d.source.Catalog.Experiment(a.experiment.s)
	return ok && x.Kind == "holdout"
}

// derive is the id of an exposure, which has none. It is made of what makes it that exposure, and of its time: the
// sender's, or the day on which it came, so that a request that comes twice counts once, and a run that is started later
// sees the person again. (The plugins send every page view's exposure again, and retry nothing.) The attributes are a
// part of it, because two events under one id must not differ.
func (d *decoder) derive(e *canonical.Event, attribute string) string {
	return canonical.DeriveID("growthbook", e.Kind.Token(), d.clientKey, e.ExperimentID, e.Variant, attribute, e.UserID, e.AnonymousID,
		strconv.FormatInt(int64(e.At)-e.ClockOffset, 10), string(e.Attributes))
}

// conversion is a custom event. It names no experiment.
func (d *decoder) conversion(i int) {
	w := &d.w
	e := canonical.Event{Kind: canonical.Converted, ConversionEvent: w.name.s, ID: d.messageID(), Channel: d.channel()}
	err := d.ids(&e)
	if err == nil {
		err = d.when(&e)
	}
	if err == nil && w.propsGiven == field.Wrong {
		err = field.Fault("properties", "must be an object")
	}
	if _, refund := d.o.refunds[w.name.s]; refund && w.props.value.given != field.Right {
		w.props.value = w.props.total
		w.props.value.number = false // a total that is no number is no value
	}
	if err == nil && w.props.value.given == field.Right {
		e.Value, err = canonical.ParseNumber(w.props.value.s)
		switch {
		case err != nil && w.props.value.number:
			err = field.Fault(d.valueName(), err.Error())
		case err != nil: // a text that is no number of ours
			e.Value, err = canonical.Number{}, nil
		default:
			e.Currency = adapters.Currency(w.props.currency.s)
		}
	}
	if err != nil {
		d.batch.Reject(i, err)
		return
	}
	d.groups(&e)
	e.Attributes = d.attributes(false)
	events := append(d.linked(), e)
	order, refund := d.o.refunds[w.name.s]
	switch key := w.props.dedup.s; {
	case key == "":
	case refund && e.Value.Set && e.Value.Micros != 0:
		events = append(events, refundOf(&e, order, key))
	case d.o.dedupProperty != "" || d.o.orders[w.name.s]:
		events[len(events)-1].DedupKey = key
	}
	d.accept(i, conversionNames, events...)
}

// refundOf takes the money of a refund off its order, whichever sign the refund has. The refund stays a conversion under
// its own name, so that a metric can count refunds.
func refundOf(refund *canonical.Event, order, key string) canonical.Event {
	e := *refund
	e.ConversionEvent, e.Adjusts = order, key
	e.Value = canonical.Micro(-max(e.Value.Micros, -e.Value.Micros))
	if e.ID != "" {
		e.ID = canonical.DeriveID("growthbook", e.Kind.Token(), e.ID)
	}
	return e
}

func (d *decoder) valueName() string {
	names := d.o.valueProperties
	return names[len(names)-d.w.props.valueRank]
}

func required(path string, s scalar) error {
	switch {
	case s.given == field.Wrong:
		return field.Fault(path, "must be a string")
	case s.given == field.Absent || s.s == "":
		return field.Fault(path, "is required")
	}
	return nil
}

// names says which of the vendor's members a canonical field came from.
type names struct{ person, event string }

var (
	exposureNames   = names{person: "hashValue", event: "experimentId"}
	conversionNames = names{person: "user_id", event: "event_name"}
)

// accept hands the events of an item to the batch. Where the contract refuses one, the field is named as the vendor
// names it.
func (d *decoder) accept(i int, n names, events ...canonical.Event) {
	refused := len(d.batch.Rejected)
	d.batch.Accept(d.source, d.envelope, i, events...)
	if len(d.batch.Rejected) == refused {
		d.noted(events)
		return
	}
	path := &d.batch.Rejected[refused].Field
	switch *path {
	case "experiment_id", "conversion_event":
		*path = n.event
	case "variant":
		*path = "variationId"
	case "user_id", "anonymous_id":
		*path = n.person
	case "exposed_at", "converted_at", "linked_at":
		*path = "timestamp"
	case "event_id":
		*path = "messageId"
	}
}
