package adapters

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/adapters/field"
)

// Attributes collects the attributes of one event and writes them as a JSON object. The zero value is empty and ready to
// use. Adapters keep a small set by default, under the same names for every vendor: country, region, language, platform,
// device_type, os, browser, app_version, plan, utm_source, utm_medium, utm_campaign, utm_term, utm_content and user_agent.
// Names, e-mail addresses, IP addresses and the like are kept only if the source's options name them.
//
// The first value of a name counts, so the most trusted source comes first. What would exceed the limits is cut or left
// out in the order in which it was given.
type Attributes struct {
	pairs []attribute
	size  int
}

type attribute struct {
	name, text string
	raw        bool // text is JSON
}

// Limits of Attributes, in bytes.
const (
	maxAttribute  = 200   // of a value or a name
	maxUserAgent  = 1024  // of user_agent, of which the rules for bots read as much
	maxAttributes = 4_096 // of all names and values
)

// Text adds a text. Blank texts are left out; a text that is too long is cut at a character.
func (a *Attributes) Text(name, text string) {
	text = strings.ToValidUTF8(strings.TrimSpace(text), "\uFFFD")
	limit := maxAttribute
	if name == "user_agent" {
		limit = maxUserAgent
	}
	for len(text) > limit {
		cut := text[:limit]
		for !utf8.RuneStart(text[len(cut)]) {
			cut = cut[:len(cut)-1]
		}
		text = cut
	}
	if text != "" {
		a.add(attribute{name: name, text: text})
	}
}

// Raw adds a JSON value as it is written, which the caller has parsed: a text as Text does, and a number or a boolean.
// Null, objects, arrays and numbers that are too long are left out.
func (a *Attributes) Raw(name string, value []byte) {
	if len(value) == 0 {
		return
	}
	switch value[0] {
	case '"':
		text := string(value[1 : len(value)-1])
		if bytes.IndexByte(value, '\\') < 0 {
			a.Text(name, text) // nothing is escaped
		} else if json.Unmarshal(value, &text) == nil {
			a.Text(name, text)
		}
	case '{', '[', 'n':
	default:
		if len(value) <= maxAttribute {
			a.add(attribute{name: name, text: string(value), raw: true})
		}
	}
}

func (a *Attributes) add(one attribute) {
	size := len(one.name) + len(one.text)
	if a.pairs == nil {
		a.pairs = make([]attribute, 0, 8)
	}
	if one.name == "" || len(one.name) > maxAttribute || a.size+size > maxAttributes {
		return
	}
	for i := range a.pairs {
		if a.pairs[i].name == one.name {
			return
		}
	}
	a.pairs, a.size = append(a.pairs, one), a.size+size
}

// Add adds the attributes of others whose names are not there yet.
func (a *Attributes) Add(others *Attributes) {
	for i := range others.pairs {
		a.add(others.pairs[i])
	}
}

// Reset removes all attributes and keeps the memory.
func (a *Attributes) Reset() { a.pairs, a.size = a.pairs[:0], 0 }

// JSON is the object, its members sorted by name, or nil if there are none. The same attributes give the same bytes in
// whatever order they were given, so that an event that is sent again is the same event.
func (a *Attributes) JSON() json.RawMessage {
	if len(a.pairs) == 0 {
		return nil
	}
	slices.SortFunc(a.pairs, func(x, y attribute) int { return strings.Compare(x.name, y.name) })
	out := make([]byte, 0, a.size+8*len(a.pairs)+2)
	for i := range a.pairs {
		separator := byte(',')
		if i == 0 {
			separator = '{'
		}
		p := &a.pairs[i]
		out = append(field.AppendText(append(out, separator), p.name), ':')
		if p.raw {
			out = append(out, p.text...)
		} else {
			out = field.AppendText(out, p.text)
		}
	}
	return append(out, '}')
}
