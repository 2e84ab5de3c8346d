package custom

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
)

// mapping is a source's options, compiled.
type mapping struct {
	body   string      // json, ndjson, form or query; "": by what it is
	items  *vm.Program // finds the items of a body; nil: body.batch if that is an array, else the body, or each of its elements
	sentAt *vm.Program // the time of sending by the sender's clock; nil: not known
	ignore *vm.Program // which items are not meant to count; nil: none
	rules  []rule
	verify []*scheme // nil: any
	read   []string  // the members of an item that the rules' conditions read, such as "type"
}

// rule makes an event of an item.
type rule struct {
	path   string
	kind   canonical.Kind
	when   *vm.Program // nil: always
	text   string      // of when
	fields map[string]*vm.Program
}

// kinds are the words of options for the kinds of event.
var kinds = map[string]canonical.Kind{
	"exposed": canonical.Exposed, "converted": canonical.Converted, "ended_early": canonical.EndedEarly, "linked": canonical.Linked,
	"unlinked": canonical.Unlinked,
}

// fieldsOf are the fields that a kind may have, and of these the ones that it must have.
var fieldsOf = map[canonical.Kind]struct{ may, must []string }{
	canonical.Exposed: {
		[]string{"experiment_id", "variant", "experiment_kind", "ambiguous_id", "source_experiment", "source_variant"},
		[]string{"experiment_id", "variant"},
	},
	canonical.Converted: {
		[]string{
			"conversion_event", "experiment_id", "variant", "value", "currency", "metric_value", "dedup_key", "adjusts", "channel", "ambiguous_id",
			"source_experiment", "source_variant",
		},
		[]string{"conversion_event"},
	},
	canonical.EndedEarly: {
		[]string{"experiment_id", "variant", "ended_reason", "ambiguous_id", "source_experiment", "source_variant"},
		[]string{"experiment_id", "variant", "ended_reason"},
	},
	canonical.Linked:   {[]string{"previous_user_id"}, []string{"user_id"}},
	canonical.Unlinked: {nil, []string{"user_id", "anonymous_id"}},
}

var common = []string{"event_id", "user_id", "anonymous_id", "at", "user_agent", "groups", "attributes"}

var table = []adapters.Option{
	{
		Name: "body", Kind: adapters.Text, Example: "ndjson", Words: []string{"json", "ndjson", "form", "query"},
		Doc: "how the body is written, `ndjson` being one item a line; without it a body that is JSON is read as JSON whatever its `Content-Type` says, anything else by its `Content-Type`",
	},
	{
		Name: "items", Kind: adapters.Text, Example: "body.rows", Must: "an expression, as text",
		Doc: "an expression for the items; without it they are `body.batch` if that is an array, else the elements of the body if it is an array, else the body itself",
	},
	{
		Name: "events", Kind: adapters.Free, Required: true, Must: "a list of {kind, when, fields}",
		Example: []any{map[string]any{"kind": "converted", "fields": map[string]any{"conversion_event": "item.type", "user_id": "item.user"}}},
		Doc:     "the rules: `kind` (`exposed`, `converted`, `ended_early`, `linked`, `unlinked`), `when` (without it: always), and an expression for each of `fields`",
	},
	{
		Name: "ignore", Kind: adapters.Text, Example: "item?.test == true", Must: "an expression, as text",
		Doc: "an expression for the items that are not meant to count",
	},
	{
		Name: "sent_at", Kind: adapters.Text, Example: "body?.sentAt", Must: "an expression, as text",
		Doc: "an expression for the time of sending by the sender's clock; times of a clock that is clearly wrong are corrected by it",
	},
	{
		Name: "verify", Kind: adapters.Free, Secret: true, Must: "the name of a scheme, or the description of one", Example: "stripe",
		Doc: "how the sender signs, [below](#signatures)",
	},
}

// open compiles the expressions of a source.
func open(s adapters.Settings) (adapters.Decoder, error) {
	m := &mapping{body: s.Text("body")}
	var faults []error
	compile := func(name string) (p *vm.Program) {
		text := s.Text(name)
		if text == "" {
			return nil
		}
		p, err := program(name, text)
		faults = append(faults, err)
		return p
	}
	m.items, m.sentAt, m.ignore = compile("items"), compile("sent_at"), compile("ignore")
	var err error
	if raw := s.Free("events"); raw != nil {
		m.rules, err = readRules(raw)
		faults = append(faults, err)
	}
	m.read = membersRead(m.rules)
	check := verifyAny
	if raw := s.Free("verify"); raw != nil {
		m.verify, err = readVerify(raw)
		faults = append(faults, err)
		check = m.verifyNamed
	}
	return adapters.Decoder{Verify: check, Decode: m.decode, Reply: reply}, errors.Join(faults...)
}

// membersRead are the members of an item that the conditions of rules read, in the order of the rules: item.type and
// item?.properties?.kind are type and properties.kind.
func membersRead(rules []rule) (paths []string) {
	for i := range rules {
		tree, err := parser.Parse(rules[i].text)
		if err != nil {
			continue // the rule is reported as a fault, or has no condition
		}
		found := members{}
		ast.Walk(&tree.Node, &found)
		for _, path := range found.paths {
			if !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// members collects the longest chains of members that begin at item.
type members struct {
	paths []string
}

// Visit is called for the parts of a node before the node.
func (m *members) Visit(node *ast.Node) {
	path, ok := memberPath(*node)
	if !ok || path == "" {
		return
	}
	m.paths = slices.DeleteFunc(m.paths, func(shorter string) bool { return strings.HasPrefix(path, shorter+".") })
	m.paths = append(m.paths, path)
}

// memberPath is the path of a chain of members that begins at item: "" for item itself.
func memberPath(node ast.Node) (path string, ok bool) {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return "", n.Value == "item"
	case *ast.ChainNode:
		return memberPath(n.Node)
	case *ast.MemberNode:
		base, ok := memberPath(n.Node)
		name, named := n.Property.(*ast.StringNode)
		if !ok || !named || n.Method {
			return "", false
		}
		return strings.TrimPrefix(base+"."+name.Value, "."), true
	}
	return "", false
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
			r.text, _ = given[name].(string)
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
		text := given[name]
		if parts, ok := text.(map[string]any); ok && (name == "groups" || name == "attributes") {
			text = object(parts)
		}
		p, err := program(path, text)
		if err != nil {
			faults = append(faults, err)
		}
		r.fields[name] = p
	}
	return errors.Join(faults...)
}

// object is the expression of an object whose members are given as an expression each.
func object(parts map[string]any) string {
	var b strings.Builder
	for i, name := range slices.Sorted(maps.Keys(parts)) {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s: (%v)", strconv.Quote(name), parts[name])
	}
	return "{" + b.String() + "}"
}

// program compiles an expression over body, item, index, query and path. What reads a clock is switched off.
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
	Path  string         `expr:"path"`
}
