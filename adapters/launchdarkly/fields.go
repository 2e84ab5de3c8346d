package launchdarkly

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
)

// required is a text that must be there and not empty. An empty event key does pass the Go SDK's TrackEvent.
func (w *wire) required(path string, t field.Text) (string, error) {
	if err := t.Given.Must(path, "a string"); err != nil {
		return "", err
	}
	if t.S == "" {
		return "", field.Fault(path, "must not be empty")
	}
	return t.S, nil
}

// time reads creationDate: Unix milliseconds, which the Go SDK writes through a float.
func (w *wire) time() (canonical.Time, error) {
	if err := w.creationDate.Given.Must("creationDate", "a number of milliseconds"); err != nil {
		return 0, err
	}
	if n, ok := digits(w.creationDate.Digits); ok {
		return canonical.Time(n), nil
	}
	at, err := canonical.ParseMillis(string(w.creationDate.Digits))
	if err != nil {
		return 0, field.Fault("creationDate", "must be Unix milliseconds")
	}
	return at, nil
}

func (w *wire) metric() (canonical.Number, error) {
	switch w.metricValue.Given {
	case field.Right:
		n, err := canonical.ParseNumber(string(w.metricValue.Digits))
		if err != nil {
			return canonical.Number{}, field.Fault("metricValue", err.Error())
		}
		return n, nil
	case field.Wrong:
		return canonical.Number{}, field.Fault("metricValue", "must be a number")
	}
	return canonical.Number{}, nil
}

// attributes are what an analyst may want to know of an event: the browser's user agent, which tells robots, that the
// flag was evaluated only as another one's prerequisite, that the SDK kept one event in so many, and the attributes of the
// context that the options name, those of the unit first.
func (d *decoder) attributes(w *wire) json.RawMessage {
	n, ok := whole(w.samplingRatio.Digits)
	sampled := ok && n > 1
	kept := d.contextAttributes(w)
	if w.prereqOf.S == "" && !sampled && len(kept) == 0 {
		return d.browser
	}
	a := &d.kept
	a.Reset()
	a.Text("user_agent", d.agent)
	if field.IsLabel(w.prereqOf.S) {
		a.Text("prereq_of", w.prereqOf.S)
	}
	if sampled {
		a.Raw("sampling_ratio", strconv.AppendInt(nil, int64(n), 10))
	}
	for _, one := range kept {
		a.Raw(one.name, one.raw)
	}
	return a.JSON()
}

// contextAttributes are the attributes of a context that are kept: in the form of several kinds, the user's first.
func (d *decoder) contextAttributes(w *wire) []keptAttribute {
	p := &w.context
	if p.given != field.Right {
		p = &w.user
	}
	several := p.kind.S == multi
	kept := slices.DeleteFunc(slices.Clone(p.kept), func(k keptAttribute) bool { return (k.of >= 0) != several })
	rank := func(k keptAttribute) int {
		if several && string(p.kindOf(&p.several[k.of])) != user {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(kept, func(a, b keptAttribute) int { return rank(a) - rank(b) })
	return kept
}

// browserOf is the user agent of a request from a browser, or from a robot that poses as one.
func browserOf(agent string) string {
	const most = 512
	if !field.IsBrowser(agent) && !strings.Contains(strings.ToLower(agent), "bot") {
		return ""
	}
	return strings.ToValidUTF8(agent[:min(len(agent), most)], "\uFFFD")
}

// label is a variant's name. Events carry no variation names, so it is what was served, where that makes a name;
// else, for JSON flags and long texts, the variation's index.
func (v *value) label(variation int) string {
	switch v.first {
	case '"':
		if field.IsLabel(v.text) {
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
