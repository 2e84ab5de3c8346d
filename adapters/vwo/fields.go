package vwo

import (
	"encoding/json"
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
)

// param is a parameter of a query, "" where there is none. NODE and GO do not encode most values: braces, quotes and
// backslashes stand there as they are, so what cannot be unescaped is taken as it stands.
func param(query, name string) string {
	for part := range strings.SplitSeq(query, "&") {
		if value, ok := strings.CutPrefix(part, name+"="); ok {
			return unescaped(value)
		}
	}
	return ""
}

func unescaped(value string) string {
	if plain, err := url.PathUnescape(value); err == nil {
		return plain
	}
	return value
}

// seconds reads sId: Unix seconds, which NODE rounds up and GO cuts.
func seconds(text string) (canonical.Time, error) {
	if text == "" {
		return 0, field.Fault("sId", "is required")
	}
	at, err := adapters.ParseTime(text)
	if err != nil {
		return 0, field.Fault("sId", "must be Unix seconds")
	}
	return at, nil
}

func millis(v field.Scalar) (canonical.Time, error) {
	if v.First == 0 || v.S == "" {
		return 0, field.Fault("d.event.time", "is required")
	}
	at, err := canonical.ParseMillis(v.S)
	if err != nil {
		if at, err = adapters.ParseTime(v.S); err != nil {
			return 0, field.Fault("d.event.time", "must be Unix milliseconds, or RFC 3339")
		}
	}
	return at, nil
}

// money reads a revenue: currency units, as a number or as text. Empty and what JavaScript writes for nothing is none.
func money(path, text string) (canonical.Number, error) {
	switch text {
	case "", "null", "undefined":
		return canonical.Number{}, nil
	}
	n, err := canonical.ParseNumber(text)
	if err != nil {
		return canonical.Number{}, field.Fault(path, err.Error())
	}
	return n, nil
}

// about writes whom an event is about. The SDKs send a UUID made of account and user id (NODE UuidUtil.js, GO uuid.go),
// 32 hex digits, which cannot be turned back; the visitors of VWO's web product have a D or a J before it (FMEGO
// constants.WebUUIDRegex) and are anonymous. Of the others nothing tells whether the program gave the SDK a user's id or a
// visitor's.
func (d *decoder) about(e *canonical.Event, visitor string) {
	if isWeb(visitor) || d.options.visitors == "anonymous" {
		e.AnonymousID = visitor
		return
	}
	e.UserID, e.AmbiguousID = visitor, visitor != "" && d.options.visitors == ""
}

func isWeb(visitor string) bool {
	if len(visitor) != 33 || visitor[0] != 'D' && visitor[0] != 'J' {
		return false
	}
	for i := 1; i < len(visitor); i++ {
		c := visitor[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'F') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// agent is the user agent that a request tells for its visitor: a server's SDK forwards it, a browser is it.
func agent(e adapters.Envelope) string {
	for _, text := range []string{unescaped(e.Header.Get(deviceHeader)), param(e.RawQuery, "visitor_ua")} {
		if isAgent(text) {
			return text
		}
	}
	if own := e.Header.Get(userAgentHeader); field.IsBrowser(own) {
		return own
	}
	return ""
}

// isAgent reports whether visitor_ua holds one: it may be "undefined" or "null" (FME), or, from a goal that several
// campaigns share, the visitor's address (NODE api/track.js shifts its arguments).
func isAgent(text string) bool {
	const most = 2048
	if text == "" || text == "undefined" || text == "null" || len(text) > most || !utf8.ValidString(text) {
		return false
	}
	_, err := netip.ParseAddr(text)
	return err != nil
}

func attributes(userAgent string) json.RawMessage {
	if userAgent == "" {
		return nil
	}
	raw, err := json.Marshal(map[string]string{"user_agent": userAgent})
	if err != nil { // a string always can
		return nil
	}
	return raw
}
