package pages

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/registry"
)

// fields are what stands in a form, by the names of the API's members with slashes between, and what is wrong with it.
type fields struct {
	Values url.Values
	Faults map[string]string
	Others []problem.FieldError // faults that belong to no field of the form
}

func newFields(v url.Values) *fields { return &fields{Values: v, Faults: map[string]string{}} }

// Get is what stands in a field.
func (f *fields) Get(name string) string { return f.Values.Get(name) }

// Fault is what is wrong with a field, "" for nothing.
func (f *fields) Fault(name string) string { return f.Faults[name] }

// lists of the form, with the members of each entry.
var lists = map[string][]string{
	"variants": {"key", "name", "weight", "aliases"},
	"metrics":  {"id", "role", "type", "event", "field", "numerator", "denominator", "direction", "window", "cap"},
}

// usual are what a fresh entry of a list says; one that says no more is empty.
var usual = map[string]string{"weight": "1", "role": "secondary", "type": "proportion", "direction": "increase", "field": "value"}

// Count is how many entries a list has.
func (f *fields) Count(list string) int {
	n := 0
	for name := range f.Values {
		rest, ok := strings.CutPrefix(name, list+"/")
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(rest, "/")
		if i, err := strconv.Atoi(number); err == nil && i >= n && i < 100 {
			n = i + 1
		}
	}
	return n
}

// Entries are the beginnings of the names of a list's fields, one an entry.
func (f *fields) Entries(list string) []string {
	all := make([]string, f.Count(list))
	for i := range all {
		all[i] = fmt.Sprintf("%s/%d/", list, i)
	}
	return all
}

// add appends an entry to a list.
func (f *fields) add(list string, values map[string]string) {
	at := fmt.Sprintf("%s/%d/", list, f.Count(list))
	for _, member := range lists[list] {
		v, given := values[member]
		if !given {
			v = usual[member]
		}
		f.Values.Set(at+member, v)
	}
}

// close drops the empty entries, so that the numbers of the others are those the API will name.
func (f *fields) close(list string) {
	var kept []map[string]string
	for _, at := range f.Entries(list) {
		entry, empty := map[string]string{}, true
		for _, member := range lists[list] {
			entry[member] = strings.TrimSpace(f.Get(at + member))
			empty = empty && (entry[member] == "" || usual[member] != "")
			f.Values.Del(at + member)
		}
		if !empty {
			kept = append(kept, entry)
		}
	}
	for _, entry := range kept {
		f.add(list, entry)
	}
}

// refuse records the API's errors by field.
func (f *fields) refuse(errors []problem.FieldError) {
	for _, e := range errors {
		name := strings.TrimPrefix(e.Pointer, "/")
		if parts := strings.Split(name, "/"); len(parts) > 1 && parts[0] == "aliases" {
			name = "aliases"
		} else if len(parts) > 3 && parts[0] == "variants" && parts[2] == "aliases" || len(parts) > 3 && parts[0] == "metrics" {
			name = strings.Join(parts[:3], "/")
		}
		if _, known := f.Values[name]; !known || f.Faults[name] != "" {
			f.Others = append(f.Others, e)
			continue
		}
		f.Faults[name] = e.Detail
	}
}

// others notes what else is wrong with a definition of which some fields cannot even be sent, so that everything is
// said at once.
func (f *fields) others(body map[string]any) {
	text, err := json.Marshal(body)
	if err != nil {
		return
	}
	var d registry.Definition
	if json.Unmarshal(text, &d) != nil { // the API says it once the rest can be sent
		return
	}
	if faults := registry.Faults(nil); errors.As(d.Normalize(), &faults) {
		for _, one := range faults {
			f.refuse([]problem.FieldError{{Pointer: one.Pointer, Detail: one.Detail}})
		}
	}
}

// Bad are the names of the fields with a fault, in order.
func (f *fields) Bad() []string { return slices.Sorted(maps.Keys(f.Faults)) }

// text, number and window set a member of an object from a field, and remove it if the field is empty.
func (f *fields) text(into map[string]any, at, member string) {
	if v := strings.TrimSpace(f.Get(at + member)); v != "" {
		into[member] = v
	} else {
		delete(into, member)
	}
}

func (f *fields) number(into map[string]any, at, member string) {
	v := strings.TrimSpace(f.Get(at + member))
	if v == "" {
		delete(into, member)
		return
	}
	n, fault := numberOf(v, member)
	if fault != "" {
		f.Faults[at+member] = fault
		return
	}
	into[member] = n
}

// aliases reads lines or words such as "launchdarkly = checkout-headline".
func (f *fields) aliases(into map[string]any, at string) {
	all := map[string][]string{}
	for one := range strings.FieldsFuncSeq(f.Get(at+"aliases"), func(r rune) bool { return r == '\n' || r == ';' }) {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		source, name, found := strings.Cut(one, "=")
		source, name = strings.TrimSpace(source), strings.TrimSpace(name)
		if !found || source == "" || name == "" {
			f.Faults[at+"aliases"] = "must be “source = name”, one per line"
			return
		}
		all[source] = append(all[source], name)
	}
	if len(all) == 0 {
		delete(into, "aliases")
		return
	}
	into["aliases"] = all
}

// aliasText is what aliases reads.
func aliasText(all map[string][]string, between string) string {
	var lines []string
	for _, source := range slices.Sorted(maps.Keys(all)) {
		for _, name := range all[source] {
			lines = append(lines, source+" = "+name)
		}
	}
	return strings.Join(lines, between)
}

// body is the definition as the API takes it, on top of what the definition was, so that members without a field stay.
func (f *fields) body(base map[string]any) map[string]any {
	d := map[string]any{}
	for _, member := range []string{"id", "name", "hypothesis", "owner", "control", "window", "crossover"} {
		f.text(d, "", member)
	}
	f.aliases(d, "")
	d["variants"], d["metrics"] = f.list("variants", "key", base), f.list("metrics", "id", base)
	decision := object(base["decision"])
	for _, member := range []string{"threshold", "min_units_per_variant", "min_days", "max_expected_loss", "planned_effect"} {
		f.number(decision, "decision/", member)
	}
	d["decision"] = decision
	return d
}

func (f *fields) list(list, key string, base map[string]any) []any {
	before := map[string]map[string]any{}
	if old, ok := base[list].([]any); ok {
		for _, one := range old {
			entry := object(one)
			before[fmt.Sprint(entry[key])] = entry
		}
	}
	all := []any{}
	for _, at := range f.Entries(list) {
		entry := before[strings.TrimSpace(f.Get(at+key))]
		if entry == nil {
			entry = map[string]any{}
		}
		if list == "variants" {
			f.text(entry, at, "key")
			f.text(entry, at, "name")
			f.number(entry, at, "weight")
			f.aliases(entry, at)
		} else {
			f.metric(entry, at)
		}
		all = append(all, entry)
	}
	return all
}

func (f *fields) metric(m map[string]any, at string) {
	for _, member := range []string{"id", "role", "type", "direction", "window", "event", "field"} {
		f.text(m, at, member)
	}
	f.number(m, at, "cap")
	switch registry.MetricType(f.Get(at + "type")) {
	case registry.Ratio:
		delete(m, "event")
		delete(m, "field")
		f.part(m, at, "numerator")
		f.part(m, at, "denominator")
		return
	case registry.Proportion, registry.Count:
		delete(m, "field")
	}
	delete(m, "numerator")
	delete(m, "denominator")
}

// part reads one side of a ratio: an event, or an event and its field with a dot between.
func (f *fields) part(m map[string]any, at, member string) {
	event := strings.TrimSpace(f.Get(at + member))
	part := map[string]any{"event": event}
	for _, field := range []string{"value", "metric_value"} {
		if name, ok := strings.CutSuffix(event, " · "+field); ok {
			part = map[string]any{"event": name, "field": field}
		}
	}
	m[member] = part
}

func partText(p *registry.Part) string {
	switch {
	case p == nil:
		return ""
	case p.Field != "":
		return p.Event + " · " + p.Field
	}
	return p.Event
}

// object is a JSON object as a map of its own.
func object(v any) map[string]any {
	m, ok := v.(map[string]any)
	if !ok {
		return map[string]any{}
	}
	return maps.Clone(m)
}

// fill puts a definition into the form.
func (f *fields) fill(d *registry.Definition) {
	set := func(name, value string) { f.Values.Set(name, value) }
	set("id", d.ID)
	set("name", d.Name)
	set("hypothesis", d.Hypothesis)
	set("owner", d.Owner)
	set("control", d.Control)
	set("crossover", string(d.Crossover))
	set("aliases", aliasText(d.Aliases, "\n"))
	set("window", windowText(d.Window))
	for _, v := range d.Variants {
		f.add("variants", map[string]string{"key": v.Key, "name": v.Name, "weight": numberText(v.Weight), "aliases": aliasText(v.Aliases, "; ")})
	}
	for _, m := range d.Metrics {
		f.add("metrics", map[string]string{
			"id": m.ID, "role": string(m.Role), "type": string(m.Type), "event": m.Event, "field": m.Field, "numerator": partText(m.Numerator), "denominator": partText(m.Denominator),
			"direction": m.Direction, "window": windowText(m.Window), "cap": numberText(m.Cap),
		})
	}
	set("decision/threshold", numberText(d.Decision.Threshold))
	set("decision/min_units_per_variant", wholeText(d.Decision.MinUnitsPerVariant))
	set("decision/min_days", wholeText(d.Decision.MinDays))
	set("decision/max_expected_loss", numberText(d.Decision.MaxExpectedLoss))
	set("decision/planned_effect", numberText(d.Decision.PlannedEffect))
}

func numberText(x *float64) string {
	if x == nil {
		return ""
	}
	return strconv.FormatFloat(*x, 'f', -1, 64)
}

func wholeText(x *int64) string {
	if x == nil {
		return ""
	}
	return strconv.FormatInt(*x, 10)
}

func windowText(w *registry.Window) string {
	if w == nil {
		return ""
	}
	text, err := w.MarshalText()
	if err != nil {
		return ""
	}
	return string(text)
}
