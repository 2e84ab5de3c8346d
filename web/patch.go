package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/registry"
)

// mergePatch is the media type of RFC 7396.
const mergePatch = "application/merge-patch+json"

// patch is PATCH /v1/experiments/{id}.
func (a *API) patch(c echo.Context) error {
	return a.change(c, true, []string{mergePatch, echo.MIMEApplicationJSON}, patched)
}

// patched merges the body into the definition; nil: nothing is new.
func patched(e *edit) (*registry.Change, error) {
	if err := decode(e.body, &registry.Definition{}); err != nil { // a patch has the shape of what it patches
		return nil, err
	}
	before, err := encode(e.x.Definition)
	if err != nil {
		return nil, err
	}
	from, err := tree(before)
	if err != nil {
		return nil, err
	}
	with, err := tree(e.body)
	if err != nil {
		return nil, err
	}
	if id, given := with["id"]; given && id != e.x.ID {
		return nil, registry.Faults{{Pointer: "/id", Detail: fmt.Sprintf("is %q for good; declare another experiment for another id", e.x.ID)}}
	}
	text, err := encode(merge(from, with))
	if err != nil {
		return nil, err
	}
	var d registry.Definition
	if err := decode(text, &d); err != nil {
		return nil, err
	}
	if err := accept(&d, e); err != nil {
		return nil, err
	}
	what, err := differences(before, &d)
	if what == "" || err != nil {
		return nil, err
	}
	return e.x.Edit(d, registry.Step{Now: e.now, By: e.by}, "changed "+what)
}

// accept fills in the defaults and says every fault at once.
func accept(d *registry.Definition, e *edit) error {
	var all registry.Faults
	for _, err := range []error{d.Normalize(), e.view.Registry.Taken(d)} {
		if faults := registry.Faults(nil); errors.As(err, &faults) {
			all = append(all, faults...)
		} else if err != nil {
			return err
		}
	}
	if len(all) > 0 {
		return all
	}
	return nil
}

// tree reads an object, its numbers as they are written.
func tree(text []byte) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var t map[string]any
	err := dec.Decode(&t)
	return t, err
}

// merge is MergePatch of RFC 7396, section 2.
func merge(target any, patch any) any {
	members, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	into, ok := target.(map[string]any)
	if !ok {
		into = map[string]any{}
	}
	for name, value := range members {
		if value == nil {
			delete(into, name)
		} else {
			into[name] = merge(into[name], value)
		}
	}
	return into
}

// differences names the members of the definition that are others than before.
func differences(before []byte, d *registry.Definition) (string, error) {
	after, err := encode(d)
	if err != nil {
		return "", err
	}
	var old, now map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(before, &old), json.Unmarshal(after, &now)); err != nil {
		return "", err
	}
	names := map[string]struct{}{}
	for name := range old {
		names[name] = struct{}{}
	}
	for name := range now {
		names[name] = struct{}{}
	}
	maps.DeleteFunc(names, func(name string, _ struct{}) bool { return bytes.Equal(old[name], now[name]) })
	return strings.Join(slices.Sorted(maps.Keys(names)), ", "), nil
}
