package optimizely

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
)

// time reads timestamp: Unix milliseconds by the client's clock, or a time as text of clients that are written by hand.
func (e *event) time() (canonical.Time, error) {
	switch e.timestamp.Given {
	case field.Absent:
		return 0, field.Fault("timestamp", "is required")
	case field.Wrong:
		at, err := adapters.ParseTime(e.timestamp.text)
		if err != nil {
			return 0, field.Fault("timestamp", "must be Unix milliseconds, or RFC 3339")
		}
		return at, nil
	}
	at, err := canonical.ParseMillis(string(e.timestamp.Digits))
	if err != nil {
		return 0, field.Fault("timestamp", "must be Unix milliseconds")
	}
	return at, nil
}

// cents reads revenue, which is in hundredths of the currency's unit ("Event", Optimizely Web API: 100 is one dollar;
// the SDKs cut fractions of a cent off).
func cents(revenue number) (canonical.Number, error) {
	switch revenue.Given {
	case field.Absent:
		return canonical.Number{}, nil
	case field.Wrong:
		return canonical.Number{}, field.Fault("revenue", "must be a number of cents")
	}
	mantissa, power, _ := strings.Cut(strings.ToLower(string(revenue.Digits)), "e")
	exponent, err := strconv.ParseInt(power, 10, 32)
	if power != "" && err != nil {
		exponent = 1_000_000 // far outside any number, or
		if strings.HasPrefix(power, "-") {
			exponent = -1_000_000 // nothing
		}
	}
	n, err := canonical.ParseNumber(mantissa + "e" + strconv.FormatInt(exponent-2, 10))
	if err != nil {
		return canonical.Number{}, field.Fault("revenue", err.Error())
	}
	return n, nil
}

func (e *event) metric() (canonical.Number, error) {
	switch e.value.Given {
	case field.Absent:
		return canonical.Number{}, nil
	case field.Wrong:
		return canonical.Number{}, field.Fault("value", "must be a number")
	}
	n, err := canonical.ParseNumber(string(e.value.Digits))
	if err != nil {
		return canonical.Number{}, field.Fault("value", err.Error())
	}
	return n, nil
}

// isCookie knows the visitor ids that Optimizely Web makes for its cookie optimizelyEndUserId: oeu, the time in
// milliseconds, r and a random fraction. They are browsers', never users'.
func isCookie(id string) bool {
	rest, ok := strings.CutPrefix(id, "oeu")
	if !ok {
		return false
	}
	at, random, ok := strings.Cut(rest, "r")
	random, fraction := strings.CutPrefix(random, "0.")
	return ok && fraction && at != "" && random != "" && strings.Trim(at+random, "0123456789") == ""
}

// attributes are what an analyst may want to know of an event: the visitor attributes that the source's options name, the
// user agent, and of an exposure the flag, the rule and whether a model chose the variant instead of chance. They are
// written in one order, because go-sdk draws a new order of a visitor's attributes each time.
func (d *decoder) attributes(it *decision) json.RawMessage {
	start := len(d.made)
	d.made = append(d.made, '{')
	v := &d.visitor
	slices.SortStableFunc(v.kept, func(a, b attribute) int { return strings.Compare(a.name, b.name) })
	agent := v.agent
	if agent == nil {
		agent = d.agent
	}
	for i, a := range v.kept {
		if i+1 < len(v.kept) && v.kept[i+1].name == a.name {
			continue // the last one wins
		}
		if a.name == userAgent {
			agent = nil
		}
		d.put(start, a.name, a.raw)
	}
	if agent != nil {
		d.put(start, userAgent, agent)
	}
	if it != nil {
		d.putText(start, "flag_key", it.flag.S)
		d.putText(start, "rule_key", it.rule.S)
		d.putText(start, "cmab_uuid", it.cmab.S)
	}
	if len(d.made) == start+1 {
		d.made = d.made[:start]
		return nil
	}
	d.made = append(d.made, '}')
	return d.made[start:len(d.made):len(d.made)]
}

const userAgent = "user_agent"

func (d *decoder) put(start int, name string, raw []byte) {
	if len(d.made) > start+1 {
		d.made = append(d.made, ',')
	}
	d.made = appendQuoted(d.made, name)
	d.made = append(append(d.made, ':'), raw...)
}

func (d *decoder) putText(start int, name, text string) {
	if text == "" {
		return
	}
	if len(d.made) > start+1 {
		d.made = append(d.made, ',')
	}
	d.made = append(appendQuoted(d.made, name), ':')
	d.made = appendQuoted(d.made, text)
}

// quoted is a text as JSON, nil for an empty one.
func quoted(s string) []byte {
	if s == "" {
		return nil
	}
	return appendQuoted(nil, s)
}

func appendQuoted(dst []byte, s string) []byte {
	plain := utf8.ValidString(s)
	for i := 0; plain && i < len(s); i++ {
		plain = s[i] >= ' ' && s[i] != '"' && s[i] != '\\'
	}
	if plain {
		return append(append(append(dst, '"'), s...), '"')
	}
	raw, err := json.Marshal(s)
	if err != nil { // a string
		return append(dst, `""`...)
	}
	return append(dst, raw...)
}
