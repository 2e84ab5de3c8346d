package growthbook

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// options are a source's settings, for what the events do not say themselves.
type options struct {
	// units says of attributes whether their values are users' ids or anonymous ones. GrowthBook has no such notion: an
	// experiment hashes any attribute. Declared attributes also link: one event with both is one person's.
	units map[string]unit

	attributes       map[string]bool // kept with the events beside the default ones, for cuts and filters
	holdouts         map[string]bool // experiments that are holdouts, beside those that show it
	valueProperties  []string        // of a custom event: the first that is a number is its value
	currencyProperty string
	dedupProperty    string // of a custom event: an order id or the like; "": of orders and refunds alone, one of orderIDs

	// refunds are events that take back money, by the event of the order that they refer to; orders are those events.
	refunds map[string]string
	orders  map[string]bool

	pageViews bool // auto.min.js sends Page View by itself
}

// unit is the space of ids that an attribute's values belong to.
type unit uint8

const (
	unknownUnit unit = iota
	userUnit
	anonymousUnit
	groupUnit
)

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

// orderRank is how much a property's word on the order's id weighs, 0 for other properties.
func (o *options) orderRank(name []byte) int {
	if o.dedupProperty != "" {
		if string(name) == o.dedupProperty {
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

const optionNames = "units, attributes, holdouts, value_properties, currency_property, dedup_property, refunds and page_views"

// readOptions reads settings as a YAML or JSON decoder leaves them, and reports all faults at once.
func readOptions(raw map[string]any) (options, error) {
	o := options{valueProperties: []string{"value"}, currencyProperty: "currency", refunds: defaultRefunds, orders: defaultOrders}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		var err error
		var names []string
		switch name {
		case "units":
			o.units, err = readUnits(raw[name])
		case "attributes":
			names, err = readNames(name, raw[name])
			o.attributes = setOf(names)
		case "holdouts":
			names, err = readNames(name, raw[name])
			o.holdouts = setOf(names)
		case "refunds":
			o.refunds, err = readRefunds(raw[name])
			o.orders = ordersOf(o.refunds)
		case "value_properties":
			o.valueProperties, err = readNames(name, raw[name])
		case "currency_property":
			o.currencyProperty, err = readName(name, raw[name])
		case "dedup_property":
			o.dedupProperty, err = readName(name, raw[name])
		case "page_views":
			var ok bool
			if o.pageViews, ok = raw[name].(bool); !ok {
				err = errors.New("page_views: must be true or false")
			}
		default:
			err = fmt.Errorf("%.60s: no such option; there are %s", name, optionNames)
		}
		if err != nil {
			faults = append(faults, err)
		}
	}
	return o, errors.Join(faults...)
}

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
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

func readUnits(raw any) (map[string]unit, error) {
	given, ok := raw.(map[string]any)
	if !ok {
		return nil, errors.New("units: must map attributes to user, anonymous or group, such as {accountId: user, deviceId: anonymous}")
	}
	units := make(map[string]unit, len(given))
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(given)) {
		switch {
		case name == "":
			faults = append(faults, errors.New("units: an attribute's name must not be empty"))
		case given[name] == "user":
			units[name] = userUnit
		case given[name] == "anonymous":
			units[name] = anonymousUnit
		case given[name] == "group":
			units[name] = groupUnit
		default:
			faults = append(faults, fmt.Errorf("units.%.60s: must be user, anonymous or group", name))
		}
	}
	return units, errors.Join(faults...)
}

func readNames(option string, raw any) ([]string, error) {
	given, ok := raw.([]any)
	if !ok {
		return nil, fmt.Errorf("%s: must be a list of names", option)
	}
	var names []string
	var faults []error
	for i, v := range given {
		if name, ok := v.(string); ok && name != "" {
			names = append(names, name)
		} else {
			faults = append(faults, fmt.Errorf("%s[%d]: must be a name", option, i))
		}
	}
	return names, errors.Join(faults...)
}

func readName(option string, raw any) (string, error) {
	if name, ok := raw.(string); ok && name != "" {
		return name, nil
	}
	return "", fmt.Errorf("%s: must be a name", option)
}

// declared says what an attribute's values are if the event is to keep them beside its own ids: what the option units
// says, or that they are a group's by the attribute's name.
func (o *options) declared(attribute []byte) unit {
	if len(o.units) > 0 {
		if u, ok := o.units[string(attribute)]; ok {
			return u
		}
	}
	switch string(attribute) {
	case "company", "organization", "organisation", "organizationId", "organization_id", "companyId", "company_id":
		return groupUnit
	}
	return unknownUnit
}

// unitOf says what an attribute's values are. Without a word on it in the options, names that are written in one of the
// usual ways speak for themselves; id does not; its value decides.
func (o *options) unitOf(attribute string) unit {
	if u, ok := o.units[attribute]; ok {
		return u
	}
	switch strings.ToLower(attribute) {
	case "user_id", "userid":
		return userUnit
	case "device_id", "deviceid", "anonymous_id", "anonymousid":
		return anonymousUnit
	}
	return unknownUnit
}
