package posthog

import (
	"crypto/sha1" //nolint:gosec // a version 5 UUID is made with it
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
)

// decoder is one request being decoded.
type decoder struct {
	source   adapters.Source
	envelope adapters.Envelope
	o        options
	req      request
	skew     int64 // milliseconds to add to the sender's times
	batch    adapters.Batch
}

func decode(s adapters.Source, e adapters.Envelope) (adapters.Batch, error) {
	o, err := readOptions(s.Options)
	if err != nil {
		return adapters.Batch{}, adapters.Unreadable("options of source %s: %v", s.Name, err)
	}
	req, err := requestOf(e, &o)
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

// clock compares the sender's clock with ours: sent_at in the body, _ in the query, or, in capture V1, a header
// (rust/capture/src/timestamp.rs). A time of sending that cannot be read corrects nothing.
func (d *decoder) clock() int64 {
	text := d.envelope.Header.Get(stampHeader)
	if text == "" {
		text = d.req.sentAt.text
	}
	if text == "" {
		text = d.envelope.Query().Get("_")
	}
	sent, err := adapters.ParseTime(text)
	if err != nil || sent < canonical.MinTime {
		return 0
	}
	return canonical.ClockOffset(sent, d.envelope.ReceivedAt)
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
		d.batch.Reject(i, fault("", e.broken.Error()))
	case !e.object:
		d.batch.Reject(i, fault("", "an event must be an object"))
	case e.name == "" && !d.req.batch && !e.group && e.distinct == "" && d.req.token == "":
		d.batch.Ignore(ignoredText)
	case e.name == "" && d.envelope.Path == "/engage":
		d.link(i, e, e.anonymous)
	case e.name == "":
		d.batch.Reject(i, fault("event", "is required"))
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
	case !e.responds || e.response == "" || e.response == "true" || e.response == "false" || e.experiment == no:
		d.batch.Ignore(ignoredFlag)
	case e.overridden:
		d.batch.Ignore(ignoredOverride)
	case e.experiment == unsaid && d.o.marked:
		d.batch.Ignore(ignoredUnmarked)
	case e.flag == "":
		d.batch.Reject(i, fault("$feature_flag", "is required"))
	default:
		d.expose(i, e, e.flag, e.response)
	}
}

// custom is an exposure event of the customer's own.
func (d *decoder) custom(i int, e *event) {
	flag := d.o.exposures[e.name]
	switch variant := e.stamps[flag]; {
	case variant == "" || variant == "true" || variant == "false":
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
		return canonical.Number{}, fault("properties."+d.o.value, err.Error())
	}
	return n, nil
}

// link joins an anonymous id to the user that the event is about.
func (d *decoder) link(i int, e *event, anonymous string) {
	who := e.who()
	if anonymous == "" && e.sameID() || anonymous == who && who != "" && e.client() {
		d.itself(i, e)
		return
	}
	if anonymous == "" || anonymous == who || who == "" {
		d.batch.Ignore(ignoredNoLink)
		return
	}
	d.accept(i, e, canonical.Event{Kind: canonical.Linked, UserID: who, AnonymousID: anonymous})
}

// itself joins what a visitor did under an id to the user of the same id: PostHog has one space of ids, and a program may
// identify a visitor by the id that the visitor has already.
func (d *decoder) itself(i int, e *event) {
	d.accept(i, e, canonical.Event{Kind: canonical.Linked, UserID: e.who(), AnonymousID: e.who()})
}

// sameID reports an event of an identified visitor's SDK that does not say under which id the visitor was before.
func (e *event) sameID() bool {
	return e.client() && e.identified == yes && e.device == "" && e.who() != ""
}

// alias merges the id alias into the person of the distinct id. PostHog refuses $create_alias if alias was identified
// before, and so does the fold, which is why previous_user_id stays empty; $merge_dangerously merges always. In a browser
// that has not identified its visitor, alias is the user and the visitor is the other. Elsewhere the distinct id may be a
// visitor's too, so that what was done under it as a visitor is joined as well.
func (d *decoder) alias(i int, e *event) {
	who := e.who()
	if e.alias == "" || who == "" || e.alias == who {
		d.batch.Reject(i, fault("properties.alias", "must be an id other than distinct_id"))
		return
	}
	c := canonical.Event{Kind: canonical.Linked, UserID: who, AnonymousID: e.alias}
	switch {
	case e.name == "$merge_dangerously":
		c.PreviousUserID = e.alias
	case e.client() && (e.identified != yes || e.device == who):
		c.UserID, c.AnonymousID = e.alias, who
		d.accept(i, e, c)
		return
	}
	d.accept(i, e, c, canonical.Event{Kind: canonical.Linked, UserID: who, AnonymousID: who})
}

// who is the distinct id.
func (e *event) who() string {
	if e.distinct != "" {
		return e.distinct
	}
	return e.distinctIn
}

// client reports whether the event is from a program in the hands of its user.
func (e *event) client() bool {
	switch e.lib {
	case "web", "js", "posthog-js", "posthog-js-lite", "posthog-ios", "posthog-android", "posthog-react-native", "posthog-flutter":
		return true
	}
	return false
}

// standing is what an event says about its distinct id.
type standing uint8

const (
	untold  standing = iota // a server's, or an app's of before $is_identified: a user's or a visitor's
	visitor                 // not identified yet
	user                    // identified
)

// standing says whose id the distinct id is. PostHog has one space of ids, so a visitor may have been identified by the
// id that it had already: then the id is the device's as well and names both. Browsers of before $is_identified have
// $user_id once they have identified their visitor.
func (e *event) standing() standing {
	switch {
	case e.identified == yes || e.identified == unsaid && e.client() && e.userID != "":
		if e.device == e.who() {
			return untold
		}
		return user
	case e.identified == no || e.browser() || e.client() && e.person == no:
		return visitor
	}
	return untold
}

// subject writes the person.
func (e *event) subject(c *canonical.Event) {
	switch e.standing() {
	case visitor:
		c.AnonymousID = e.who()
	case user:
		c.UserID = e.who()
	default:
		c.UserID, c.AmbiguousID = e.who(), true
	}
}

// browser reports posthog-js.
func (e *event) browser() bool { return e.lib == "web" || e.lib == "js" || e.lib == "posthog-js" }

func fault(field, detail string) error { return &canonical.FieldError{Field: field, Detail: detail} }

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
	last := len(d.batch.Rejected) - 1
	if last < 0 || d.batch.Rejected[last].Index != i {
		return
	}
	field := &d.batch.Rejected[last].Field
	switch *field {
	case "user_id", "anonymous_id":
		*field = "distinct_id"
		if c.Kind == canonical.Linked && c.UserID == e.who() {
			*field = "properties.$anon_distinct_id"
		}
	case "previous_user_id":
		*field = "properties.alias"
	case "experiment_id", "source_experiment":
		*field = "$feature_flag"
	case "variant", "source_variant":
		*field = "$feature_flag_response"
	case "conversion_event":
		*field = "event"
	case "exposed_at", "converted_at", "linked_at":
		*field = "timestamp"
	}
}

// future is how far ahead a time may lie before it is taken for the time of arrival.
const future = 23 * 60 * 60 * 1000

// longest is how long an event may have waited in a browser, in milliseconds: a year.
const longest = 366 * 86_400_000

// time is the event's own time (rust/capture/src/timestamp.rs): its offset before it was sent, else its timestamp, else
// $time, the latter two corrected by the sender's clock; or, of what has none, the time of arrival. What was added to the
// sender's own time is noted, so that the same event arriving again is the same event. A time that cannot be read is a
// fault.
func (d *decoder) time(e *event, c *canonical.Event) error {
	if e.offset.set {
		return d.offset(e, c)
	}
	stamp, field, arrival := e.at, "timestamp", d.envelope.ReceivedAt
	if !stamp.set {
		stamp, field = e.clock, "properties.$time"
	}
	if !stamp.set {
		c.At, c.ClockOffset = arrival, int64(arrival)-1
		return nil
	}
	at, err := stamp.time()
	if err != nil {
		return fault(field, err.Error())
	}
	if c.At = at; d.skew != 0 && !e.noSkew && min(at, at+canonical.Time(d.skew)) >= canonical.MinTime { // no clock is off by decades
		c.At += canonical.Time(d.skew)
		c.ClockOffset = d.skew
	}
	if c.At > arrival+future {
		c.ClockOffset += int64(arrival - c.At)
		c.At = arrival
	}
	return nil
}

// time reads a moment: a text in any form that vendors write, or a number in Unix time.
func (m moment) time() (canonical.Time, error) {
	if m.number {
		return adapters.ParseUnix(m.text)
	}
	return adapters.ParseTime(m.text)
}

// offset is the time of an event that names the milliseconds before it was sent.
func (d *decoder) offset(e *event, c *canonical.Event) error {
	f, err := strconv.ParseFloat(e.offset.text, 64)
	if err != nil || !(f >= -longest && f <= longest) {
		return fault("offset", "must be a number of milliseconds, a year at most")
	}
	n := canonical.Time(f)
	c.At = d.envelope.ReceivedAt - n
	if sent, err := adapters.ParseTime(d.envelope.Query().Get("_")); err == nil && sent > canonical.MinTime+longest {
		c.ClockOffset = d.skew
		c.At = sent - n + canonical.Time(d.skew)
		return nil
	}
	c.ClockOffset = int64(c.At) - 1 // the sender names no time at all
	return nil
}

// namespace is that in which PostHog's ingestion makes the id of an $experiment_exposure from the id of the flag's call
// that it copies (PostHog/posthog PR 76572).
var namespace = [16]byte{0x6b, 0x1f, 0x0f, 0x3e, 0x2d, 0x54, 0x4a, 0x7f, 0x9c, 0x2b, 0x51, 0xd0, 0xf2, 0xc8, 0xa9, 0xe4}

// id is the event's uuid, else the random id that browsers add, else what makes the event itself. A flag's call has the
// id that its copy would have, so that whoever receives both counts one.
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
