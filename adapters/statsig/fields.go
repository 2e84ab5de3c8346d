package statsig

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/adapters"
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
	if agent := e.Header.Get(userAgentHeader); strings.HasPrefix(agent, "Mozilla/") {
		return agent
	}
	return ""
}

// stamp writes when an event happened. The time of arrival, where there is no other, is noted as no time of the sender's,
// so that the same event arriving again is the same event. Clocks are not mended: GO keeps the time of the first try in
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
	switch v := w.time; v.first {
	case 0:
	case '0':
		if at, err = canonical.ParseMillis(v.s); err != nil {
			return 0, true, fault("time", "must be Unix milliseconds")
		}
	case '"':
		if v.s == "" {
			break
		}
		if at, err = canonical.ParseMillis(v.s); err != nil {
			if at, err = canonical.ParseTime(v.s); err != nil {
				return 0, true, fault("time", "must be Unix milliseconds or RFC 3339")
			}
		}
	default:
		return 0, true, fault("time", "must be Unix milliseconds or RFC 3339")
	}
	switch {
	case at != 0:
		return at, true, nil
	case d.sent != 0:
		return d.sent, false, nil
	}
	return d.envelope.ReceivedAt, false, nil
}

// who writes into an event whom it is about. The stable id of the user comes before the batch's, which is the browser's.
func (d *decoder) who(w *wire, e *canonical.Event) *person {
	p := &w.who
	if !p.given && d.shared.given {
		p = &d.shared
	}
	e.UserID = p.userID.s
	if e.UserID == "" {
		e.UserID = w.userID.s
	}
	for _, id := range [...]string{p.of("stableID"), w.stableID.s, d.stable.s} {
		if e.AnonymousID = id; id != "" {
			break
		}
	}
	return p
}

// userAgent is whose hands the event came from, for the filter of bots.
func (d *decoder) userAgent(p *person) string {
	if p.userAgent.first == '"' && p.userAgent.s != "" {
		return p.userAgent.s
	}
	return d.agent
}

// qualified is how the id of a unit that is neither user nor stable id stands among canonical ids: behind its kind, so
// that a company 42 is never the user 42.
func qualified(unit, id string) string { return unit + ":" + id }

// attributes is a JSON object being written.
type attributes []byte

func (a *attributes) text(name, value string) {
	if value == "" || len(value) > maxAttribute {
		return
	}
	if isPlain(value) {
		a.raw(name, `"`+value+`"`)
		return
	}
	quoted, err := json.Marshal(value)
	if err != nil { // a string always can
		return
	}
	a.raw(name, string(quoted))
}

// isPlain reports whether a text stands in JSON as it is, as nearly all do.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// maxAttribute is the longest text that is kept: the longest user agents are a quarter of it.
const maxAttribute = 2048

func (a *attributes) raw(name, value string) {
	if len(*a) == 0 {
		*a = append(make([]byte, 0, len(name)+len(value)+48), '{')
	} else {
		(*a)[len(*a)-1] = ','
	}
	*a = append(append(append(append(*a, '"'), name...), `":`...), value...)
	*a = append(*a, '}')
}

// isLabel reports whether a text can be an id of ours: 1 to 200 bytes without control characters.
func isLabel(s string) bool {
	control := func(c rune) bool { return c < ' ' || c >= 0x7f && c <= 0x9f }
	return s != "" && len(s) <= canonical.MaxID && utf8.ValidString(s) && strings.IndexFunc(s, control) < 0
}
