package statsig

import (
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
)

// clientTime is when the request was sent, by the sender's clock.
func clientTime(e adapters.Envelope) canonical.Time {
	at, err := strconv.ParseInt(strings.TrimSpace(e.Header.Get(clientTimeHeader)), 10, 64)
	if err != nil || canonical.Time(at) < canonical.MinTime || canonical.Time(at) > e.ReceivedAt.Add(canonical.MaxAhead) {
		return 0
	}
	return canonical.Time(at)
}

// isPage reports whether a client SDK sent the request: those name the key in the query (WEB NetworkConfig.js).
func isPage(e adapters.Envelope) bool {
	for part := range strings.SplitSeq(e.RawQuery, "&") {
		if strings.HasPrefix(part, "k=") || strings.HasPrefix(part, "st=") {
			return true
		}
	}
	return false
}

// browser is the user agent of a page; browsers' agents all begin alike. That of an app's or a server's HTTP client says
// nothing about its users.
func browser(e adapters.Envelope) string {
	if agent := e.Header.Get(userAgentHeader); field.IsBrowser(agent) {
		return agent
	}
	return ""
}

// stamp writes when an event happened. The time of arrival, where there is no other, is noted as no time of the sender's,
// so that the same event arriving again is the same event. Clocks are not corrected: GO keeps the time of the first try in
// the header of all, up to twenty minutes later (transport.go), so it does not tell a clock that is off from a retry.
func (d *decoder) stamp(e *canonical.Event, at canonical.Time, own bool) {
	e.At = at
	if !own && d.sent == 0 {
		e.ClockOffset = int64(at) - 1
	}
}

// at is the event's own time: Unix milliseconds as a number or as text, or ISO text (DOCS http-api/httpopenapi.json).
// Zero, as GO LogImmediate writes it, is no time; own is false then, and it is when the request was sent, or arrived.
func (d *decoder) at(w *wire) (at canonical.Time, own bool, err error) {
	switch v := w.time; v.First {
	case 0:
	case '0':
		if at, err = canonical.ParseMillis(v.S); err != nil {
			return 0, true, field.Fault("time", "must be Unix milliseconds")
		}
	case '"':
		if v.S == "" {
			break
		}
		if at, err = canonical.ParseMillis(v.S); err != nil {
			if at, err = adapters.ParseTime(v.S); err != nil {
				return 0, true, field.Fault("time", err.Error())
			}
		}
	default:
		return 0, true, field.Fault("time", "must be Unix milliseconds or RFC 3339")
	}
	switch {
	case at != 0:
		return at, true, nil
	case d.sent != 0:
		return d.sent, false, nil
	}
	return d.envelope.ReceivedAt, false, nil
}

// who writes into an event whom it is about. The stable id of the user comes before the batch's, which is the browser's. A
// placeholder does not hide an id that comes after it.
func (d *decoder) who(w *wire, e *canonical.Event) *person {
	p := &w.who
	if !p.given && d.shared.given {
		p = &d.shared
	}
	e.UserID = d.firstID(p.userID.S, w.userID.S)
	e.AnonymousID = d.firstID(p.of("stableID"), w.stableID.S, d.stable.S)
	e.DropPlaceholders(d.source.Rules)
	e.Groups = p.groups()
	return p
}

// firstID is the first id that stands for a person, else the first that is there, which the contract then refuses.
func (d *decoder) firstID(ids ...string) (first string) {
	for _, id := range ids {
		switch {
		case id == "":
		case !d.source.Rules.IsNonID(id):
			return id
		case first == "":
			first = id
		}
	}
	return first
}

// noGroups are custom ids of people and devices, in lower case and without "id" at the end.
var noGroups = map[string]bool{
	"user": true, "stable": true, "device": true, "session": true, "visitor": true, "anonymous": true, "client": true, "browser": true, "request": true,
}

// groups are the custom ids of what a user belongs to, such as companyID: the group company.
func (p *person) groups() (found []canonical.Group) {
	for _, id := range p.ids {
		kind := groupKind(string(p.names[id.from:id.to]))
		if id.value.S != "" && !noGroups[strings.ToLower(kind)] && field.IsLabel(kind) && field.IsLabel(id.value.S) {
			found = append(found, canonical.Group{Kind: kind, ID: id.value.S})
		}
	}
	found = canonical.SortGroups(found)
	return found[:min(len(found), canonical.MaxGroups)]
}

// groupKind is the name of a custom id without its end: companyID and company_id are company, as other vendors call it.
func groupKind(name string) string {
	for _, end := range [...]string{"_id", "ID", "Id"} {
		if kind, ok := strings.CutSuffix(name, end); ok && kind != "" {
			return kind
		}
	}
	return name
}

// userAgent is whose hands the event came from, for the filter of bots.
func (d *decoder) userAgent(p *person) string {
	if p.userAgent.First == '"' && p.userAgent.S != "" {
		return p.userAgent.S
	}
	return d.agent
}

// qualified is how the id of a unit that is neither user nor stable id stands among canonical ids: behind its kind, so
// that a company 42 is never the user 42.
func qualified(unit, id string) string { return unit + ":" + id }

// keep adds the attributes of the user and of the batch that are kept.
func (d *decoder) keep(a *adapters.Attributes, p *person) {
	for _, one := range [...]*person{p, &d.device} {
		for _, k := range one.kept {
			a.Raw(k.name, k.raw)
		}
	}
}
