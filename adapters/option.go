package adapters

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Option is one entry of an adapter's table of options. The table is the only description of what a source of the vendor may
// set: how the values are checked, what an error says and the table on the vendor's page come from it.
type Option struct {
	Name string
	Kind Kind
	Doc  string // when it is needed, in Markdown on one line

	// Default is the value of an option that is left out: a bool, a string, a []string or a map[string]string, as Kind says.
	// Nil: the zero value.
	Default any

	// Example is a value that the adapter takes, of the same type as Default, or anything for a Free option. Nil: the Default.
	Example any

	Must    string                      // completes "must be" for the option as a whole; "": by Kind and Words
	Each    string                      // completes "must be" for an entry of a list or a mapping; "": by Words
	Words   []string                    // the only texts that are allowed; nil: all
	Allowed func(key, text string) bool // whether a text is allowed; key is that of a mapping, else ""; nil: all are

	Required bool
	Filled   bool // a list or a mapping must have an entry
	Secret   bool // it means nothing to a source without secrets
}

// Kind is the type of an option's value.
type Kind uint8

// The kinds of options. No text, key or entry may be empty.
const (
	Switch    Kind = iota + 1 // true or false
	Text                      // a text
	List                      // a list of texts
	Map                       // a mapping of texts to texts
	TextOrMap                 // a text, which stands for a mapping of "" to it, or a mapping
	Free                      // anything; Open checks it
)

// Settings are the options of one source, checked against the adapter's table. Reading an option that the table does not have,
// or has as another kind, is a mistake in the adapter and panics.
type Settings struct {
	table []Option
	given map[string]any
}

// Switch is the value of an option of that kind.
func (s Settings) Switch(name string) bool {
	on, _ := s.value(name, Switch).(bool)
	return on
}

// Text is the value of an option of that kind.
func (s Settings) Text(name string) string {
	text, _ := s.value(name, Text).(string)
	return text
}

// List is the value of an option of that kind, nil if there is none.
func (s Settings) List(name string) []string {
	list, _ := s.value(name, List).([]string)
	return list
}

// Set is the value of a List, nil if the option is left out.
func (s Settings) Set(name string) map[string]bool {
	list := s.List(name)
	if list == nil {
		return nil
	}
	set := make(map[string]bool, len(list))
	for _, entry := range list {
		set[entry] = true
	}
	return set
}

// Map is the value of a Map or a TextOrMap, nil if there is none. It must not be written to.
func (s Settings) Map(name string) map[string]string {
	m, _ := s.value(name, Map, TextOrMap).(map[string]string)
	return m
}

// Free is the value of an option of that kind as a YAML or JSON decoder leaves it, nil if there is none.
func (s Settings) Free(name string) any { return s.value(name, Free) }

func (s Settings) value(name string, kinds ...Kind) any {
	for i := range s.table {
		o := &s.table[i]
		if o.Name != name || !slices.Contains(kinds, o.Kind) {
			continue
		}
		if v, ok := s.given[name]; ok {
			return v
		}
		return o.Default
	}
	panic(fmt.Sprintf("adapters: no option %q of this kind is in the table", name))
}

// read checks options as a YAML or JSON decoder leaves them. It reports all faults; what has one is left out.
func read(table []Option, raw map[string]any) (Settings, error) {
	s := Settings{table: table, given: make(map[string]any, len(raw))}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		i := slices.IndexFunc(table, func(o Option) bool { return o.Name == name })
		if i < 0 {
			faults = append(faults, fmt.Errorf("%.60s: no such option; %s", name, known(table)))
			continue
		}
		v, err := table[i].read(raw[name])
		if err != nil {
			faults = append(faults, err)
			continue
		}
		s.given[name] = v
	}
	for i := range table {
		if o := &table[i]; o.Required && raw[o.Name] == nil {
			faults = append(faults, fmt.Errorf("%s: is required: %s", o.Name, o.must()))
		}
	}
	return s, errors.Join(faults...)
}

func known(table []Option) string {
	if len(table) == 0 {
		return "this vendor has none; remove it"
	}
	names := make([]string, len(table))
	for i := range table {
		names[i] = table[i].Name
	}
	return "there are " + listed(names, "and")
}

// listed writes words as a sentence does: "a, b and c".
func listed(words []string, and string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " " + and + " " + words[n-1]
	}
	return strings.Join(words, "")
}

// Value describes what the option takes: "a list of flag keys".
func (o *Option) Value() string {
	switch {
	case len(o.Words) > 0 && o.Kind == Text:
		return listed(o.Words, "or")
	case o.Must != "":
		return o.Must
	}
	switch o.Kind {
	case Switch:
		return "true or false"
	case Text:
		return "a text"
	case List:
		return "a list of texts"
	case TextOrMap:
		return "a text, or a mapping of texts to texts"
	case Map:
		return "a mapping of texts to texts"
	}
	return "a value"
}

// must completes "must be" for the option as a whole.
func (o *Option) must() string {
	text := o.Must
	if text == "" {
		text = o.Value()
	}
	if o.Example != nil && len(o.Words) == 0 && o.Kind != Switch && o.Kind != Free {
		text += ", such as " + Flow(o.Example)
	}
	return text
}

func (o *Option) read(raw any) (any, error) {
	wrong := fmt.Errorf("%s: must be %s", o.Name, o.must())
	text, isText := raw.(string)
	list, isList := raw.([]any)
	mapping, isMap := raw.(map[string]any)
	switch {
	case o.Kind == Free:
		return raw, nil
	case o.Kind == Switch:
		if on, ok := raw.(bool); ok {
			return on, nil
		}
	case o.Kind == Text && isText && o.allowed("", text):
		return text, nil
	case o.Kind == TextOrMap && isText && o.allowed("", text):
		return map[string]string{"": text}, nil
	case o.Kind == List && isList && (len(list) > 0 || !o.Filled):
		return o.readList(list)
	case (o.Kind == Map || o.Kind == TextOrMap) && isMap && (len(mapping) > 0 || !o.Filled):
		return o.readMap(mapping)
	}
	return nil, wrong
}

func (o *Option) allowed(key, text string) bool {
	return text != "" && (len(o.Words) == 0 || slices.Contains(o.Words, text)) && (o.Allowed == nil || o.Allowed(key, text))
}

// each completes "must be" for one entry.
func (o *Option) each() string {
	switch {
	case o.Each != "":
		return o.Each
	case len(o.Words) > 0:
		return listed(o.Words, "or")
	}
	return "a text"
}

func (o *Option) readList(raw []any) ([]string, error) {
	list := make([]string, 0, len(raw))
	var faults []error
	for i, v := range raw {
		if text, ok := v.(string); ok && o.allowed("", text) {
			list = append(list, text)
		} else {
			faults = append(faults, fmt.Errorf("%s[%d]: must be %s", o.Name, i, o.each()))
		}
	}
	return list, errors.Join(faults...)
}

func (o *Option) readMap(raw map[string]any) (map[string]string, error) {
	m := make(map[string]string, len(raw))
	var faults []error
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		text, ok := raw[key].(string)
		switch {
		case key == "":
			faults = append(faults, fmt.Errorf("%s: a key must not be empty", o.Name))
		case !ok || !o.allowed(key, text):
			faults = append(faults, fmt.Errorf("%s.%.60s: must be %s", o.Name, key, o.each()))
		default:
			m[key] = text
		}
	}
	return m, errors.Join(faults...)
}

// Flow writes an option's value on one line, as a YAML file may say it: [a, "$b"], {refund: purchase}.
func Flow(v any) string {
	switch v := v.(type) {
	case string:
		return flowText(v)
	case []string:
		return "[" + strings.Join(flowAll(v), ", ") + "]"
	case []any:
		return "[" + strings.Join(flowAll(v), ", ") + "]"
	case map[string]string:
		return flowMap(v)
	case map[string]any:
		return flowMap(v)
	}
	return fmt.Sprint(v)
}

func flowAll[T any](list []T) []string {
	texts := make([]string, len(list))
	for i := range list {
		texts[i] = Flow(list[i])
	}
	return texts
}

func flowMap[T any](m map[string]T) string {
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, flowText(key)+": "+Flow(m[key]))
	}
	return "{" + strings.Join(pairs, ", ") + "}"
}

// flowText quotes a text that YAML would read as something else.
func flowText(text string) string {
	plain := text != "" && (text[0] >= 'A' && text[0] <= 'Z' || text[0] >= 'a' && text[0] <= 'z')
	for _, c := range text {
		plain = plain && (c == ' ' || c == '_' || c == '-' || c == '.' || c == '/' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z')
	}
	switch strings.ToLower(text) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		plain = false
	}
	if plain {
		return text
	}
	return strconv.Quote(text)
}
