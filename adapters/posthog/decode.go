package posthog

import (
	"crypto/sha1" //nolint:gosec // a version 5 UUID is made with it
	"encoding/hex"
	"encoding/json"
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
	skew     int64 // milliseconds that the sender's clock is behind ours, where that is worth mending
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

// maxDrift is how far a sender's clock may be off before it is mended; less is the network's time.
const maxDrift = 60_000

// clock compares the sender's clock with ours: sent_at in the body, _ in the query (epoch milliseconds), or, in capture
// V1, a header (rust/capture/src/timestamp.rs).
func (d *decoder) clock() int64 {
	var sent canonical.Time
	var err error
	switch stamp, underscore := d.envelope.Header.Get(stampHeader), d.envelope.Query().Get("_"); {
	case stamp != "":
		sent, err = canonical.ParseTime(stamp)
	case d.req.sentAt != "":
		sent, err = canonical.ParseTime(d.req.sentAt)
	case underscore != "":
		sent, err = canonical.ParseMillis(underscore)
	default:
		return 0
	}
	drift := int64(d.envelope.ReceivedAt - sent)
	if err != nil || sent < canonical.MinTime || drift <= maxDrift && drift >= -maxDrift {
		return 0
	}
	return drift
}

// Reasons for which an item is not meant to count.
const (
	ignoredFlag       = "plain_flag"       // a flag's call that is no exposure
	ignoredHoldout    = "holdout"          // held out of experiments
	ignoredOverride   = "override"         // a developer's own value
	ignoredUnmarked   = "unmarked_flag"    // it is not said whether the flag has an experiment, and the source wants that
	ignoredOwn        = "posthog_event"    // $pageview, $set, $groupidentify and the like
	ignoredNoLink     = "identify_no_link" // an identify that joins nothing
	ignoredCookieless = "cookieless"       // one constant for all visitors
	ignoredText       = "message"          // a chat message of an action
)

// item gives one item its outcome.
func (d *decoder) item(i int, e *event) {
	switch {
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
		d.batch.Ignore(ignoredOwn)
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
	case strings.HasPrefix(e.response, "holdout-"):
		d.batch.Ignore(ignoredHoldout)
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
	case strings.HasPrefix(variant, "holdout-"):
		d.batch.Ignore(ignoredHoldout)
	default:
		d.expose(i, e, flag, variant)
	}
}

func (d *decoder) expose(i int, e *event, flag, variant string) {
	c := canonical.Event{
		Kind: canonical.Exposed, ExperimentID: flag, SourceExperiment: flag, Variant: variant, SourceVariant: variant, Attributes: d.attributes(e),
	}
	d.accept(i, e, c)
}

func (d *decoder) conversion(i int, e *event) {
	c := canonical.Event{Kind: canonical.Converted, ConversionEvent: e.name, Attributes: d.attributes(e)}
	value, name := e.named, d.o.value
	if !value.set {
		value, name = e.revenue, "revenue"
	}
	if !value.set {
		value, name = e.value, "value"
	}
	if value.set && strings.TrimSpace(value.text) != "" {
		n, err := canonical.ParseNumber(strings.TrimSpace(value.text))
		switch {
		case err == nil:
			c.Value = n
		case value == e.named && d.o.value != "":
			d.batch.Reject(i, fault("properties."+name, err.Error()))
			return
		}
	}
	if c.Value.Set && len(e.currency.text) == 3 {
		c.Currency = strings.ToUpper(e.currency.text)
	}
	if e.client() {
		c.Channel = canonical.Client
	} else if e.lib != "" {
		c.Channel = canonical.Server
	}
	d.accept(i, e, c)
}

// link joins an anonymous id to the user that the event is about.
func (d *decoder) link(i int, e *event, anonymous string) {
	who := e.who()
	if anonymous == "" || anonymous == who || who == "" {
		d.batch.Ignore(ignoredNoLink)
		return
	}
	d.accept(i, e, canonical.Event{Kind: canonical.Linked, UserID: who, AnonymousID: anonymous})
}

// alias joins two ids on purpose. PostHog has one space of ids: the second one may be a visitor's or a user's, so both
// are joined. In a browser that has not identified its visitor, the alias is the user and the visitor is the other.
func (d *decoder) alias(i int, e *event) {
	who := e.who()
	if e.alias == "" || who == "" || e.alias == who {
		d.batch.Reject(i, fault("properties.alias", "must be an id other than distinct_id"))
		return
	}
	c := canonical.Event{Kind: canonical.Linked, UserID: who, AnonymousID: e.alias, PreviousUserID: e.alias}
	if e.name == "$create_alias" && e.client() && e.identified != yes {
		c = canonical.Event{Kind: canonical.Linked, UserID: e.alias, AnonymousID: who}
	}
	d.accept(i, e, c)
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

// subject writes the person. Browsers say whether the visitor has been identified, older ones by a user id; what a
// server calls a distinct id is a user's.
func (e *event) subject(c *canonical.Event) {
	who := e.who()
	anonymous := e.identified == no || e.identified == unsaid && e.client() && e.userID == ""
	if !e.client() && e.identified == unsaid && e.person == no && isRandom(who) {
		anonymous = true // a capture without a person: posthog-node draws an id
	}
	if anonymous {
		c.AnonymousID = who
	} else {
		c.UserID = who
	}
}

// isRandom reports a version 7 UUID.
func isRandom(id string) bool { return len(id) == 36 && id[14] == '7' && id[8] == '-' && id[13] == '-' }

// attributes keeps the user agent, by which bots are known: the event's own, else that of the browser that sends it.
func (d *decoder) attributes(e *event) []byte {
	agent := e.agent
	if agent == "" && e.client() && !e.group {
		agent = d.envelope.Header.Get("User-Agent")
	}
	if agent == "" {
		return nil
	}
	quoted, err := json.Marshal(agent)
	if err != nil {
		return nil // a string is always JSON
	}
	return append(append([]byte(`{"user_agent":`), quoted...), '}')
}

func fault(field, detail string) error { return &canonical.FieldError{Field: field, Detail: detail} }

// accept completes an event by what all events have, and hands it to the batch with the fields in the vendor's words.
func (d *decoder) accept(i int, e *event, c canonical.Event) {
	if c.Kind != canonical.Linked {
		e.subject(&c)
	}
	d.time(e, &c)
	c.ID = d.id(i, e, &c)
	d.batch.Accept(d.source, d.envelope, i, c)
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

// time is the event's own time (rust/capture/src/timestamp.rs): its timestamp, corrected by the sender's clock; or its
// offset before it was sent; or, of what has neither, the time of arrival. What was added to the sender's own time is
// noted, so that the same event arriving again is the same event.
func (d *decoder) time(e *event, c *canonical.Event) {
	arrival := d.envelope.ReceivedAt
	if n, err := strconv.ParseInt(e.offset, 10, 64); err == nil && n >= 0 && n <= longest {
		c.At = arrival - canonical.Time(n)
		if sent, err := canonical.ParseMillis(d.envelope.Query().Get("_")); err == nil && sent > canonical.MinTime+longest {
			c.ClockOffset = d.skew
			c.At = sent - canonical.Time(n) + canonical.Time(d.skew)
			return
		}
		c.ClockOffset = int64(c.At) - 1 // the sender names no time at all
		return
	}
	at, err := canonical.ParseTime(e.at)
	if e.at == "" || err != nil {
		c.At, c.ClockOffset = arrival, int64(arrival)-1
		return
	}
	if c.At = at; d.skew != 0 && !e.noSkew && min(at, at+canonical.Time(d.skew)) >= canonical.MinTime { // no clock is off by decades
		c.At += canonical.Time(d.skew)
		c.ClockOffset = d.skew
	}
	if c.At > arrival+future {
		c.ClockOffset += int64(arrival - c.At)
		c.At = arrival
	}
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
		return canonical.DeriveID("posthog", e.name, e.who(), e.at, e.offset, e.flag, e.response, e.alias, e.anonymous)
	}
	if e.at == "" && e.offset == "" {
		return "" // two equal purchases are two purchases
	}
	return canonical.DeriveID("posthog", e.name, e.who(), e.at, e.offset, e.value.text, e.revenue.text, strconv.Itoa(i))
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
