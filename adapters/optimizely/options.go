package optimizely

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tracklayer/tracklayer/adapters"
)

// options are a source's settings, for what the events do not say themselves.
type options struct {
	// visitors is what visitor ids are ids of: user, anonymous (devices or cookies), or "" if it is not known. Nothing on the
	// wire tells which.
	visitors string

	// userAttribute is the visitor attribute that holds the user's id, beside a visitor id that is a device's.
	userAttribute string

	// attributes are the visitor attributes that are kept with the events: the name of the event's by the visitor's.
	attributes map[string]string

	// dedupTag is the event tag that holds an order id or the like.
	dedupTag string

	// currency is what revenue is in. The wire knows cents and no currency.
	currency string

	// refunds are the events that take money back, and the conversion event that each takes it from.
	refunds map[string]string
}

// keptNames are the visitor attributes that are kept by default.
var keptNames = map[string]string{
	"country": "country", "region": "region", "language": "language", "locale": "language", "platform": "platform", "device_type": "device_type",
	"deviceType": "device_type", "os": "os", "browser": "browser", "app_version": "app_version", "appVersion": "app_version", "plan": "plan",
	"utm_source": "utm_source", "utm_medium": "utm_medium", "utm_campaign": "utm_campaign", "utm_term": "utm_term", "utm_content": "utm_content",
}

func checkOptions(raw map[string]any) error {
	_, err := readOptions(raw)
	return err
}

// readOptions reads settings as a YAML or JSON decoder leaves them, and reports all faults at once.
func readOptions(raw map[string]any) (options, error) {
	o := options{attributes: keptNames}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		if err := o.read(name, raw[name]); err != nil {
			faults = append(faults, err)
		}
	}
	if o.refunds != nil && o.dedupTag == "" {
		faults = append(faults, errors.New("refunds: needs dedup_tag: the tag with the order id that a refund shares with its order"))
	}
	return o, errors.Join(faults...)
}

func (o *options) read(name string, raw any) (err error) {
	s, isText := raw.(string)
	switch name {
	case "visitors":
		if s != "user" && s != "anonymous" {
			return errors.New("visitors: must be user or anonymous: whose ids your visitor ids are; leave it out if they are both")
		}
		o.visitors = s
	case "user_attribute":
		if !isText || s == "" {
			return errors.New("user_attribute: must be the key of a visitor attribute")
		}
		o.userAttribute = s
	case "attributes":
		more, err := readNames(raw)
		o.attributes = maps.Clone(keptNames)
		for key := range more {
			o.attributes[key] = cmp.Or(keptNames[key], key)
		}
		return err
	case "dedup_tag":
		if !isText || s == "" {
			return errors.New("dedup_tag: must be the name of an event tag such as order_id")
		}
		o.dedupTag = s
	case "currency":
		if o.currency = adapters.Currency(s); o.currency == "" {
			return errors.New("currency: must be an ISO 4217 code such as EUR")
		}
	case "refunds":
		o.refunds, err = readRefunds(raw)
		return err
	default:
		return fmt.Errorf("%.60s: no such option; there are visitors, user_attribute, attributes, dedup_tag, currency and refunds", name)
	}
	return nil
}

func readRefunds(raw any) (map[string]string, error) {
	given, ok := raw.(map[string]any)
	if !ok || len(given) == 0 {
		return nil, errors.New("refunds: must map events of refunds to the event of the order, such as {refund: purchase}")
	}
	refunds := make(map[string]string, len(given))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		order, ok := given[name].(string)
		if !ok || order == "" || name == "" {
			return nil, fmt.Errorf("refunds.%.60s: must be the event of the order", name)
		}
		refunds[name] = order
	}
	return refunds, nil
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
