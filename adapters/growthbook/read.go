package growthbook

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
)

// member reads one member of an item. The names are those of the tracking plugins (tracking_plugin.go trackingEvent;
// sdk-js plugins/growthbook-tracking.ts getEventPayload), the Go plugin before v0.5, the ingestion API, the callbacks'
// arguments, Segment's track call and a data layer.
func (r *reader) member(name []byte) error {
	w := &r.w
	switch string(name) {
	case "properties_json", "properties", "params":
		return r.object(&w.propsGiven, r.property)
	case "context_json", "attributes":
		return r.object(&w.attrsGiven, r.attribute)
	case "user":
		return r.user()
	case "experiment":
		return r.experiment()
	case "result":
		w.result = result{}
		return r.object(&w.result.given, r.resultMember)
	case "hash_used":
		return r.flag(&w.hashUsed)
	case "in_experiment":
		return r.flag(&w.inExperiment)
	case "variation_key":
		return r.scalar(&w.props.variationKey)
	case "sdk_language":
		return r.text(&w.language)
	case "type":
		return r.text(&w.kind)
	case "messageId":
		return r.text(&w.message)
	case "timestamp":
		return r.scalar(&w.time)
	case "user_id", "userId":
		return r.scalar(&w.user)
	case "device_id":
		return r.scalar(&w.device)
	case "anonymous_id", "anonymousId":
		return r.scalar(&w.anonymous)
	case "experiment_id", "variation_id", "hash_attribute", "hash_value":
		return r.property(name)
	case "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content":
		return r.plain(&w.kept, kept(name))
	}
	if rank := rankOf(name); rank > 0 {
		return r.name(rank)
	}
	return r.c.Skip()
}

// rankOf is how much a member's word on the event's name weighs: data layers and Segment have event, a call's arguments
// may have name, and only the old Go plugin has event_type.
func rankOf(name []byte) int {
	switch string(name) {
	case "event_name":
		return 5
	case "eventName":
		return 4
	case "event":
		return 3
	case "event_type":
		return 2
	case "name":
		return 1
	}
	return 0
}

const oldRank = 2

func (r *reader) name(rank int) error {
	var s scalar
	if err := r.text(&s); err != nil {
		return err
	}
	if w := &r.w; s.given != field.Absent && rank >= w.rank {
		w.name, w.rank, w.old = s, rank, rank == oldRank
	}
	return nil
}

func (r *reader) property(name []byte) error {
	p := &r.w.props
	switch string(name) {
	case "experimentId", "experiment_id":
		return r.scalar(&p.experiment)
	case "variationId", "variation_id":
		return r.scalar(&p.variation)
	case "hashAttribute", "hash_attribute":
		return r.text(&p.hashAttribute)
	case "hashValue", "hash_value":
		return r.scalar(&p.hashValue)
	case r.o.currencyProperty:
		return r.text(&p.currency)
	}
	if rank := r.o.orderRank(name); rank > 0 {
		return r.order(rank)
	}
	if string(name) == "total" {
		before := r.c
		if err := r.scalar(&p.total); err != nil {
			return err
		}
		r.c = before // it may be a value property as well
	}
	for i, known := range r.o.valueProperties {
		if string(name) == known {
			return r.value(len(r.o.valueProperties) - i)
		}
	}
	return r.c.Skip()
}

// value reads a property that may be an event's value: a number, or the text of one, as it is written. Anything else is
// a word that happens to have this name.
func (r *reader) value(rank int) (err error) {
	var s scalar
	switch r.c.Peek() {
	case '"':
		s.s, err = r.c.String()
		if f, bad := strconv.ParseFloat(s.s, 64); bad == nil && f == f {
			s.given = field.Right
		}
	case '0':
		var digits []byte
		digits, err = r.c.Number()
		s.s, s.given, s.number = string(digits), field.Right, true
	default:
		err = r.c.Skip()
	}
	if p := &r.w.props; s.given == field.Right && rank >= p.valueRank {
		p.value, p.valueRank = s, rank
	}
	return err
}

func (r *reader) attribute(name []byte) error {
	a := &r.w.attrs
	if len(r.o.attributes) > 0 && r.o.attributes[string(name)] {
		if err := r.keep(name); err != nil {
			return err
		}
	}
	if u := r.o.declared(name); u != unknownUnit {
		if err := r.declared(string(name), u); err != nil {
			return err
		}
	}
	if attribute := kept(name); attribute != "" {
		before := r.c
		if err := r.plain(&a.kept, attribute); err != nil {
			return err
		}
		r.c = before
	}
	switch string(name) {
	case "user_id":
		return r.scalar(&a.user)
	case "device_id":
		return r.scalar(&a.device)
	case "anonymous_id":
		return r.scalar(&a.anonymous)
	case "id":
		return r.scalar(&a.id)
	case "user_agent", "userAgent":
		return r.text(&a.agent)
	}
	if a.own.given != field.Right && (bytes.EqualFold(name, []byte("deviceid")) || bytes.EqualFold(name, []byte("anonymousid"))) {
		return r.scalar(&a.own)
	}
	return r.c.Skip()
}

// declared notes an attribute of the option units, and leaves the cursor where it was.
func (r *reader) declared(name string, u unit) error {
	before := r.c
	var s scalar
	err := r.scalar(&s)
	if s.given == field.Right && s.s != "" {
		r.w.attrs.declared = append(r.w.attrs.declared, person{s.s, u, name})
	}
	r.c = before
	return err
}

// keep notes an attribute that the source wants with its events, and leaves the cursor where it was.
func (r *reader) keep(name []byte) error {
	before := r.c
	err := r.plain(&r.w.attrs.asked, string(name))
	r.c = before
	return err
}

// plain reads a plain value as an attribute. Objects, arrays and null are left out.
func (r *reader) plain(into *adapters.Attributes, name string) error {
	raw, err := r.c.Raw()
	if err == nil && name != "user_agent" && name != "passthrough" { // names that are ours to give
		into.Raw(name, raw)
	}
	return err
}

// order reads a property that may be an order's id. The most trusted one counts.
func (r *reader) order(rank int) error {
	var s scalar
	err := r.scalar(&s)
	if p := &r.w.props; s.given == field.Right && field.IsLabel(s.s) && rank > p.dedupRank {
		p.dedup, p.dedupRank = s, rank
	}
	return err
}

// user is {attributes, url}, the context of a callback.
func (r *reader) user() error {
	w := &r.w
	if r.c.Peek() != '{' {
		return r.c.Skip()
	}
	w.callback = true
	return r.c.Object(r.userMember)
}

func (r *reader) userMember(name []byte) error {
	if string(name) == "attributes" {
		return r.object(&r.w.attrsGiven, r.attribute)
	}
	return r.c.Skip()
}

// experiment is an object in the arguments of a callback; a subscriber's is often forwarded as its key alone.
func (r *reader) experiment() error {
	w := &r.w
	w.experiment, w.featureText, w.experimentGiven = scalar{}, scalar{}, field.Absent
	if r.c.Peek() == '"' {
		return r.scalar(&w.featureText)
	}
	return r.object(&w.experimentGiven, r.experimentMember)
}

func (r *reader) experimentMember(name []byte) error {
	switch {
	case string(name) == "key":
		return r.text(&r.w.experiment)
	case string(name) == "meta" && r.c.Peek() == '[':
		return r.c.Array(func(int) error {
			var is field.Given
			return r.object(&is, r.variation)
		})
	}
	return r.c.Skip()
}

// variation reads the meta of one variation.
func (r *reader) variation(name []byte) error {
	var passes field.Tri
	if string(name) != "passthrough" {
		return r.c.Skip()
	}
	err := r.flag(&passes)
	r.w.passing = r.w.passing || passes == field.Yes
	return err
}

func (r *reader) resultMember(name []byte) error {
	res := &r.w.result
	switch string(name) {
	case "inExperiment":
		return r.flag(&res.inExperiment)
	case "hashUsed":
		return r.flag(&res.hashUsed)
	case "variationId":
		return r.scalar(&res.index)
	case "key":
		return r.scalar(&res.key)
	case "hashAttribute":
		return r.text(&res.hashAttribute)
	case "hashValue":
		return r.scalar(&res.hashValue)
	case "passthrough":
		return r.flag(&res.passthrough)
	case "featureId":
		return r.text(&res.feature)
	}
	return r.c.Skip()
}

// numberText writes a number that serves as an id as JavaScript does; plain digits stay as they are, however many. It is
// "" for what no double holds.
func numberText(digits []byte) string {
	plain := true
	for i, c := range digits {
		plain = plain && (c >= '0' && c <= '9' || i == 0 && c == '-')
	}
	if plain {
		return string(digits)
	}
	f, err := strconv.ParseFloat(string(digits), 64)
	if err != nil {
		return ""
	}
	raw, err := json.Marshal(f)
	if err != nil {
		return ""
	}
	return string(raw)
}
