package optimizely

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// options are a source's settings, for what the events do not say themselves.
type options struct {
	// anonymous: visitor ids are of devices or cookies, not of users. Nothing on the wire tells which.
	anonymous bool

	// userAttribute is the visitor attribute that holds the user's id, beside a visitor id that is a device's.
	userAttribute string

	// attributes are the visitor attributes that are kept with the events.
	attributes map[string]bool

	// dedupTag is the event tag that holds an order id or the like.
	dedupTag string

	// currency is what revenue is in. The wire knows cents and no currency.
	currency string
}

func checkOptions(raw map[string]any) error {
	_, err := readOptions(raw)
	return err
}

// readOptions reads settings as a YAML or JSON decoder leaves them, and reports all faults at once.
func readOptions(raw map[string]any) (options, error) {
	var o options
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		if err := o.read(name, raw[name]); err != nil {
			faults = append(faults, err)
		}
	}
	return o, errors.Join(faults...)
}

func (o *options) read(name string, raw any) (err error) {
	s, isText := raw.(string)
	switch name {
	case "visitors":
		if s != "user" && s != "anonymous" {
			return errors.New("visitors: must be user or anonymous: what your visitor ids are ids of")
		}
		o.anonymous = s == "anonymous"
	case "user_attribute":
		if !isText || s == "" {
			return errors.New("user_attribute: must be the key of a visitor attribute")
		}
		o.userAttribute = s
	case "attributes":
		o.attributes, err = readNames(raw)
		return err
	case "dedup_tag":
		if !isText || s == "" {
			return errors.New("dedup_tag: must be the name of an event tag such as order_id")
		}
		o.dedupTag = s
	case "currency":
		if !isCurrency(s) {
			return errors.New("currency: must be an ISO 4217 code such as EUR")
		}
		o.currency = s
	default:
		return fmt.Errorf("%.60s: no such option; there are visitors, user_attribute, attributes, dedup_tag and currency", name)
	}
	return nil
}

func isCurrency(s string) bool {
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return len(s) == 3
}

func readNames(raw any) (map[string]bool, error) {
	given, ok := raw.([]any)
	if !ok {
		return nil, errors.New("attributes: must be a list of visitor attributes' keys")
	}
	names := make(map[string]bool, len(given))
	var faults []error
	for i, v := range given {
		if name, ok := v.(string); ok && name != "" {
			names[name] = true
		} else {
			faults = append(faults, fmt.Errorf("attributes[%d]: must be the key of a visitor attribute", i))
		}
	}
	return names, errors.Join(faults...)
}
