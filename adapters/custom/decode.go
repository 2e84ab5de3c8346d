package custom

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/url"
	"strconv"
	"strings"
	"time"

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
}

func decode(s adapters.Source, e adapters.Envelope) (adapters.Batch, error) {
	m, err := mappingOf(s.Options)
	if err != nil {
		return adapters.Batch{}, adapters.Unreadable("options of source %s: %v", s.Name, err)
	}
	d := decoder{source: s, envelope: e, m: m, machine: vm.VM{MemoryBudget: budget}}
	query := flat(e.Query())
	body, items, err := d.read(query)
	if err != nil {
		return adapters.Batch{}, err
	}
	if len(items) > maxItems {
		return adapters.Batch{}, adapters.Unreadable("the body has %d items; %d may come at once", len(items), maxItems)
	}
	for i, item := range items {
		d.batch.Items++
		d.item(i, environment{body, item, i, query})
	}
	return d.batch, nil
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
		if found, err = d.machine.Run(d.m.items, environment{Body: body, Query: query}); err != nil {
			return nil, nil, adapters.Unreadable("items: %v", err)
		}
	}
	if list, ok := found.([]any); ok {
		return body, list, nil
	}
	if found == nil {
		return nil, nil, adapters.Unreadable("items: there are none in this body")
	}
	return body, []any{found}, nil
}

// coding is how the body is written.
func (d *decoder) coding() string {
	if d.m.body != "" {
		return d.m.body
	}
	media, _, _ := mime.ParseMediaType(d.envelope.Header.Get("Content-Type")) // unknown is JSON
	switch {
	case media == "application/x-www-form-urlencoded":
		return "form"
	case media == "application/x-ndjson" || media == "application/ndjson":
		return "ndjson"
	case len(bytes.TrimSpace(d.envelope.Body)) == 0:
		return "query"
	}
	return "json"
}

func readJSON(text []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
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
		e, err := d.event(r, env)
		if err != nil {
			d.batch.Reject(i, err)
			return
		}
		events = append(events, e)
	}
	if len(events) == 0 {
		d.batch.Ignore("no_rule")
		return
	}
	for n := range events[1:] {
		if id := events[n+1].ID; id != "" && id == events[0].ID { // several events of one item are several events
			events[n+1].ID += "." + strconv.Itoa(n+1)
		}
	}
	d.batch.Accept(d.source, d.envelope, i, events...)
}

// fault names the expression that failed. Its detail may quote the request, so only its first line is kept.
func fault(path string, err error) error {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return &canonical.FieldError{Field: path, Detail: line}
}

func (d *decoder) event(r *rule, env environment) (canonical.Event, error) {
	e := canonical.Event{Kind: r.kind}
	for _, f := range []struct {
		name string
		dst  *string
	}{
		{"event_id", &e.ID},
		{"user_id", &e.UserID},
		{"anonymous_id", &e.AnonymousID},
		{"previous_user_id", &e.PreviousUserID},
		{"experiment_id", &e.ExperimentID},
		{"variant", &e.Variant},
		{"conversion_event", &e.ConversionEvent},
		{"ended_reason", &e.EndedReason},
		{"currency", &e.Currency},
		{"dedup_key", &e.DedupKey},
		{"channel", (*string)(&e.Channel)},
		{"source_experiment", &e.SourceExperiment},
		{"source_variant", &e.SourceVariant},
	} {
		v, err := d.value(r, f.name, env)
		if err != nil {
			return e, err
		}
		if *f.dst, err = text(v); err != nil {
			return e, fault(r.path+".fields."+f.name, err)
		}
	}
	for _, f := range []struct {
		name string
		dst  *canonical.Number
	}{{"value", &e.Value}, {"metric_value", &e.MetricValue}} {
		v, err := d.value(r, f.name, env)
		if err != nil {
			return e, err
		}
		if *f.dst, err = number(v); err != nil {
			return e, fault(r.path+".fields."+f.name, err)
		}
	}
	return e, d.finish(r, env, &e)
}

// finish adds the time and the user agent.
func (d *decoder) finish(r *rule, env environment, e *canonical.Event) error {
	v, err := d.value(r, "at", env)
	if err != nil {
		return err
	}
	at, err := moment(v)
	if err != nil {
		return fault(r.path+".fields.at", err)
	}
	if e.At = at; at == 0 { // the sender names no time: that of arrival, which is no part of what it said
		e.At, e.ClockOffset = d.envelope.ReceivedAt, int64(d.envelope.ReceivedAt)-1
	}
	if v, err = d.value(r, "user_agent", env); err != nil {
		return err
	}
	agent, err := text(v)
	if err != nil {
		return fault(r.path+".fields.user_agent", err)
	}
	if agent != "" {
		quoted, err := json.Marshal(agent)
		if err != nil {
			return fault(r.path+".fields.user_agent", err)
		}
		e.Attributes = append(append([]byte(`{"user_agent":`), quoted...), '}')
	}
	return nil
}

// value runs the expression of a field; nil where the rule has none.
func (d *decoder) value(r *rule, name string, env environment) (any, error) {
	p := r.fields[name]
	if p == nil {
		return nil, nil
	}
	v, err := d.machine.Run(p, env)
	if err != nil {
		return nil, fault(r.path+".fields."+name, err)
	}
	return v, nil
}

// text is a value as an id. What is absent is empty.
func text(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	}
	return "", fmt.Errorf("must be a text or a number, is %T", v)
}

func number(v any) (canonical.Number, error) {
	s, err := text(v)
	if err != nil || strings.TrimSpace(s) == "" {
		return canonical.Number{}, err
	}
	return canonical.ParseNumber(strings.TrimSpace(s))
}

// secondsBelow tells Unix seconds from milliseconds: as milliseconds, it is in the year 1973.
const secondsBelow = 100_000_000_000

// moment is a time: RFC 3339, Unix seconds or milliseconds, or a date that an expression has parsed. 0: there is none.
func moment(v any) (canonical.Time, error) {
	switch v := v.(type) {
	case nil:
		return 0, nil
	case time.Time:
		return canonical.TimeOf(v), nil
	case int:
		if v < secondsBelow && v > -secondsBelow {
			v *= 1000
		}
		return canonical.Time(v), nil
	case float64:
		if v < secondsBelow && v > -secondsBelow {
			v *= 1000
		}
		if v < -1e15 || v > 1e15 {
			return 0, errors.New("must be a time between 2000-01-01 and now")
		}
		return canonical.Time(v), nil
	case string:
		if v = strings.TrimSpace(v); v == "" {
			return 0, nil
		}
		if n, err := strconv.ParseFloat(v, 64); err == nil {
			return moment(n)
		}
		return canonical.ParseTime(v)
	}
	return 0, fmt.Errorf("must be RFC 3339, Unix seconds or milliseconds, is %T", v)
}
