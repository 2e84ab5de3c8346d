package growthbook

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
)

// who is the ids that an event carries beside its hash.
type who struct {
	user   string
	device string
	sure   bool // device is a visitor's; else it may be a copy of the attribute id, which may be a user's
}

// known reads the ids of an item: user_id, and device_id as the plugins make it, the first of device_id, anonymous_id and
// id that is not empty. So device_id may be a copy of id, and id may be of either: the option units says whose it is, and else
// it is a user's if it equals user_id. Placeholders count as missing.
func (d *decoder) known() who {
	w := &d.w
	k := who{user: d.first(w.user, w.attrs.user)}
	for _, p := range w.attrs.declared {
		if p.unit == userUnit && k.user == "" && d.isID(p.id) {
			k.user = p.id
		}
	}
	id, unit := d.plainID(), d.o.units["id"]
	if unit == userUnit && k.user == "" {
		k.user = id
	}
	given := d.first(w.anonymous, w.attrs.device, w.attrs.anonymous)
	switch device := d.first(w.device); {
	case device != "" && (id != "" && id != device || device == given):
		k.device, k.sure = device, true
	case device != "" && unit == userUnit && k.user == "" && given == "":
		k.user = device
	case device != "":
		k.device, k.sure = device, unit == anonymousUnit
	case given != "":
		k.device, k.sure = given, true
	default:
		k.device, k.sure = id, unit == anonymousUnit
	}
	for _, p := range w.attrs.declared {
		if p.unit == anonymousUnit && k.device == "" && d.isID(p.id) {
			k.device, k.sure = p.id, true
		}
	}
	return k
}

// plainID is the attribute id of the user, "" if the item does not show it.
func (d *decoder) plainID() string {
	w := &d.w
	if id := d.first(w.attrs.id); id != "" {
		return id
	}
	switch {
	case w.result.given == field.Right && isPlain(w.result.hashAttribute):
		return d.first(w.result.hashValue)
	case isPlain(w.props.hashAttribute):
		return d.first(w.props.hashValue)
	}
	return ""
}

// isPlain reports the hash attribute id, which is meant if none is named.
func isPlain(attribute scalar) bool { return attribute.s == "" || attribute.s == "id" }

// first is the first of the texts that is an id.
func (d *decoder) first(among ...scalar) string {
	for i := range among {
		if among[i].given == field.Right && d.isID(among[i].s) {
			return among[i].s
		}
	}
	return ""
}

// subject writes into an exposure who was assigned: the value of the hash attribute. What kind of id that is, the
// attribute's name says, or the option units. Events without a hash, of other trackers and of PHP, are about the person
// that they name.
func (d *decoder) subject(a assignment, e *canonical.Event) error {
	attribute, value := a.hashAttribute.s, a.hashValue
	if value.given == field.Wrong {
		return field.Fault("hashValue", "must be a string or a number")
	}
	if value.given == field.Absent && (attribute == "" || attribute == "id") {
		value = d.w.attrs.id
	}
	if value.given != field.Right || value.s == "" {
		if err := d.ids(e); err != nil {
			return field.Fault("hashValue", "is required, or user_id, or device_id")
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
		d.group(e, attribute, value.s)
		return nil
	}
	switch k := d.known(); k.user {
	case "":
		e.UserID, e.AmbiguousID = value.s, true
	case value.s:
		e.UserID = value.s
	default:
		e.AnonymousID = value.s
	}
	return nil
}

// group adds a group that the person belongs to, if it can be one of ours.
func (d *decoder) group(e *canonical.Event, kind, id string) {
	if field.IsLabel(kind) && d.isID(id) {
		e.Groups = append(e.Groups, canonical.Group{Kind: kind, ID: id})
	}
}

// groups adds the groups among the attributes of the user, and puts all of the event in order.
func (d *decoder) groups(e *canonical.Event) {
	for _, p := range d.w.attrs.declared {
		if p.unit == groupUnit {
			d.group(e, p.attribute, p.id)
		}
	}
	e.Groups = canonical.SortGroups(e.Groups)
	e.Groups = e.Groups[:min(len(e.Groups), canonical.MaxGroups)]
}

// ids writes into an event all ids that it carries. If device_id is missing or the user's own, deviceId of the attributes
// stands for it: an experiment that is hashed by it finds it there alone.
func (d *decoder) ids(e *canonical.Event) error {
	k := d.known()
	if k.device == k.user {
		k.device = ""
	}
	if k.device == "" {
		k.device, k.sure = d.first(d.w.attrs.own), true
	}
	switch {
	case k.user == "" && k.device == "":
		return d.missing()
	case k.user == "" && !k.sure:
		e.UserID, e.AmbiguousID = k.device, true
	default:
		e.UserID = k.user
		if k.device != k.user {
			e.AnonymousID = k.device
		}
	}
	return nil
}

// missing says what is wrong with the ids of an item that has none.
func (d *decoder) missing() error {
	w := &d.w
	for _, s := range []scalar{w.user, w.attrs.user, w.device, w.anonymous, w.attrs.device, w.attrs.anonymous, w.attrs.id, w.attrs.own} {
		if s.given == field.Right && s.s != "" {
			return field.Fault("user_id", "is required, or device_id: "+strconv.Quote(s.s[:min(len(s.s), 40)])+" is no id of a person")
		}
	}
	return field.Fault("user_id", "is required, or device_id")
}

func (d *decoder) isID(id string) bool { return field.IsLabel(id) && !d.source.Rules.IsNonID(id) }

// linked are the links that an item tells of and no item before it in the request did. There is no call for it: that one
// event has a user_id and another device_id is all the evidence there is. Of a callback's user it is id beside user_id, and
// the attributes that the option units declares.
func (d *decoder) linked() []canonical.Event {
	k := d.known()
	if k.user == "" {
		return nil
	}
	var events []canonical.Event
	if !d.w.callback {
		events = d.link(events, k.user, k.device)
	}
	if d.o.units["id"] != userUnit {
		events = d.link(events, k.user, d.plainID())
	}
	for _, p := range d.w.attrs.declared {
		if p.unit == anonymousUnit {
			events = d.link(events, k.user, p.id)
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

// moment reads a time in any form that vendors write, or Unix time as a number.
func moment(s scalar) (canonical.Time, error) {
	switch {
	case s.given != field.Right:
		return 0, field.Fault("timestamp", "must be a time as text or a number")
	case s.number:
		return adapters.ParseUnix(s.s)
	}
	if at, err := canonical.ParseTime(s.s); err == nil { // nearly always
		return at, nil
	}
	return adapters.ParseTime(s.s)
}

// when writes into an event when it happened. The plugins do not say: it is now, and the clock that is off by all but
// the day is no sender's. The old Go plugin and Segment do say; the ingestion API says it by a clock that may be wrong, and
// sends that clock's time along, without which the vendor takes the time of arrival as well.
func (d *decoder) when(e *canonical.Event) error {
	now, w := d.envelope.ReceivedAt, &d.w
	own := w.old || w.kind.given == field.Right
	if w.time.given == field.Absent || w.time.given == field.Right && w.time.s == "" || !own && !d.sent {
		e.At, e.ClockOffset = now, int64(now-dayOf(now))
		return nil
	}
	at, err := moment(w.time)
	if err != nil {
		return field.Fault("timestamp", err.Error())
	}
	e.At, e.ClockOffset = at+canonical.Time(d.skew), d.skew
	return nil
}

func (d *decoder) messageID() string {
	if w := &d.w; w.message.given == field.Right && field.IsLabel(w.message.s) {
		return w.message.s
	}
	return ""
}

// channel is where a custom event was seen, as far as the event shows it: the JavaScript SDK runs on both sides.
func (d *decoder) channel() canonical.Channel {
	switch d.w.language.s {
	case "js", "react":
		if d.agent != "" {
			return canonical.Client
		}
	case "go", "php", "python", "ruby", "java", "csharp", "elixir", "rust":
		return canonical.Server
	}
	return ""
}

// browserOf is the user agent of a request that a browser, or a robot that poses as one, sends.
func browserOf(e adapters.Envelope) string {
	agent := e.Header.Get(userAgentHeader)
	if !field.IsBrowser(agent) && !strings.Contains(strings.ToLower(agent), "bot") {
		return ""
	}
	return agent
}

// attributes are what an analyst may cut by: the user agent, which shows robots, a small set that identifies no person,
// and what the source asks for. The rest of a user's attributes may be private and is not kept.
func (d *decoder) attributes(passthrough bool) json.RawMessage {
	w := &d.w
	out := adapters.Attributes{}
	if w.attrs.agent.given == field.Right {
		out.Text("user_agent", w.attrs.agent.s)
	}
	out.Text("user_agent", d.agent)
	if passthrough {
		out.Raw("passthrough", []byte("true"))
	}
	out.Add(&w.attrs.asked)
	out.Add(&w.attrs.kept)
	out.Add(&w.kept)
	return out.JSON()
}

// kept is the name here of an attribute that is kept with an event by default, "" for all others. The names are those that
// GrowthBook's own plugins and guides use (sdk-js plugins/auto-attributes.ts).
func kept(attribute []byte) string {
	switch string(attribute) {
	case "country":
		return "country"
	case "region":
		return "region"
	case "platform":
		return "platform"
	case "os":
		return "os"
	case "browser":
		return "browser"
	case "plan":
		return "plan"
	case "language", "locale":
		return "language"
	case "deviceType", "device_type":
		return "device_type"
	case "appVersion", "app_version":
		return "app_version"
	case "utmSource", "utm_source":
		return "utm_source"
	case "utmMedium", "utm_medium":
		return "utm_medium"
	case "utmCampaign", "utm_campaign":
		return "utm_campaign"
	case "utmTerm", "utm_term":
		return "utm_term"
	case "utmContent", "utm_content":
		return "utm_content"
	}
	return ""
}
