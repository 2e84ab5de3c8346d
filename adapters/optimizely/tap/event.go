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
// way, because an impression's uuid is drawn anew whenever the SDK builds a batch (pkg/event/factory.go).
func (o *Options) exposure(e *event.UserEvent) (x canonical.Event, ok bool) {
	i := e.Impression
	if i == nil || i.ExperimentID == "" || i.Metadata.RuleType != "feature-test" && i.Metadata.RuleType != "experiment" {
		return x, false
	}
	x = canonical.Event{
		Kind: canonical.Exposed, ExperimentID: i.ExperimentID, Variant: i.Metadata.VariationKey, At: canonical.Time(e.Timestamp),
		SourceExperiment: i.ExperimentID, SourceVariant: i.VariationID,
	}
	if x.Variant == "" {
		x.Variant = i.VariationID
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
	if x.UserID != "" || o.Anonymous || o.UserAttribute != "" {
		x.AnonymousID = visitor
	} else {
		x.UserID = visitor
	}
}

// attributes are those that the options name, the user agent, and then the pairs given, empty ones left out.
func (o *Options) attributes(all []event.VisitorAttribute, pairs ...string) json.RawMessage {
	kept := slices.DeleteFunc(slices.Clone(all), func(a event.VisitorAttribute) bool { return !slices.Contains(o.Attributes, a.Key) })
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
