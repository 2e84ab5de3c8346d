package growthbook

import (
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
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

var table = []adapters.Option{
	{
		Name: "units", Kind: adapters.Map, Example: map[string]string{"accountId": "user", "deviceId": "anonymous"},
		Must: "a mapping of attributes to user, anonymous or group", Words: []string{"user", "anonymous", "group"},
		Doc: "you know whose `id` is, or your hash attributes have names of your own; declared anonymous attributes link a user with them in every event; `group` is what a user belongs to",
	},
	{
		Name: "attributes", Kind: adapters.List, Example: []string{"betaTester"}, Must: "a list of attributes' names", Each: "the name of an attribute",
		Doc: "you want to cut or filter by more attributes of the user than the default ones",
	},
	{
		Name: "holdouts", Kind: adapters.List, Example: []string{"global-holdout"}, Must: "a list of experiments' keys", Each: "the key of an experiment",
		Doc: "experiments that are holdouts and do not show it (see below)",
	},
	{
		Name: "value_properties", Kind: adapters.List, Default: []string{"value"}, Example: []string{"revenue", "value"},
		Must: "a list of properties' names", Each: "the name of a property",
		Doc: "the value of a custom event is not in its property `value`; the first that is a number counts",
	},
	{
		Name: "currency_property", Kind: adapters.Text, Default: "currency", Example: "currency_code", Must: "the name of a property",
		Doc: "its currency is not in `currency`",
	},
	{
		Name: "dedup_property", Kind: adapters.Text, Example: "order_id", Must: "the name of a property",
		Doc: "a property holds an order id or the like, by which the same conversion from elsewhere counts once, and by which refunds find their orders",
	},
	{
		Name: "refunds", Kind: adapters.Map, Default: defaultRefunds, Example: map[string]string{"Order Refunded": "Order Completed"},
		Must: "a mapping of refund events to the events of their orders", Each: "the name of the order's event",
		Allowed: func(refund, order string) bool { return refund != order },
		Doc:     "your refund events have other names than the default ones; each names the event of its order",
	},
	{
		Name: "page_views", Kind: adapters.Switch, Example: true,
		Doc: "the `Page View` that the script tag sends by itself should count as a conversion",
	},
}

var units = map[string]unit{"user": userUnit, "anonymous": anonymousUnit, "group": groupUnit}

func open(s adapters.Settings) (adapters.Decoder, error) {
	o := &options{
		units: map[string]unit{}, attributes: s.Set("attributes"), holdouts: s.Set("holdouts"), valueProperties: s.List("value_properties"),
		currencyProperty: s.Text("currency_property"), dedupProperty: s.Text("dedup_property"), refunds: s.Map("refunds"), pageViews: s.Switch("page_views"),
	}
	for attribute, word := range s.Map("units") {
		o.units[attribute] = units[word]
	}
	o.orders = ordersOf(o.refunds)
	return adapters.Decoder{Verify: verify, Decode: o.decode, Reply: reply}, nil
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
