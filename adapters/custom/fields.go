package custom

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
)

// event runs the expressions of a rule.
func (d *decoder) event(r *rule, env environment) (canonical.Event, error) {
	e := canonical.Event{Kind: r.kind}
	f := fieldReader{d: d, r: r, env: env}
	for _, field := range []struct {
		name string
		dst  *string
	}{
		{"event_id", &e.ID},
		{"user_id", &e.UserID},
		{"anonymous_id", &e.AnonymousID},
		{"previous_user_id", &e.PreviousUserID},
		{"experiment_id", &e.ExperimentID},
		{"variant", &e.Variant},
		{"experiment_kind", &e.ExperimentKind},
		{"conversion_event", &e.ConversionEvent},
		{"ended_reason", &e.EndedReason},
		{"currency", &e.Currency},
		{"dedup_key", &e.DedupKey},
		{"adjusts", &e.Adjusts},
		{"channel", (*string)(&e.Channel)},
		{"source_experiment", &e.SourceExperiment},
		{"source_variant", &e.SourceVariant},
	} {
		f.read(field.name, func(v any) (err error) {
			*field.dst, err = text(v)
			return err
		})
	}
	e.Currency = adapters.Currency(e.Currency)
	f.read("value", func(v any) (err error) { e.Value, err = number(v); return err })
	f.read("metric_value", func(v any) (err error) { e.MetricValue, err = number(v); return err })
	f.read("ambiguous_id", func(v any) (err error) { e.AmbiguousID, err = yesNo(v); return err })
	if e.UserID != "" && e.AnonymousID != "" {
		e.AmbiguousID = false // two ids say which is which
	} else if e.AmbiguousID && e.UserID == "" {
		e.UserID, e.AnonymousID = e.AnonymousID, ""
	}
	f.read("groups", func(v any) (err error) { e.Groups, err = groups(v); return err })
	f.readTime(&e)
	f.readAttributes(&e)
	return e, f.err
}

// fieldReader runs the expressions of one rule for one item, until one fails.
type fieldReader struct {
	d   *decoder
	r   *rule
	env environment
	err error
}

// read runs the expression of a field, and hands over its value: nil if the rule has none.
func (f *fieldReader) read(name string, use func(any) error) {
	p := f.r.fields[name]
	if f.err != nil || p == nil {
		return
	}
	v, err := f.d.machine.Run(p, f.env)
	if err == nil {
		err = use(v)
	}
	if err != nil {
		f.err = fault(f.r.path+".fields."+name, err)
	}
}

// readTime finds the time of an event. A sender that names none gets the time of receipt, which is not part of what the
// event says.
func (f *fieldReader) readTime(e *canonical.Event) {
	f.read("at", func(v any) (err error) { e.At, err = moment(v); return err })
	if e.At != 0 {
		e.At, e.ClockOffset = e.At+canonical.Time(f.d.offset), f.d.offset
		return
	}
	now := f.d.envelope.ReceivedAt
	e.At, e.ClockOffset = now, int64(now)-1
}

// readAttributes writes the attributes: the user agent, and what the rule names.
func (f *fieldReader) readAttributes(e *canonical.Event) {
	var a adapters.Attributes
	f.read("user_agent", func(v any) error {
		agent, err := text(v)
		a.Text("user_agent", agent)
		return err
	})
	f.read("attributes", func(v any) error {
		given, ok := v.(map[string]any)
		if !ok && v != nil {
			return fmt.Errorf("must be an object such as {\"country\": item.country}, is %T", v)
		}
		for _, name := range slices.Sorted(maps.Keys(given)) {
			switch v := given[name].(type) {
			case nil:
			case string:
				a.Text(name, v)
			case bool, int, int64, float64:
				raw, err := json.Marshal(v)
				if err != nil {
					return err
				}
				a.Raw(name, raw)
			} // lists and objects are left out
		}
		return nil
	})
	e.Attributes = a.JSON()
}

// groups are an object's members: {"company": "acme"}. Groups without an id are left out.
func groups(v any) ([]canonical.Group, error) {
	given, ok := v.(map[string]any)
	if !ok && v != nil {
		return nil, fmt.Errorf("must be an object such as {\"company\": item.company}, is %T", v)
	}
	var found []canonical.Group
	for _, kind := range slices.Sorted(maps.Keys(given)) {
		id, err := text(given[kind])
		if err != nil {
			return nil, fmt.Errorf("%.60s: %w", kind, err)
		}
		if id != "" {
			found = append(found, canonical.Group{Kind: kind, ID: id})
		}
	}
	return canonical.SortGroups(found), nil
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

// yesNo is a value as a boolean. What is absent is false.
func yesNo(v any) (bool, error) {
	switch v := v.(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	}
	return false, fmt.Errorf("must be true or false, is %T", v)
}

func number(v any) (canonical.Number, error) {
	s, err := text(v)
	if err != nil || strings.TrimSpace(s) == "" {
		return canonical.Number{}, err
	}
	return canonical.ParseNumber(strings.TrimSpace(s))
}

// moment is a time: a text or a number that adapters.ParseTime reads, or a date that an expression has parsed. 0: there is
// none.
func moment(v any) (canonical.Time, error) {
	switch v := v.(type) {
	case nil:
		return 0, nil
	case time.Time:
		return canonical.TimeOf(v), nil
	case string:
		if strings.TrimSpace(v) == "" {
			return 0, nil
		}
		return adapters.ParseTime(v)
	case int, int64, float64:
		s, err := text(v)
		if err != nil {
			return 0, err
		}
		return adapters.ParseUnix(s)
	}
	return 0, errors.New("must be RFC 3339 or Unix seconds or milliseconds, is " + fmt.Sprintf("%T", v))
}
