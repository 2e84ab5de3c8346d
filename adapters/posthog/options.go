package posthog

import (
	"slices"

	"github.com/tracklayer/tracklayer/adapters"
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

var table = []adapters.Option{
	{
		Name: "marked_only", Kind: adapters.Switch, Example: true,
		Doc: "count a flag's call only if the SDK says that the flag has an experiment. SDKs before 2026 (posthog-go before 1.19) and calls by hand do not say it",
	},
	{
		Name: "exposure_events", Kind: adapters.Map, Example: map[string]string{"checkout viewed": "checkout-cta"},
		Must: "a mapping of events to flag keys", Each: "the key of a flag",
		Doc: "the experiment's exposure is an event of your own: the flag whose variant is read from its `$feature/` property",
	},
	{
		Name: "conversion_events", Kind: adapters.List, Example: []string{"$pageview", "Application Opened"},
		Must: "a list of events of PostHog's own", Each: "an event of PostHog's own, such as $pageview", Allowed: isOwn,
		Doc: "events that the SDKs send by themselves and that a metric counts",
	},
	{
		Name: "value_property", Kind: adapters.Text, Example: "price", Must: "the name of a property",
		Doc: "the value of a conversion is neither in `revenue` nor in `value`",
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
		Name: "attributes", Kind: adapters.List, Example: []string{"segment"},
		Must: "a list of event properties", Each: "the name of a property",
		Doc: "event properties to keep with the events, besides the default ones",
	},
}

// isOwn reports an event that PostHog's SDKs send by themselves.
func isOwn(_, event string) bool { return len(event) > 1 && event[0] == '$' || lifecycle[event] }

func open(s adapters.Settings) (adapters.Decoder, error) {
	o := &options{
		marked: s.Switch("marked_only"), exposures: s.Map("exposure_events"), counted: s.Set("conversion_events"), attributes: s.Set("attributes"),
		refunds: s.Map("refunds"), dedup: s.Text("dedup_property"), value: s.Text("value_property"),
	}
	o.orders = ordersOf(o.refunds)
	return adapters.Decoder{Verify: verify, Decode: o.decode, Reply: reply}, nil
}
