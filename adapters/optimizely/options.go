package optimizely

import (
	"errors"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
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

var table = []adapters.Option{
	{
		Name: "visitors", Kind: adapters.Text, Example: "anonymous", Words: []string{"user", "anonymous"},
		Must: "user or anonymous: whose ids your visitor ids are; leave it out if they are both",
		Doc:  "`user`: your visitor ids are users'; `anonymous`: they are cookies' or devices'. Without it an id counts for both",
	},
	{
		Name: "user_attribute", Kind: adapters.Text, Example: "customer_id", Must: "the key of a visitor attribute",
		Doc: "a visitor attribute holds the user's id, besides a visitor id that is a device's; the two are linked",
	},
	{
		Name: "attributes", Kind: adapters.List, Example: []string{"segment"}, Must: "a list of visitor attributes' keys", Each: "the key of a visitor attribute",
		Doc: "visitor attributes to keep with the events besides those of [the default](#attributes); all others are dropped",
	},
	{
		Name: "dedup_tag", Kind: adapters.Text, Example: "order_id", Must: "the name of an event tag",
		Doc: "an event tag holds an order id or the like",
	},
	{
		Name: "refunds", Kind: adapters.Map, Filled: true, Example: map[string]string{"refund": "purchase"},
		Must: "a mapping of refund events to the events of their orders", Each: "the event of the order",
		Doc: "events that take money back, with `dedup_tag`. Their revenue is subtracted from the order with the same id, for the same visitor",
	},
	{
		Name: "currency", Kind: adapters.Text, Example: "EUR", Must: "an ISO 4217 code",
		Allowed: func(_, code string) bool { return adapters.Currency(code) != "" },
		Doc:     "what `revenue` is in; without it the event tag `currency` is read, if it is a code such as EUR",
	},
}

func open(s adapters.Settings) (adapters.Decoder, error) {
	o := &options{
		visitors: s.Text("visitors"), userAttribute: s.Text("user_attribute"), attributes: field.Kept(nil, s.List("attributes")), dedupTag: s.Text("dedup_tag"),
		refunds: s.Map("refunds"), currency: adapters.Currency(s.Text("currency")),
	}
	if o.refunds != nil && o.dedupTag == "" {
		return adapters.Decoder{}, errors.New("refunds: needs dedup_tag: the tag with the order id that a refund shares with its order")
	}
	return adapters.Decoder{Verify: verify, Decode: o.decode, Reply: reply}, nil
}
