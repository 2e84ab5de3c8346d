package launchdarkly

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/canonical"
)

// required is a text that must be there and not empty. An empty event key does pass the Go SDK's TrackEvent.
func (w *wire) required(field string, t text) (string, error) {
	if err := t.given.must(field, "a string"); err != nil {
		return "", err
	}
	if t.s == "" {
		return "", fault(field, "must not be empty")
	}
	return t.s, nil
}

// time reads creationDate: Unix milliseconds, which the Go SDK writes through a float.
func (w *wire) time() (canonical.Time, error) {
	if err := w.creationDate.given.must("creationDate", "a number of milliseconds"); err != nil {
		return 0, err
	}
	if n, ok := digits(w.creationDate.digits); ok {
		return canonical.Time(n), nil
	}
	at, err := canonical.ParseMillis(string(w.creationDate.digits))
	if err != nil {
		return 0, fault("creationDate", "must be Unix milliseconds")
	}
	return at, nil
}

func (w *wire) metric() (canonical.Number, error) {
	switch w.metricValue.given {
	case right:
		n, err := canonical.ParseNumber(string(w.metricValue.digits))
		if err != nil {
			return canonical.Number{}, fault("metricValue", err.Error())
		}
		return n, nil
	case wrong:
		return canonical.Number{}, fault("metricValue", "must be a number")
	}
	return canonical.Number{}, nil
}

// attributes are what an analyst may want to know of an event: the browser's user agent, which tells robots, that the
// flag was evaluated only as another one's prerequisite, and that the SDK kept one event in so many.
func (d *decoder) attributes(w *wire) json.RawMessage {
	var a struct {
		UserAgent     string `json:"user_agent,omitempty"`
		PrereqOf      string `json:"prereq_of,omitempty"`
		SamplingRatio int    `json:"sampling_ratio,omitempty"`
	}
	if isLabel(w.prereqOf.s) {
		a.PrereqOf = w.prereqOf.s
	}
	if n, ok := whole(w.samplingRatio.digits); ok && n > 1 {
		a.SamplingRatio = n
	}
	if a.PrereqOf == "" && a.SamplingRatio == 0 {
		return d.browser
	}
	a.UserAgent = d.agent
	raw, err := json.Marshal(a)
	if err != nil { // strings and an integer
		return nil
	}
	return raw
}

// browserOf is the user agent of a request from a browser, or from a robot that poses as one.
func browserOf(agent string) string {
	const most = 512
	if !strings.HasPrefix(agent, "Mozilla/") && !strings.Contains(strings.ToLower(agent), "bot") {
		return ""
	}
	return strings.ToValidUTF8(agent[:min(len(agent), most)], "\uFFFD")
}

// label is a variant's name. Events carry no variation names, so it is what was served, where that makes a name;
// else, for JSON flags and long texts, the variation's index.
func (v *value) label(variation int) string {
	switch v.first {
	case '"':
		if isLabel(v.text) {
			return v.text
		}
	case 't':
		return "true"
	case 'f':
		return "false"
	case '0':
		if s := numberLabel(v.digits); s != "" {
			return s
		}
	}
	return "variation-" + strconv.Itoa(variation)
}

// numberLabel writes a number as JavaScript does, in one way however it was sent: 2.50, 25e-1 and 2.5 are one variant.
// Flag values are floating point in every SDK, so nothing is lost that had not been lost before. It is "" for a number
// that no SDK can hold.
func numberLabel(text []byte) string {
	if n, ok := digits(text); ok {
		return strconv.FormatInt(n, 10)
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return ""
	}
	if f == 0 {
		return "0" // and -0
	}
	raw, err := json.Marshal(f)
	if err != nil {
		return ""
	}
	return string(raw)
}

// digits reads plain decimal digits that every float64 holds exactly, the common case of all numbers here.
func digits(text []byte) (int64, bool) {
	if len(text) == 0 || len(text) > 15 {
		return 0, false
	}
	var n int64
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// whole reads a small whole number, also one written as 2.0 or 2e0.
func whole(text []byte) (int, bool) {
	const most = 1 << 30
	if n, ok := digits(text); ok {
		return int(n), n <= most
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || f < 0 || f > most || f != float64(int(f)) {
		return 0, false
	}
	return int(f), true
}

// isLabel reports whether a text can be an id of ours: 1 to 200 bytes without control characters.
func isLabel(s string) bool {
	control := func(c rune) bool { return c < ' ' || c >= 0x7f && c <= 0x9f }
	return s != "" && len(s) <= canonical.MaxID && utf8.ValidString(s) && strings.IndexFunc(s, control) < 0
}
