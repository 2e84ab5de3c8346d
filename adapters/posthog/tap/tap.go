// Package tap sends TrackLayer a copy of what a program's PostHog client sends to PostHog, with one line. It is for
// programs that keep sending to PostHog; a client that may send here instead only needs its Endpoint set.
//
// It imports the vendor's SDK, canonical and sdk/go. The server never imports it.
package tap

import (
	"strings"

	"github.com/posthog/posthog-go"

	"github.com/tracklayer/tracklayer/canonical"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
)

// BeforeSend makes the hook for posthog.Config.BeforeSend that sends client every exposure, conversion and identity link,
// and then does what next does, nil for nothing. It neither changes nor delays what PostHog gets. It follows the rules of
// the adapter: a distinct id is ambiguous unless the event says whether the person is identified. Of the properties it
// sends value or revenue, currency, the order's id of orders and refunds, groups, and the attributes that the adapter
// keeps by default. The events belong to the source "posthog" unless tracklayer.Options.Source names another.
//
//	config.BeforeSend = tap.BeforeSend(client, config.BeforeSend)
func BeforeSend(client *tracklayer.Client, next posthog.BeforeSendFunc) posthog.BeforeSendFunc {
	client.DefaultSource("posthog")
	return func(m posthog.Message) posthog.Message {
		if next != nil {
			m = next(m) // what is dropped or renamed there is dropped and renamed here
		}
		report(client, m)
		return m
	}
}

// report must not harm the program that it runs in, whatever a message holds.
func report(client *tracklayer.Client, m posthog.Message) {
	defer func() { _ = recover() }()
	switch m := m.(type) {
	case posthog.Capture:
		capture(client, &m)
	case posthog.Alias:
		alias(client, canonical.Event{ID: m.Uuid, UserID: m.DistinctId, AnonymousID: m.Alias}, m.Timestamp.UnixMilli())
	case posthog.Identify:
		identify(client, m.Uuid, m.DistinctId, m.Properties, m.Timestamp.UnixMilli())
	}
}

// identify links the visitor that $anon_distinct_id names to the user.
func identify(client *tracklayer.Client, id, user string, p posthog.Properties, millis int64) {
	if anonymous := text(p, "$anon_distinct_id"); anonymous != "" && anonymous != user {
		send(client, canonical.Event{Kind: canonical.Linked, ID: id, UserID: user, AnonymousID: anonymous}, millis)
	}
}

// alias merges an id into the person of the distinct id, and what was done under the distinct id as a visitor.
func alias(client *tracklayer.Client, e canonical.Event, millis int64) {
	if e.AnonymousID == "" || e.AnonymousID == e.UserID {
		return
	}
	e.Kind = canonical.Linked
	send(client, e, millis)
	send(client, canonical.Event{Kind: canonical.Linked, UserID: e.UserID, AnonymousID: e.UserID}, millis)
}

func capture(client *tracklayer.Client, m *posthog.Capture) {
	p, millis := m.Properties, m.Timestamp.UnixMilli()
	link := canonical.Event{ID: m.Uuid, UserID: m.DistinctId, AnonymousID: text(p, "alias")}
	switch {
	case m.Event == "$feature_flag_called":
		expose(client, m)
	case m.Event == "$identify":
		identify(client, m.Uuid, m.DistinctId, p, millis)
	case m.Event == "$create_alias":
		alias(client, link, millis)
	case m.Event == "$merge_dangerously":
		link.PreviousUserID = link.AnonymousID
		alias(client, link, millis)
	case strings.HasPrefix(m.Event, "$") || lifecycle[m.Event]:
	default:
		convert(client, m)
	}
}

// lifecycle are events that PostHog's mobile SDKs send by themselves, which a server may pass on.
var lifecycle = map[string]bool{
	"Application Opened": true, "Application Installed": true, "Application Updated": true, "Application Backgrounded": true,
	"Application Became Active": true, "Application Foregrounded": true, "Application Crashed": true, "Deep Link Opened": true,
}

// event is what exposures and conversions have in common.
func event(m *posthog.Capture) canonical.Event {
	e := canonical.Event{ID: m.Uuid, Groups: groups(m), Attributes: attributes(m.Properties)}
	switch identified, known := m.Properties["$is_identified"].(bool); {
	case known && !identified:
		e.AnonymousID = m.DistinctId
	case known && text(m.Properties, "$device_id") != m.DistinctId:
		e.UserID = m.DistinctId
	default:
		e.UserID, e.AmbiguousID = m.DistinctId, true
	}
	return e
}

func expose(client *tracklayer.Client, m *posthog.Capture) {
	flag, _ := m.Properties["$feature_flag"].(string)
	variant, isText := m.Properties["$feature_flag_response"].(string)
	experiment, known := m.Properties["$feature_flag_has_experiment"].(bool)
	_, overridden := m.Properties["$feature_flag_original_response"]
	if !isText || variant == "" || variant == "true" || variant == "false" || known && !experiment || overridden {
		return
	}
	e := event(m)
	e.Kind, e.ExperimentID, e.SourceExperiment, e.Variant, e.SourceVariant = canonical.Exposed, flag, flag, variant, variant
	if strings.HasPrefix(variant, "holdout-") {
		e.ExperimentKind, e.ExperimentID, e.SourceExperiment, e.Variant = canonical.Holdout, variant, variant, "holdout"
	}
	send(client, e, m.Timestamp.UnixMilli())
}

// refunds are the names of refunds that the adapter knows by default, and of their orders.
var refunds = map[string]string{
	"Order Refunded": "Order Completed", "order_refunded": "order_completed", "refund": "purchase", "Refund": "Purchase",
}

func convert(client *tracklayer.Client, m *posthog.Capture) {
	e, millis := event(m), m.Timestamp.UnixMilli()
	order, refund := refunds[m.Event]
	e.Kind, e.ConversionEvent, e.Channel = canonical.Converted, m.Event, canonical.Server
	names := []string{"revenue", "value"}
	if refund {
		names = append(names, "total")
	}
	for _, name := range names {
		if _, there := m.Properties[name]; there && !e.Value.Set {
			e.Value = number(m.Properties, name)
		}
	}
	if e.Value.Set {
		e.Currency = currency(text(m.Properties, "currency"))
	}
	key := text(m.Properties, "order_id", "orderId", "transaction_id")
	if !refund {
		for _, o := range refunds {
			if o == m.Event {
				e.DedupKey = key
			}
		}
	}
	send(client, e, millis)
	if refund && key != "" && e.Value.Set && e.Value.Micros != 0 {
		if e.ID != "" {
			e.ID = canonical.DeriveID("posthog", e.Kind.Token(), e.ID)
		}
		e.ConversionEvent, e.Adjusts = order, key
		e.Value = canonical.Micro(-max(e.Value.Micros, -e.Value.Micros))
		send(client, e, millis)
	}
}

func send(client *tracklayer.Client, e canonical.Event, millis int64) {
	if at := canonical.Time(millis); at > canonical.MinTime {
		e.At = at // else it happens now
	}
	client.Send(e)
}
