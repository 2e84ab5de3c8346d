package posthog

import (
	"crypto/sha1" //nolint:gosec // a version 5 UUID is made with it
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
)

// decoder is one request being decoded.
type decoder struct {
	source   adapters.Source
	envelope adapters.Envelope
	o        *options
	req      request
	skew     int64 // milliseconds to add to the sender's times
	batch    adapters.Batch
}

func (o *options) decode(s adapters.Source, e adapters.Envelope) (adapters.Batch, error) {
	req, err := requestOf(s, e, o, false)
	if err != nil {
		return adapters.Batch{}, err
	}
	d := decoder{source: s, envelope: e, o: o, req: req}
	d.skew = d.clock()
	for i := range req.events {
		d.batch.Items++
		d.item(i, &req.events[i])
	}
	return d.batch, nil
}

// Reasons for which an item is not meant to count.
const (
	ignoredFlag       = "plain_flag"       // a flag's call that is no exposure
	ignoredOverride   = "override"         // a developer's own value
	ignoredUnmarked   = "unmarked_flag"    // it is not said whether the flag has an experiment, and the source wants that
	ignoredOwn        = "posthog_event"    // $pageview, $set, $groupidentify and the like
	ignoredNoLink     = "identify_no_link" // an identify that joins nothing
	ignoredCookieless = "cookieless"       // one constant for all visitors
	ignoredText       = "message"          // a chat message of an action
	ignoredLifecycle  = "lifecycle_event"  // Application Opened and the like, which mobile SDKs send by themselves
)

// item gives one item its outcome.
func (d *decoder) item(i int, e *event) {
	switch {
	case e.broken != nil:
		d.batch.Reject(i, field.Fault("", e.broken.Error()))
	case !e.object:
		d.batch.Reject(i, field.Fault("", "an event must be an object"))
	case e.name == "" && !d.req.batch && !e.group && e.distinct == "" && d.req.token == "":
		d.batch.Ignore(ignoredText)
	case e.name == "" && d.envelope.Path == "/engage":
		d.link(i, e, e.anonymous)
	case e.name == "":
		d.batch.Reject(i, field.Fault("event", "is required"))
	case e.cookieless || e.distinct == "$posthog_cookieless" || e.distinctIn == "$posthog_cookieless":
		d.batch.Ignore(ignoredCookieless)
	case e.name == "$feature_flag_called" || e.name == "$experiment_exposure":
		d.flag(i, e)
	case e.name == "$identify":
		d.link(i, e, e.anonymous)
	case e.name == "$create_alias" || e.name == "$merge_dangerously":
		d.alias(i, e)
	case e.name == "$activity_log_entry_created":
		d.activity(i, e)
	case d.o.exposures[e.name] != "":
		d.custom(i, e)
	case e.name[0] == '$' && !d.o.counted[e.name]:
		if e.name == "$set" && e.sameID() {
			d.itself(i, e)
			return
		}
		d.batch.Ignore(ignoredOwn)
	case lifecycle[e.name] && !d.o.counted[e.name]:
		d.batch.Ignore(ignoredLifecycle)
	default:
		d.conversion(i, e)
	}
}

// flag is a flag's call. It is an exposure where the response is the name of a variant and nothing says that the flag
// has no experiment; true, false and null are plain flags, or "not in the rollout".
func (d *decoder) flag(i int, e *event) {
	switch {
	case !e.responds || e.response == "" || e.response == "true" || e.response == "false" || e.experiment == field.No:
		d.batch.Ignore(ignoredFlag)
	case e.overridden:
		d.batch.Ignore(ignoredOverride)
	case e.experiment == field.Unsaid && d.o.marked:
		d.batch.Ignore(ignoredUnmarked)
	case e.flag == "":
		d.batch.Reject(i, field.Fault("$feature_flag", "is required"))
	default:
		d.expose(i, e, e.flag, e.response)
	}
}

// custom is an exposure event of the customer's own.
func (d *decoder) custom(i int, e *event) {
	flag := d.o.exposures[e.name]
	switch variant := e.stamps[flag]; variant {
	case "", "true", "false":
		d.batch.Ignore(ignoredFlag)
	default:
		d.expose(i, e, flag, variant)
	}
}

// holdoutPrefix begins the response of a flag for a person who is held out of its experiment. The rest is the holdout's
// number (products/experiments/backend/hogql_queries).
const holdoutPrefix = "holdout-"

// expose reports an exposure: to a variant of the flag's experiment, or, of a person who is held out, to the holdout and
// not to the experiment. The holdout's source experiment is the holdout as well, because an alias of the flag must not
// lead to the experiment.
func (d *decoder) expose(i int, e *event, flag, variant string) {
	c := canonical.Event{
		Kind: canonical.Exposed, ExperimentID: flag, SourceExperiment: flag, Variant: variant, SourceVariant: variant,
		Groups: groupsOf(e), Attributes: d.attributesOf(e),
	}
	if strings.HasPrefix(variant, holdoutPrefix) {
		c.ExperimentKind, c.ExperimentID, c.SourceExperiment, c.Variant = canonical.Holdout, variant, variant, "holdout"
		c.HeldOutOf = flag
	}
	d.accept(i, e, c)
}

func (d *decoder) conversion(i int, e *event) {
	c := canonical.Event{Kind: canonical.Converted, ConversionEvent: e.name, Groups: groupsOf(e), Attributes: d.attributesOf(e)}
	var err error
	if c.Value, err = d.valueOf(e); err != nil {
		d.batch.Reject(i, err)
		return
	}
	if c.Value.Set {
		c.Currency = adapters.Currency(e.currency.text)
	}
	if e.client() {
		c.Channel = canonical.Client
	} else if e.lib != "" {
		c.Channel = canonical.Server
	}
	if d.o.dedup != "" || d.o.orders[e.name] {
		c.DedupKey = e.order
	}
	if order, ok := d.o.refunds[e.name]; ok && e.order != "" && c.Value.Set && c.Value.Micros != 0 {
		c.DedupKey = ""
		d.accept(i, e, c, refundOf(&c, order, e.order))
		return
	}
	d.accept(i, e, c)
}

// refundOf takes the money of a refund off its order, whichever sign the refund has. The refund stays a conversion under
// its own name, so that a metric can count refunds.
func refundOf(refund *canonical.Event, order, key string) canonical.Event {
	c := *refund
	c.ConversionEvent, c.Adjusts = order, key
	c.Value = canonical.Micro(-max(c.Value.Micros, -c.Value.Micros))
	return c
}

// valueOf is the number in the property of the option, else in revenue, value or, of refunds, total. A text that is no
// number is no value; in the property of the option it is a fault.
func (d *decoder) valueOf(e *event) (canonical.Number, error) {
	value := e.named
	if !value.set {
		value = e.revenue
	}
	if !value.set {
		value = e.value
	}
	if _, refund := d.o.refunds[e.name]; refund && !value.set {
		value = e.total
	}
	text := strings.TrimSpace(value.text)
	if text == "" {
		return canonical.Number{}, nil
	}
	n, err := canonical.ParseNumber(text)
	if err != nil && e.named.set {
		return canonical.Number{}, field.Fault("properties."+d.o.value, err.Error())
	}
	return n, nil
}

// accept completes the events of an item by what all events have, and hands them to the batch with the fields in the
// vendor's words.
func (d *decoder) accept(i int, e *event, events ...canonical.Event) {
	for at := range events {
		c := &events[at]
		if c.Kind != canonical.Linked {
			e.subject(c)
		}
		if err := d.time(e, c); err != nil {
			d.batch.Reject(i, err)
			return
		}
		if c.ID = d.id(i, e, c); at > 0 && events[0].ID != "" {
			c.ID = canonical.DeriveID("posthog", c.Kind.Token(), events[0].ID)
		}
	}
	d.batch.Accept(d.source, d.envelope, i, events...)
	c := &events[0]
	path := d.batch.RejectedField(i)
	if path == nil {
		return
	}
	switch *path {
	case "user_id", "anonymous_id":
		*path = "distinct_id"
		if c.Kind == canonical.Linked && c.UserID == e.who() {
			*path = "properties.$anon_distinct_id"
		}
	case "previous_user_id":
		*path = "properties.alias"
	case "experiment_id", "source_experiment":
		*path = "$feature_flag"
	case "variant", "source_variant":
		*path = "$feature_flag_response"
	case "conversion_event":
		*path = "event"
	case "exposed_at", "converted_at", "linked_at":
		*path = "timestamp"
	}
}

// namespace is that in which PostHog's ingestion makes the id of an $experiment_exposure from the id of the flag's call
// that it copies (PostHog/posthog PR 76572).
var namespace = [16]byte{0x6b, 0x1f, 0x0f, 0x3e, 0x2d, 0x54, 0x4a, 0x7f, 0x9c, 0x2b, 0x51, 0xd0, 0xf2, 0xc8, 0xa9, 0xe4}

// id is the event's uuid, else the random id that browsers add, else what makes the event itself. A flag's call has the
// id that its copy would have, so that a receiver of both counts one.
func (d *decoder) id(i int, e *event, c *canonical.Event) string {
	if id, ok := parseUUID(e.uuid); ok {
		if e.name == "$feature_flag_called" {
			return copyOf(id)
		}
		return formatUUID(id)
	}
	if e.insertID != "" && len(e.insertID) <= canonical.MaxID && !strings.ContainsFunc(e.insertID, func(r rune) bool { return r < ' ' || r > '~' }) {
		return e.insertID
	}
	if c.Kind != canonical.Converted {
		return canonical.DeriveID("posthog", e.name, e.who(), e.at.text, e.offset.text, e.flag, e.response, e.alias, e.anonymous)
	}
	if !e.at.set && !e.offset.set {
		return "" // two equal purchases are two purchases
	}
	return canonical.DeriveID("posthog", e.name, e.who(), e.at.text, e.offset.text, e.value.text, e.revenue.text, strconv.Itoa(i))
}

func parseUUID(text string) (id [16]byte, ok bool) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(strings.ReplaceAll(text, "-", "")))
	return id, err == nil
}

func formatUUID(id [16]byte) string {
	h := hex.EncodeToString(id[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// copyOf is the version 5 UUID of a uuid's text in the namespace (RFC 9562, 5.5).
func copyOf(id [16]byte) string {
	h := sha1.New() //nolint:gosec // see the import
	_, _ = h.Write(namespace[:])
	_, _ = h.Write([]byte(formatUUID(id)))
	var out [16]byte
	copy(out[:], h.Sum(nil))
	out[6], out[8] = out[6]&0x0f|0x50, out[8]&0x3f|0x80
	return formatUUID(out)
}
