package otel

import (
	"strings"
)

// record is a log record: the members that are read, the others were passed over. Of members with one name the last one
// wins.
type record struct {
	event          string // event_name
	time, observed uint64 // Unix nanoseconds
	trace, span    string // in hex
	values         [attributes]value
	kept           []keptAttribute
}

// keptAttribute is an attribute of the record that becomes one of the event.
type keptAttribute struct{ name, text string }

// maxKept bounds the attributes of a record that are kept.
const maxKept = 32

// keptAttributes are the attributes of the conventions that are kept by default, by the names that all vendors share.
var keptAttributes = map[string]string{
	"geo.country.iso_code": "country", "geo.region.iso_code": "region", "browser.language": "language", "browser.platform": "platform",
	"device.type": "device_type", "os.name": "os", "os.type": "os", "user_agent.name": "browser", "app.version": "app_version",
}

// value is an attribute's value.
type value struct {
	text string
	kind kind
}

type kind uint8

const (
	absent   kind = iota
	text          // a string
	scalar        // a number or a boolean, as text
	compound      // an array, a map or bytes
)

// attribute is one of the attributes that are read.
type attribute uint8

// The attributes of the event feature_flag.evaluation (OpenTelemetry semantic conventions, feature-flags-events.md), with
// the names that the conventions had before, and what any record may have.
const (
	eventName   attribute = iota // event.name, before records had a field for it
	flagKey                      // feature_flag.key
	variant                      // feature_flag.result.variant
	variantOld                   // feature_flag.variant
	result                       // feature_flag.result.value
	reason                       // feature_flag.result.reason
	reasonOld                    // feature_flag.evaluation.reason
	contextID                    // feature_flag.context.id
	setID                        // feature_flag.set.id
	provider                     // feature_flag.provider.name
	providerOld                  // feature_flag.provider_name and feature_flag.system
	version                      // feature_flag.version
	errorType                    // error.type
	recordUID                    // log.record.uid
	agent                        // user_agent.original
	person                       // what the source's options name
	attributes
)

const prefix = "feature_flag."

// attributeOf finds an attribute by its key.
func attributeOf(key string) (attribute, bool) {
	if rest, ok := strings.CutPrefix(key, prefix); ok {
		return flagAttribute(rest)
	}
	switch key {
	case "event.name":
		return eventName, true
	case "error.type":
		return errorType, true
	case "log.record.uid":
		return recordUID, true
	case "user_agent.original":
		return agent, true
	}
	return 0, false
}

func flagAttribute(name string) (attribute, bool) {
	switch name {
	case "key":
		return flagKey, true
	case "result.variant":
		return variant, true
	case "variant":
		return variantOld, true
	case "result.value":
		return result, true
	case "result.reason":
		return reason, true
	case "evaluation.reason":
		return reasonOld, true
	case "context.id":
		return contextID, true
	case "set.id":
		return setID, true
	case "provider.name":
		return provider, true
	case "provider_name", "system":
		return providerOld, true
	case "version":
		return version, true
	}
	return 0, false
}

// set stores an attribute if it is read or kept.
func (r *record) set(key string, o *options, v value) {
	if a, known := attributeOf(key); known {
		r.values[a] = v
	}
	if key == o.userAttribute && key != "" {
		r.values[person] = v
	}
	name := keptAttributes[key]
	if name == "" && o.attributes[key] {
		name = key
	}
	if name != "" && (v.kind == text || v.kind == scalar) && len(r.kept) < maxKept {
		r.kept = append(r.kept, keptAttribute{name, v.text})
	}
}

// first is the first of the attributes that is there with a text.
func (r *record) first(names ...attribute) string {
	for _, a := range names {
		if v := r.values[a]; v.kind == text && v.text != "" {
			return v.text
		}
	}
	return ""
}

// isEvaluation reports whether a record is the event feature_flag.evaluation, which the conventions called feature_flag
// before.
func (r *record) isEvaluation() bool {
	name := r.event
	if name == "" {
		name = r.values[eventName].text
	}
	return name == "feature_flag.evaluation" || name == "feature_flag"
}
