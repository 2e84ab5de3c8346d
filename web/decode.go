package web

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/registry"
)

// decode reads JSON into a struct strictly: what the struct does not know or cannot hold is refused with its pointer,
// every such fault at once. encoding/json alone would name the first one only, without its place, and take names in
// any case.
func decode(body []byte, into any) error {
	if !utf8.Valid(body) {
		return problem.BadRequest("The body is not UTF-8.")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return problem.BadRequest(fmt.Sprintf("The body is not JSON: %v, near byte %d.", err, dec.InputOffset()))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return problem.BadRequest(fmt.Sprintf("The body goes on after its JSON ends, at byte %d.", dec.InputOffset()))
	}
	var s shape
	if _, object := tree.(map[string]any); !object {
		s.fault("", "must be an object")
	} else {
		s.check(tree, reflect.TypeOf(into), "")
	}
	if len(s.faults) == 0 {
		if err := json.Unmarshal(body, into); err != nil {
			s.fault("", "%v", err)
		}
	}
	if len(s.faults) > 0 {
		return invalid(s.faults)
	}
	return nil
}

// shape compares JSON with the type that it is for.
type shape struct{ faults registry.Faults }

func (s *shape) fault(at, format string, args ...any) {
	s.faults = append(s.faults, registry.Fault{Pointer: at, Detail: fmt.Sprintf(format, args...)})
}

var (
	textType = reflect.TypeFor[encoding.TextUnmarshaler]()
	jsonType = reflect.TypeFor[json.Unmarshaler]()
)

// check walks value and type side by side. A null is as good as nothing.
func (s *shape) check(v any, t reflect.Type, at string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if v == nil {
		return
	}
	text, isText := v.(string)
	switch p := reflect.PointerTo(t); {
	case p.Implements(textType):
		s.text(text, isText, reflect.New(t).Interface().(encoding.TextUnmarshaler), at)
		return
	case p.Implements(jsonType) && abbreviates(v, t):
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		s.object(v, t, at)
	case reflect.Map:
		members, ok := v.(map[string]any)
		if !ok {
			s.fault(at, "must be an object")
		}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			s.check(members[name], t.Elem(), at+"/"+escape(name))
		}
	case reflect.Slice:
		items, ok := v.([]any)
		if !ok {
			s.fault(at, "must be an array")
		}
		for i, item := range items {
			s.check(item, t.Elem(), at+"/"+strconv.Itoa(i))
		}
	default:
		s.scalar(v, t, at)
	}
}

// abbreviates reports whether a text or a number stands for a value of a type that reads its own JSON.
func abbreviates(v any, t reflect.Type) bool {
	switch v.(type) {
	case string, json.Number:
		text, err := json.Marshal(v)
		return err == nil && json.Unmarshal(text, reflect.New(t).Interface()) == nil
	}
	return false
}

func (s *shape) text(text string, isText bool, into encoding.TextUnmarshaler, at string) {
	err := into.UnmarshalText([]byte(text))
	if !isText {
		err = into.UnmarshalText([]byte("no text")) // whose error says what would be right
	}
	if err != nil {
		s.fault(at, "%v", err)
	}
}

func (s *shape) object(v any, t reflect.Type, at string) {
	members, ok := v.(map[string]any)
	if !ok {
		s.fault(at, "must be an object")
		return
	}
	known := membersOf(t)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		member, ok := known[name]
		if !ok {
			s.fault(at+"/"+escape(name), "is not known here; known are %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
			continue
		}
		s.check(members[name], member, at+"/"+escape(name))
	}
}

// membersOf are the JSON names of a struct, those of what it embeds among them.
func membersOf(t reflect.Type) map[string]reflect.Type {
	known := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			maps.Copy(known, membersOf(f.Type))
		case name != "" && name != "-":
			known[name] = f.Type
		}
	}
	return known
}

func (s *shape) scalar(v any, t reflect.Type, at string) {
	number, isNumber := v.(json.Number)
	ok, want := false, ""
	switch t.Kind() {
	case reflect.String:
		_, ok = v.(string)
		want = "must be text"
	case reflect.Bool:
		_, ok = v.(bool)
		want = "must be true or false"
	case reflect.Int, reflect.Int64:
		_, err := strconv.ParseInt(number.String(), 10, 64)
		ok, want = isNumber && err == nil, "must be a whole number"
	case reflect.Uint64:
		_, err := strconv.ParseUint(number.String(), 10, 64)
		ok, want = isNumber && err == nil, "must be a whole number, from 0"
	case reflect.Float64:
		_, err := strconv.ParseFloat(number.String(), 64)
		ok, want = isNumber && err == nil, "must be a number"
	}
	if !ok {
		s.fault(at, "%s", want)
	}
}

func escape(token string) string {
	return strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1")
}
