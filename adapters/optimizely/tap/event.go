package tap

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/optimizely/go-sdk/v2/pkg/event"

	"github.com/tracklayer/tracklayer/canonical"
)

// exposure is an impression's canonical form, the same that the adapter reads off the wire. Its id is made in the same
// way, because an impression's uuid is made again whenever the SDK builds a batch (pkg/event/factory.go).
func (o *Options) exposure(e *event.UserEvent) (x canonical.Event, ok bool) {
	i := e.Impression
	if i == nil || i.ExperimentID == "" || !slices.Contains([]string{"feature-test", "experiment", canonical.Holdout}, i.Metadata.RuleType) {
		return x, false
	}
	x = canonical.Event{
		Kind: canonical.Exposed, ExperimentID: i.ExperimentID, Variant: i.Metadata.VariationKey, At: canonical.Time(e.Timestamp),
		SourceExperiment: i.ExperimentID, SourceVariant: i.VariationID,
	}
	if x.Variant == "" {
		x.Variant = i.VariationID
	}
	if i.Metadata.RuleType == canonical.Holdout {
		x.ExperimentKind = canonical.Holdout
	}
	o.person(&x, e.VisitorID, i.Attributes)
	x.ID = canonical.DeriveID("optimizely", e.EventContext.ProjectID, e.VisitorID, i.ExperimentID, i.VariationID, i.Metadata.VariationKey,
		i.Metadata.FlagKey, strconv.FormatInt(e.Timestamp, 10))
	cmab := ""
	if i.Metadata.CmabUUID != nil {
		cmab = *i.Metadata.CmabUUID
	}
	x.Attributes = o.attributes(i.Attributes, "flag_key", i.Metadata.FlagKey, "rule_key", i.Metadata.RuleKey, "cmab_uuid", cmab)
	return x, true
}

// conversion is the canonical form of a track call. Revenue is in cents (pkg/event/factory.go getRevenueValue).
func (o *Options) conversion(e *event.UserEvent) (x canonical.Event, ok bool) {
	c := e.Conversion
	if c == nil {
		return x, false
	}
	x = canonical.Event{
		Kind: canonical.Converted, ID: e.UUID, ConversionEvent: c.Key, At: canonical.Time(e.Timestamp), Channel: canonical.Server,
	}
	o.person(&x, e.VisitorID, c.Attributes)
	var err error
	if c.Revenue != nil {
		x.Currency = o.Currency
		if x.Value, err = canonical.ParseNumber(strconv.FormatInt(*c.Revenue, 10) + "e-2"); err != nil {
			return x, false
		}
	}
	if c.Value != nil {
		if x.MetricValue, err = canonical.ParseNumber(strconv.FormatFloat(*c.Value, 'g', -1, 64)); err != nil {
			return x, false
		}
	}
	if order, known := c.Tags[o.DedupTag]; known && o.DedupTag != "" && order != nil {
		x.DedupKey = fmt.Sprint(order)
	}
	x.Attributes = o.attributes(c.Attributes)
	return x, true
}

// person writes whom an event is about.
func (o *Options) person(x *canonical.Event, visitor string, attributes []event.VisitorAttribute) {
	if o.UserAttribute != "" {
		for _, a := range attributes {
			if a.Key == o.UserAttribute {
				x.UserID = fmt.Sprint(a.Value)
			}
		}
	}
	switch {
	case x.UserID == visitor:
	case x.UserID != "" || o.Anonymous || o.UserAttribute != "":
		x.AnonymousID = visitor
	default:
		x.UserID, x.AmbiguousID = visitor, !o.Users
	}
}

// keptNames are the attributes that are sent by default, by the names that the gateway gives them.
var keptNames = map[string]string{
	"country": "country", "region": "region", "language": "language", "locale": "language", "platform": "platform", "device_type": "device_type",
	"deviceType": "device_type", "os": "os", "browser": "browser", "app_version": "app_version", "appVersion": "app_version", "plan": "plan",
	"utm_source": "utm_source", "utm_medium": "utm_medium", "utm_campaign": "utm_campaign", "utm_term": "utm_term", "utm_content": "utm_content",
}

// attributes are those of keptNames, those that the options name, the user agent, and then the pairs given, empty ones left out.
func (o *Options) attributes(all []event.VisitorAttribute, pairs ...string) json.RawMessage {
	var kept []event.VisitorAttribute
	for _, a := range all {
		if name := keptNames[a.Key]; name != "" {
			kept = append(kept, event.VisitorAttribute{Key: name, Value: a.Value})
		} else if slices.Contains(o.Attributes, a.Key) {
			kept = append(kept, a)
		}
	}
	slices.SortStableFunc(kept, func(a, b event.VisitorAttribute) int { return strings.Compare(a.Key, b.Key) })
	for _, a := range all {
		if a.Key == "$opt_user_agent" && !slices.Contains(o.Attributes, "user_agent") {
			kept = append(kept, event.VisitorAttribute{Key: "user_agent", Value: a.Value})
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			kept = append(kept, event.VisitorAttribute{Key: pairs[i], Value: pairs[i+1]})
		}
	}
	if len(kept) == 0 {
		return nil
	}
	var out bytes.Buffer
	for i, a := range kept {
		out.WriteByte("{,"[min(i, 1)])
		if put(&out, a.Key) != nil {
			return nil
		}
		out.WriteByte(':')
		if put(&out, a.Value) != nil {
			return nil
		}
	}
	out.WriteByte('}')
	return out.Bytes()
}

func put(out *bytes.Buffer, v any) error {
	text := json.NewEncoder(out)
	text.SetEscapeHTML(false)
	err := text.Encode(v)
	out.Truncate(len(bytes.TrimRight(out.Bytes(), "\n")))
	return err
}
