// Package tap tells TrackLayer what a program's PostHog client sends, beside PostHog itself, with one line. It is for
// programs that go on sending to PostHog; a client that may send here instead only needs its Endpoint set.
//
// It imports the vendor's SDK, canonical and sdk/go. The server never imports it.
package tap

import (
	"strings"

	"github.com/posthog/posthog-go"

	"github.com/tracklayer/tracklayer/canonical"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
)

// BeforeSend makes the hook for posthog.Config.BeforeSend that tells client of every exposure, conversion and identity
// link, and then does what next does, nil for nothing. It neither changes nor delays what PostHog gets. Properties are
// not passed on but for value or revenue and currency.
//
//	config.BeforeSend = tap.BeforeSend(client, config.BeforeSend)
func BeforeSend(client *tracklayer.Client, next posthog.BeforeSendFunc) posthog.BeforeSendFunc {
	return func(m posthog.Message) posthog.Message {
		if next != nil {
			m = next(m) // what is dropped or renamed there is dropped and renamed here
		}
		tell(client, m)
		return m
	}
}

// tell must not harm the program that it runs in, whatever a message holds.
func tell(client *tracklayer.Client, m posthog.Message) {
	defer func() { _ = recover() }()
	switch m := m.(type) {
	case posthog.Capture:
		capture(client, &m)
	case posthog.Alias:
		send(client, canonical.Event{Kind: canonical.Linked, UserID: m.DistinctId, AnonymousID: m.Alias, PreviousUserID: m.Alias, ID: m.Uuid}, m.Timestamp.UnixMilli())
	case posthog.Identify:
		if anonymous, ok := m.Properties["$anon_distinct_id"].(string); ok && anonymous != "" && anonymous != m.DistinctId {
			send(client, canonical.Event{Kind: canonical.Linked, UserID: m.DistinctId, AnonymousID: anonymous, ID: m.Uuid}, m.Timestamp.UnixMilli())
		}
	}
}

func capture(client *tracklayer.Client, m *posthog.Capture) {
	e := canonical.Event{ID: m.Uuid, UserID: m.DistinctId}
	switch {
	case m.Event == "$feature_flag_called":
		flag, _ := m.Properties["$feature_flag"].(string)
		variant, isText := m.Properties["$feature_flag_response"].(string)
		experiment, said := m.Properties["$feature_flag_has_experiment"].(bool)
		_, overridden := m.Properties["$feature_flag_original_response"]
		if !isText || variant == "" || variant == "true" || variant == "false" || said && !experiment || overridden || strings.HasPrefix(variant, "holdout-") {
			return
		}
		e.Kind, e.ExperimentID, e.SourceExperiment, e.Variant, e.SourceVariant = canonical.Exposed, flag, flag, variant, variant
	case strings.HasPrefix(m.Event, "$"):
		return
	default:
		e.Kind, e.ConversionEvent, e.Channel = canonical.Converted, m.Event, canonical.Server
		e.Value = number(m.Properties, "revenue")
		if !e.Value.Set {
			e.Value = number(m.Properties, "value")
		}
		if currency, ok := m.Properties["currency"].(string); ok && e.Value.Set && len(currency) == 3 {
			e.Currency = strings.ToUpper(currency)
		}
	}
	send(client, e, m.Timestamp.UnixMilli())
}

func send(client *tracklayer.Client, e canonical.Event, millis int64) {
	if at := canonical.Time(millis); at > canonical.MinTime {
		e.At = at // else it happens now
	}
	client.Send(e)
}
