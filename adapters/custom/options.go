package custom

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"github.com/tracklayer/tracklayer/canonical"
)

// mapping is a source's options, compiled.
type mapping struct {
	body  string      // json, ndjson, form or query; "": by the request's type
	items *vm.Program // where the items of a body lie; nil: the body, or each of its elements
	rules []rule
}

// rule makes an event of an item.
type rule struct {
	path   string
	kind   canonical.Kind
	when   *vm.Program // nil: always
	fields map[string]*vm.Program
}

// kinds are the words of options for the kinds of event.
var kinds = map[string]canonical.Kind{
	"exposed": canonical.Exposed, "converted": canonical.Converted, "ended_early": canonical.EndedEarly, "linked": canonical.Linked,
}

// fieldsOf are the fields that a kind may have, and of these the ones that it must have.
var fieldsOf = map[canonical.Kind]struct{ may, must []string }{
	canonical.Exposed:    {[]string{"experiment_id", "variant"}, []string{"experiment_id", "variant"}},
	canonical.Converted:  {[]string{"conversion_event", "experiment_id", "variant", "value", "currency", "metric_value", "dedup_key", "channel"}, []string{"conversion_event"}},
	canonical.EndedEarly: {[]string{"experiment_id", "variant", "ended_reason"}, []string{"experiment_id", "variant", "ended_reason"}},
	canonical.Linked:     {[]string{"previous_user_id"}, []string{"user_id"}},
}

var common = []string{"event_id", "user_id", "anonymous_id", "at", "user_agent", "source_experiment", "source_variant"}

func checkOptions(raw map[string]any) error {
	_, err := compile(raw)
	return err
}

// compiled keeps mappings by the map that holds their options, which is the source's as long as the program runs:
// compiling costs a thousand times what running does, and so does comparing. Each holds on to its options, so that no
// other map can ever lie where they do.
var compiled sync.Map

type known struct {
	*mapping
	raw map[string]any
}

// mappingOf compiles a source's options, once.
func mappingOf(raw map[string]any) (*mapping, error) {
	at := reflect.ValueOf(raw).Pointer()
	if m, ok := compiled.Load(at); ok && raw != nil {
		return m.(known).mapping, nil
	}
	m, err := compile(raw)
	if err == nil {
		compiled.Store(at, known{m, raw})
	}
	return m, err
}

// compile reads settings as a YAML or JSON decoder leaves them, and reports all faults at once.
func compile(raw map[string]any) (*mapping, error) {
	m := &mapping{}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		var err error
		switch name {
		case "body":
			m.body, _ = raw[name].(string)
			if !slices.Contains([]string{"json", "ndjson", "form", "query"}, m.body) {
				err = errors.New("body: must be json, ndjson, form or query")
			}
		case "items":
			m.items, err = program("items", raw[name])
		case "events":
			m.rules, err = readRules(raw[name])
		default:
			err = fmt.Errorf("%.60s: no such option; there are body, items and events", name)
		}
		if err != nil {
			faults = append(faults, err)
		}
	}
	if raw["events"] == nil {
		faults = append(faults, errors.New("events: is required: a list of {kind, when, fields}"))
	}
	return m, errors.Join(faults...)
}

func readRules(raw any) (rules []rule, err error) {
	list, ok := raw.([]any)
	if !ok || len(list) == 0 {
		return nil, errors.New("events: must be a list of {kind, when, fields}")
	}
	var faults []error
	for i, one := range list {
		path := fmt.Sprintf("events[%d]", i)
		given, ok := one.(map[string]any)
		if !ok {
			faults = append(faults, fmt.Errorf("%s: must have kind, when and fields", path))
			continue
		}
		r, err := readRule(path, given)
		if err != nil {
			faults = append(faults, err)
		}
		rules = append(rules, r)
	}
	return rules, errors.Join(faults...)
}

func readRule(path string, given map[string]any) (rule, error) {
	r := rule{path: path, fields: map[string]*vm.Program{}}
	var faults []error
	word, _ := given["kind"].(string)
	if r.kind = kinds[word]; r.kind == 0 {
		faults = append(faults, fmt.Errorf("%s.kind: must be one of %s", path, strings.Join(slices.Sorted(maps.Keys(kinds)), ", ")))
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		var err error
		switch name {
		case "kind":
		case "when":
			r.when, err = program(path+".when", given[name])
		case "fields":
			err = r.readFields(given[name])
		default:
			err = fmt.Errorf("%s.%.60s: no such option; there are kind, when and fields", path, name)
		}
		if err != nil {
			faults = append(faults, err)
		}
	}
	for _, name := range fieldsOf[r.kind].must {
		if r.fields[name] == nil {
			faults = append(faults, fmt.Errorf("%s.fields.%s: is required", path, name))
		}
	}
	if r.kind != 0 && r.fields["user_id"] == nil && r.fields["anonymous_id"] == nil {
		faults = append(faults, fmt.Errorf("%s.fields: one of user_id and anonymous_id is required", path))
	}
	return r, errors.Join(faults...)
}

func (r *rule) readFields(raw any) error {
	given, ok := raw.(map[string]any)
	if !ok {
		return fmt.Errorf("%s.fields: must map fields to expressions", r.path)
	}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(given)) {
		path := r.path + ".fields." + name
		if may := fieldsOf[r.kind].may; r.kind != 0 && !slices.Contains(common, name) && !slices.Contains(may, name) {
			faults = append(faults, fmt.Errorf("%s: this kind has no such field; it has %s", path, strings.Join(append(slices.Clone(may), common...), ", ")))
			continue
		}
		p, err := program(path, given[name])
		if err != nil {
			faults = append(faults, err)
		}
		r.fields[name] = p
	}
	return errors.Join(faults...)
}

// program compiles an expression over body, item, index and query. What reads a clock is switched off.
func program(path string, raw any) (*vm.Program, error) {
	text, ok := raw.(string)
	if !ok || strings.TrimSpace(text) == "" {
		return nil, fmt.Errorf("%s: must be an expression, as text", path)
	}
	p, err := expr.Compile(text, expr.Env(environment{}), expr.DisableBuiltin("now"), expr.MaxNodes(500), expr.Timezone("UTC"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// environment is what expressions see.
type environment struct {
	Body  any            `expr:"body"`
	Item  any            `expr:"item"`
	Index int            `expr:"index"`
	Query map[string]any `expr:"query"`
}
