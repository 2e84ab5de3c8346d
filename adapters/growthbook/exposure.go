package growthbook

import (
	"strconv"

	"github.com/tracklayer/tracklayer/canonical"
)

// assignment is what an exposure says in whichever form it came.
type assignment struct {
	experiment, variation    scalar
	hashAttribute, hashValue scalar
	passthrough              bool
}

// viewed is Experiment Viewed: an exposure always, but for the Go plugin before v0.4, which reported forced variations
// as well and told them by hash_used.
func (d *decoder) viewed(i int) {
	w := &d.w
	if w.old && w.hashUsed != yes || w.hashUsed == no || w.inExperiment == no {
		d.batch.Ignore("not_in_experiment")
		return
	}
	p := &w.props
	if w.propsGiven == wrong {
		d.batch.Reject(i, fault("properties", "must be an object"))
		return
	}
	a := assignment{experiment: p.experiment, variation: p.variation, hashAttribute: p.hashAttribute, hashValue: p.hashValue}
	if p.variationKey.given == right && p.variationKey.s != "" {
		a.variation = p.variationKey // the old Go plugin's variation_id is the index
	}
	d.exposure(i, a)
}

// callback is the arguments of a tracking callback, or one deferred tracking call.
func (d *decoder) callback(i int) {
	r := &d.w.result
	if r.inExperiment != yes || r.hashUsed != yes { // subscribers, and Go before v0.4, see forced variations as well
		d.batch.Ignore("not_in_experiment")
		return
	}
	a := assignment{
		experiment: d.w.experiment, variation: r.key, hashAttribute: r.hashAttribute, hashValue: r.hashValue, passthrough: r.passthrough == yes,
	}
	if a.variation.given != right || a.variation.s == "" {
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

// derive is the id of an exposure, which has none. It is made of what makes it that exposure, and of its time: the
// sender's, or the day on which it came, so that a request that comes twice counts once, and a run that is started later
// sees the person again. (The plugins send every page view's exposure anew, and try nothing twice.) The attributes are a
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
	if err == nil && w.propsGiven == wrong {
		err = fault("properties", "must be an object")
	}
	if err == nil && w.props.value.given == right {
		e.Value, err = canonical.ParseNumber(w.props.value.s)
		switch {
		case err != nil && w.props.value.number:
			err = fault(d.valueName(), err.Error())
		case err != nil: // a text that is no number of ours
			e.Value, err = canonical.Number{}, nil
		default:
			e.Currency = currencyOf(w.props.currency.s)
		}
	}
	if err != nil {
		d.batch.Reject(i, err)
		return
	}
	if w.props.dedup.given == right && usableID(w.props.dedup.s) {
		e.DedupKey = w.props.dedup.s
	}
	e.Attributes = d.attributes(false)
	d.accept(i, conversionNames, append(d.linked(), e)...)
}

func (d *decoder) valueName() string {
	names := d.o.valueProperties
	return names[len(names)-d.w.props.valueRank]
}

// currencyOf is an ISO 4217 code as such, whatever its case, and "" for anything else.
func currencyOf(s string) string {
	if len(s) != 3 {
		return ""
	}
	code := []byte(s)
	for i, c := range code {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
			code[i] = c
		}
		if c < 'A' || c > 'Z' {
			return ""
		}
	}
	return string(code)
}

func required(field string, s scalar) error {
	switch {
	case s.given == wrong:
		return fault(field, "must be a string")
	case s.given == absent || s.s == "":
		return fault(field, "is required")
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
	field := &d.batch.Rejected[refused].Field
	switch *field {
	case "experiment_id", "conversion_event":
		*field = n.event
	case "variant":
		*field = "variationId"
	case "user_id", "anonymous_id":
		*field = n.person
	case "exposed_at", "converted_at", "linked_at":
		*field = "timestamp"
	case "event_id":
		*field = "messageId"
	}
}
