package posthog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// options are a source's settings, for what the events do not say themselves.
type options struct {
	// marked counts a flag's call as an exposure only where the SDK says that the flag has an experiment. Older SDKs and
	// calls by hand say nothing, and count unless this is set.
	marked bool

	// exposures are custom exposure events, by the flag whose variant is read from the event's $feature/ stamp.
	exposures map[string]string

	// counted are events of PostHog's own, such as $pageview, that count as conversions.
	counted map[string]bool

	// attributes are event properties that are kept with the events, beside the default ones.
	attributes map[string]bool

	// refunds are events that take back money, by the event of the order that they refer to; orders are those events.
	refunds map[string]string
	orders  map[string]bool

	// dedup is the property that holds an order's id in every event; "": that of orders and refunds alone is read, from
	// one of orderIDs.
	dedup string

	// value is the property that holds a conversion's value; "": revenue, else value.
	value string
}

// defaultRefunds are names of refunds that are in common use, and the names of their orders.
var defaultRefunds = map[string]string{
	"Order Refunded": "Order Completed", "order_refunded": "order_completed", "refund": "purchase", "Refund": "Purchase",
}

var defaultOrders = ordersOf(defaultRefunds)

func ordersOf(refunds map[string]string) map[string]bool {
	orders := make(map[string]bool, len(refunds))
	for _, order := range refunds {
		orders[order] = true
	}
	return orders
}

// orderIDs are the properties that may hold an order's id, the most trusted last.
var orderIDs = []string{"transaction_id", "orderId", "order_id"}

// lifecycle are events that PostHog's mobile SDKs send by themselves.
var lifecycle = map[string]bool{
	"Application Opened": true, "Application Installed": true, "Application Updated": true, "Application Backgrounded": true,
	"Application Became Active": true, "Application Foregrounded": true, "Application Crashed": true, "Deep Link Opened": true,
}

// orderRank is how much a property's word on the order's id weighs, 0 for other properties.
func (o *options) orderRank(name []byte) int {
	if o.dedup != "" {
		if string(name) == o.dedup {
			return 1
		}
		return 0
	}
	return slices.Index(orderIDs, string(name)) + 1
}

func checkOptions(raw map[string]any) error {
	_, err := readOptions(raw)
	return err
}

// readOptions reads settings as a YAML or JSON decoder leaves them, and reports all faults at once.
func readOptions(raw map[string]any) (options, error) {
	o := options{refunds: defaultRefunds, orders: defaultOrders}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		var err error
		switch name {
		case "marked_only":
			var ok bool
			if o.marked, ok = raw[name].(bool); !ok {
				err = errors.New("marked_only: must be true or false")
			}
		case "exposure_events":
			o.exposures, err = readExposures(raw[name])
		case "conversion_events":
			o.counted, err = readCounted(raw[name])
		case "value_property":
			var ok bool
			if o.value, ok = raw[name].(string); !ok || o.value == "" {
				err = errors.New("value_property: must be the name of a property")
			}
		case "dedup_property":
			var ok bool
			if o.dedup, ok = raw[name].(string); !ok || o.dedup == "" {
				err = errors.New("dedup_property: must be the name of a property")
			}
		case "attributes":
			o.attributes, err = readAttributes(raw[name])
		case "refunds":
			o.refunds, err = readRefunds(raw[name])
			o.orders = ordersOf(o.refunds)
		default:
			err = fmt.Errorf("%.60s: no such option; there are %s", name, optionNames)
		}
		if err != nil {
			faults = append(faults, err)
		}
	}
	return o, errors.Join(faults...)
}

const optionNames = "marked_only, exposure_events, conversion_events, value_property, dedup_property, refunds and attributes"

func readAttributes(raw any) (map[string]bool, error) {
	const want = "attributes: must be a list of event properties, such as [segment]"
	given, ok := raw.([]any)
	if !ok {
		return nil, errors.New(want)
	}
	kept := make(map[string]bool, len(given))
	for _, one := range given {
		name, ok := one.(string)
		if !ok || name == "" {
			return nil, errors.New(want)
		}
		kept[name] = true
	}
	return kept, nil
}

func readRefunds(raw any) (map[string]string, error) {
	given, ok := raw.(map[string]any)
	if !ok {
		return nil, errors.New("refunds: must map refund events to the events of their orders, such as {Order Refunded: Order Completed}")
	}
	refunds := make(map[string]string, len(given))
	for refund, order := range given {
		name, ok := order.(string)
		if !ok || name == "" || refund == "" || name == refund {
			return nil, fmt.Errorf("refunds.%.60s: must be the name of the order's event", refund)
		}
		refunds[refund] = name
	}
	return refunds, nil
}

func readExposures(raw any) (map[string]string, error) {
	given, ok := raw.(map[string]any)
	if !ok {
		return nil, errors.New("exposure_events: must map events to flag keys, such as {checkout viewed: checkout-cta}")
	}
	flags := make(map[string]string, len(given))
	for event, flag := range given {
		key, ok := flag.(string)
		if !ok || key == "" || event == "" {
			return nil, fmt.Errorf("exposure_events.%.60s: must be the key of a flag", event)
		}
		flags[event] = key
	}
	return flags, nil
}

func readCounted(raw any) (map[string]bool, error) {
	const want = "conversion_events: must be a list of events of PostHog's own, such as [$pageview, Application Opened]"
	given, ok := raw.([]any)
	if !ok {
		return nil, errors.New(want)
	}
	counted := make(map[string]bool, len(given))
	for _, one := range given {
		event, ok := one.(string)
		if !ok || (len(event) < 2 || event[0] != '$') && !lifecycle[event] {
			return nil, errors.New(want)
		}
		counted[event] = true
	}
	return counted, nil
}
