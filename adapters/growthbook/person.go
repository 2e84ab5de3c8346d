package growthbook

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
)

// known is the ids that an event carries beside its hash: user_id, and device_id as the plugins make it, the first of
// device_id, anonymous_id and id that is not empty. So device_id may be the user's own id.
func (d *decoder) known() (user, device string) {
	w := &d.w
	user = first(w.user, w.attrs.user)
	device = first(w.device, w.anonymous, w.attrs.device, w.attrs.anonymous, w.attrs.id)
	for _, p := range w.attrs.declared {
		switch {
		case p.unit == userUnit && user == "":
			user = p.id
		case p.unit == anonymousUnit && device == "":
			device = p.id
		}
	}
	return user, device
}

func first(among ...scalar) string {
	for _, s := range among {
		if s.given == right && s.s != "" {
			return s.s
		}
	}
	return ""
}

// subject writes into an exposure who was assigned: the value of the hash attribute. What kind of id that is, the
// attribute's name says; id, which may be anybody's, is the user's where it equals user_id or nothing else is known, and
// else anonymous. Events without a hash, of other trackers and of PHP, are about whom they name.
func (d *decoder) subject(a assignment, e *canonical.Event) error {
	attribute, value := a.hashAttribute.s, a.hashValue
	if value.given == wrong {
		return fault("hashValue", "must be a string or a number")
	}
	if value.given == absent && (attribute == "" || attribute == "id") {
		value = d.w.attrs.id
	}
	if value.given != right || value.s == "" {
		if err := d.ids(e); err != nil {
			return fault("hashValue", "is required, or user_id, or device_id")
		}
		return nil
	}
	switch d.o.unitOf(attribute) {
	case userUnit:
		e.UserID = value.s
		return nil
	case anonymousUnit:
		e.AnonymousID = value.s
		return nil
	}
	if attribute != "" && attribute != "id" {
		e.UserID = attribute + ":" + value.s // acme of company is not the user acme
		return nil
	}
	user, device := d.known()
	if value.s == user || user == "" && device == "" {
		e.UserID = value.s
	} else {
		e.AnonymousID = value.s
	}
	return nil
}

// ids writes into an event all ids that it carries. Where device_id is missing or the user's own, deviceId of the
// attributes stands for it: an experiment that is hashed by it finds it there alone.
func (d *decoder) ids(e *canonical.Event) error {
	user, device := d.known()
	if device == user {
		device = ""
	}
	if device == "" {
		device = first(d.w.attrs.own)
	}
	if user == "" && device == "" {
		return fault("user_id", "is required, or device_id")
	}
	if e.UserID = user; user == "" || user != device && d.isID(device) {
		e.AnonymousID = device
	}
	return nil
}

// pairs reports whether user_id and device_id of the item are reported as a link by themselves. Of a callback's
// attributes only those that the option units declares are.
func (d *decoder) pairs() bool { return !d.w.callback }

func (d *decoder) isID(id string) bool { return usableID(id) && !d.source.Rules.IsNonID(id) }

// usableID reports whether a text can be an id of ours.
func usableID(s string) bool {
	control := func(c rune) bool { return c < ' ' || c >= 0x7f && c <= 0x9f }
	return s != "" && len(s) <= canonical.MaxID && utf8.ValidString(s) && strings.IndexFunc(s, control) < 0
}

// linked are the links that an item tells of and no item before it in the request did. There is no call for it: that one
// event has a user_id and another device_id is all the evidence there is.
func (d *decoder) linked() []canonical.Event {
	user, device := d.known()
	if user == "" {
		return nil
	}
	var events []canonical.Event
	if d.pairs() {
		events = d.link(events, user, device)
	}
	for _, p := range d.w.attrs.declared {
		if p.unit == anonymousUnit {
			events = d.link(events, user, p.id)
		}
	}
	return events
}

func (d *decoder) link(events []canonical.Event, user, device string) []canonical.Event {
	if device == "" || device == user || !d.isID(user) || !d.isID(device) {
		return events
	}
	if _, again := d.links[[2]string{user, device}]; again {
		return events
	}
	for _, e := range events {
		if e.AnonymousID == device {
			return events
		}
	}
	e := canonical.Event{Kind: canonical.Linked, UserID: user, AnonymousID: device}
	if d.when(&e) != nil || e.At < canonical.MinTime || e.At > d.envelope.ReceivedAt.Add(canonical.MaxAhead) {
		return events
	}
	e.ID, e.IDOrigin = d.derive(&e, ""), canonical.FromContent
	return append(events, e)
}

// noted remembers the links among accepted events.
func (d *decoder) noted(events []canonical.Event) {
	for i := range events {
		if e := &events[i]; e.Kind == canonical.Linked {
			if d.links == nil {
				d.links = map[[2]string]struct{}{}
			}
			d.links[[2]string{e.UserID, e.AnonymousID}] = struct{}{}
		}
	}
}

// moment reads Unix milliseconds or RFC 3339.
func moment(s scalar) (canonical.Time, error) {
	switch {
	case s.given != right:
		return 0, fault("timestamp", "must be RFC 3339 or Unix milliseconds")
	case s.number:
		return canonical.ParseMillis(s.s)
	}
	return canonical.ParseTime(s.s)
}

// when writes into an event when it happened. The plugins do not say: it is now, and the clock that is off by all but
// the day is nobody's. The old Go plugin and Segment do say; the ingestion API says it by a clock that may be wrong, and
// sends that clock's time along, without which the vendor takes the time of arrival as well.
func (d *decoder) when(e *canonical.Event) error {
	now, w := d.envelope.ReceivedAt, &d.w
	own := w.old || w.kind.given == right
	if w.time.given == absent || !own && d.sentAt == 0 {
		e.At, e.ClockOffset = now, int64(now-dayOf(now))
		return nil
	}
	at, err := moment(w.time)
	if err != nil {
		return fault("timestamp", "must be RFC 3339 or Unix milliseconds")
	}
	if e.At = at; !own {
		e.ClockOffset = int64(now - d.sentAt)
		e.At = at + now - d.sentAt
	}
	return nil
}

func (d *decoder) messageID() string {
	if w := &d.w; w.message.given == right && usableID(w.message.s) {
		return w.message.s
	}
	return ""
}

// channel is where a custom event was seen, as far as it can be told: the JavaScript SDK runs on both sides.
func (d *decoder) channel() canonical.Channel {
	switch d.w.language.s {
	case "js", "react":
		if d.agent != nil {
			return canonical.Client
		}
	case "go", "php", "python", "ruby", "java", "csharp", "elixir", "rust":
		return canonical.Server
	}
	return ""
}

// browserOf is the user agent of a request as a JSON string, where a browser or a robot that poses as one sends.
func browserOf(e adapters.Envelope) []byte {
	agent := e.Header.Get(userAgentHeader)
	if !strings.HasPrefix(agent, "Mozilla/") && !strings.Contains(strings.ToLower(agent), "bot") {
		return nil
	}
	return quoted(agent)
}

const maxAgent = 512

func quoted(s string) []byte {
	s = s[:min(len(s), maxAgent)]
	raw, err := json.Marshal(strings.ToValidUTF8(s, "\uFFFD"))
	if err != nil {
		return nil
	}
	return raw
}

// attributes are what an analyst may cut by: the user agent, which tells robots, and what the source asks for. Nothing
// else of a user's attributes is kept: they may be private.
func (d *decoder) attributes(passthrough bool) json.RawMessage {
	a := &d.w.attrs
	agent := d.agent
	if a.agent.given == right && a.agent.s != "" {
		agent = quoted(a.agent.s)
	}
	if agent == nil && !passthrough && len(a.kept) == 0 {
		return nil
	}
	out := make([]byte, 1, 48+len(agent)+len(a.kept))
	out[0] = '{'
	if agent != nil {
		out = append(append(out, `"user_agent":`...), agent...)
	}
	if passthrough {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, `"passthrough":true`...)
	}
	if kept := a.kept; len(kept) > 0 {
		if len(out) == 1 {
			kept = kept[1:]
		}
		out = append(out, kept...)
	}
	return append(out, '}')
}
