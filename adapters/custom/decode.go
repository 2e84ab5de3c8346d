package custom

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/vm"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
)

// budget bounds what one expression may allocate, in elements: a configuration that multiplies lists must not stop the
// gateway.
const budget = 100_000

// maxItems bounds the items of one request.
const maxItems = 50_000

// decoder is one request being decoded.
type decoder struct {
	source   adapters.Source
	envelope adapters.Envelope
	m        *mapping
	machine  vm.VM
	batch    adapters.Batch
	offset   int64 // what to add to the sender's times, in milliseconds
	matched  bool  // an item met a rule
	missed   []int // items that met none
}

func (m *mapping) decode(s adapters.Source, e adapters.Envelope) (adapters.Batch, error) {
	d := decoder{source: s, envelope: e, m: m, machine: vm.VM{MemoryBudget: budget}}
	query := flat(e.Query())
	body, items, err := d.read(query)
	if err != nil {
		return adapters.Batch{}, err
	}
	if len(items) > maxItems {
		return adapters.Batch{}, adapters.Unreadable("the body has %d items; %d may come at once", len(items), maxItems)
	}
	d.readSentAt(environment{Body: body, Query: query, Path: d.envelope.Path})
	for i, item := range items {
		d.batch.Items++
		d.item(i, environment{body, item, i, query, d.envelope.Path})
	}
	d.settleMissed(items)
	return d.batch, nil
}

// readSentAt compares the sender's clock with ours, if the request says when it was sent. If it does not, or not so that it can
// be read, the times stay as they are.
func (d *decoder) readSentAt(env environment) {
	if d.m.sentAt == nil {
		return
	}
	v, err := d.machine.Run(d.m.sentAt, env)
	if err != nil {
		return
	}
	if sent, err := moment(v); err == nil && sent != 0 {
		d.offset = canonical.ClockOffset(sent, d.envelope.ReceivedAt)
	}
}

// settleMissed gives the items that met no rule their outcome. Beside others that met one they are ignored. If no item of
// the request met a rule, the rules may be wrong, so they are rejected: the request becomes a dead letter, and can be
// replayed once the configuration is right.
func (d *decoder) settleMissed(items []any) {
	for _, i := range d.missed {
		if d.matched {
			d.batch.Ignore("no_rule")
		} else {
			d.batch.Reject(i, d.noRule(items[i]))
		}
	}
	slices.SortStableFunc(d.batch.Rejected, func(a, b adapters.Rejection) int { return a.Index - b.Index })
}

// Bounds of noRule.
const (
	maxShown      = 5  // members of an item
	maxShownValue = 60 // bytes of a value
)

// noRule says what an item has where the rules look.
func (d *decoder) noRule(item any) error {
	var shown []string
	for _, path := range d.m.read {
		if len(shown) == maxShown {
			break
		}
		s, err := text(member(item, path))
		switch {
		case err != nil:
			s = "a list or an object"
		case s == "":
			s = "nothing"
		case len(s) > maxShownValue:
			s = strings.ToValidUTF8(s[:maxShownValue], "") + "…"
		}
		shown = append(shown, path+"="+s)
	}
	has := ""
	if len(shown) > 0 {
		has = ": " + strings.Join(shown, " ")
	}
	return fmt.Errorf("no rule of source %s matches%s; add a rule to events, or an ignore expression if it is not meant to count", d.source.Name, has)
}

// member finds a member by its path; nil if there is none.
func member(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[name]
	}
	return v
}

// flat takes the first value of every name.
func flat(values url.Values) map[string]any {
	m := make(map[string]any, len(values))
	for name, all := range values {
		m[name] = all[0]
	}
	return m
}

// read takes the body apart and finds its items.
func (d *decoder) read(query map[string]any) (body any, items []any, err error) {
	switch d.coding() {
	case "query":
		body = query
	case "form":
		if err := d.source.Limits.Check("application/x-www-form-urlencoded", d.envelope.Body); err != nil {
			return nil, nil, err
		}
		form, err := url.ParseQuery(string(d.envelope.Body))
		if err != nil {
			return nil, nil, adapters.Unreadable("the body is no form: %v", err)
		}
		body = flat(form)
	case "ndjson":
		body, err = readLines(d.envelope.Body)
	default:
		body, err = readJSON(d.envelope.Body)
	}
	if err != nil {
		return nil, nil, err
	}
	found := body
	if d.m.items != nil {
		if found, err = d.machine.Run(d.m.items, environment{Body: body, Query: query, Path: d.envelope.Path}); err != nil {
			return nil, nil, adapters.Unreadable("items: %v", err)
		}
	}
	if list, ok := found.([]any); ok {
		return body, list, nil
	}
	if d.m.items == nil {
		if list, ok := member(body, "batch").([]any); ok {
			return body, list, nil
		}
	}
	if found == nil {
		return nil, nil, adapters.Unreadable("items: there are none in this body")
	}
	return body, []any{found}, nil
}

// coding is how the body is written. A body that is JSON is read as JSON, whatever its label says: a browser that sends JSON
// as a form avoids a preflight.
func (d *decoder) coding() string {
	if d.m.body != "" {
		return d.m.body
	}
	media, _, _ := mime.ParseMediaType(d.envelope.Header.Get("Content-Type")) // unknown is JSON
	body := trimmed(d.envelope.Body)
	isJSON := len(body) > 0 && (body[0] == '{' || body[0] == '[') && json.Valid(body)
	switch {
	case media == "application/x-ndjson" || media == "application/ndjson" || media == "application/jsonl":
		if isJSON && body[0] == '[' {
			return "json"
		}
		return "ndjson"
	case isJSON:
		return "json"
	case media == "application/x-www-form-urlencoded":
		return "form"
	case len(body) == 0:
		return "query"
	}
	return "json"
}

// trimmed is a body without the space around it and without a byte order mark.
func trimmed(body []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
}

func readJSON(text []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(trimmed(text)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, adapters.Unreadable("the body is not JSON: %v", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, adapters.Unreadable("something follows the JSON of the body")
	}
	return plain(v), nil
}

func readLines(text []byte) (any, error) {
	list := []any{}
	for line := range bytes.Lines(text) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		v, err := readJSON(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", len(list)+1, err)
		}
		list = append(list, v)
	}
	return list, nil
}

// plain turns numbers into what expressions calculate with. A whole number that is too large for that stays as its text,
// because it is an id.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return int(n)
		}
		if !strings.ContainsAny(v.String(), ".eE") {
			return v.String()
		}
		f, err := v.Float64()
		if err != nil {
			return v.String()
		}
		return f
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}

// item makes the events of every rule that holds for an item.
func (d *decoder) item(i int, env environment) {
	if skip, err := d.ignores(env); err != nil {
		d.batch.Reject(i, err)
		return
	} else if skip {
		d.batch.Ignore("ignore")
		return
	}
	var events []canonical.Event
	for j := range d.m.rules {
		r := &d.m.rules[j]
		if r.when != nil {
			holds, err := d.machine.Run(r.when, env)
			if err != nil {
				d.batch.Reject(i, fault(r.path+".when", err))
				return
			}
			if yes, ok := holds.(bool); !ok || !yes {
				continue
			}
		}
		d.matched = true
		e, err := d.event(r, env)
		if err != nil {
			d.batch.Reject(i, err)
			return
		}
		events = append(events, e)
	}
	if len(events) == 0 {
		d.missed = append(d.missed, i)
		return
	}
	for n := range events[1:] {
		if id := events[n+1].ID; id != "" && id == events[0].ID { // several events of one item are several events
			events[n+1].ID += "." + strconv.Itoa(n+1)
		}
	}
	d.batch.Accept(d.source, d.envelope, i, events...)
}

// ignores reports whether the option ignore holds for an item.
func (d *decoder) ignores(env environment) (bool, error) {
	if d.m.ignore == nil {
		return false, nil
	}
	holds, err := d.machine.Run(d.m.ignore, env)
	if err != nil {
		return false, fault("ignore", err)
	}
	yes, _ := holds.(bool)
	return yes, nil
}

// fault names the expression that failed. Its detail may quote the request, so only its first line is kept.
func fault(path string, err error) error {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return &canonical.FieldError{Field: path, Detail: line}
}
