package web

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/registry"
)

// read returns the request body. A page of another site can make a browser send any text, or nothing, but not JSON: so no
// other type is accepted, and a page of another site must state its type.
func read(c echo.Context, types ...string) ([]byte, error) {
	if header := c.Request().Header.Get("Content-Type"); header != "" {
		media, _, err := mime.ParseMediaType(header)
		if err != nil || !slices.Contains(types, media) {
			return nil, problem.UnsupportedMediaType(fmt.Sprintf("Content-Type %.80q is not supported; send %s.", header, strings.Join(types, " or ")))
		}
	} else if err := http.NewCrossOriginProtection().Check(c.Request()); err != nil {
		return nil, problem.UnsupportedMediaType("A page of another site must send Content-Type: " + types[0] + ".")
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, maxDefinition))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, problem.TooLarge(fmt.Sprintf("A definition has at most %d bytes.", maxDefinition))
	}
	if err != nil {
		return nil, problem.BadRequest("The body ended early: " + err.Error())
	}
	return body, nil
}

// maxDefinition is the size of the largest definition, in bytes.
const maxDefinition = 1 << 20

func invalid(faults registry.Faults) error {
	p := problem.Invalid("The body is not valid. Fix the fields in errors and send it again.")
	for _, f := range faults {
		p.Errors = append(p.Errors, problem.FieldError{Pointer: f.Pointer, Detail: f.Detail})
	}
	return p
}

// refusal is a step that was not taken as the client reads it.
func refusal(err error) error {
	if faults := registry.Faults(nil); errors.As(err, &faults) {
		return invalid(faults)
	}
	if refused := registry.Refused(""); errors.As(err, &refused) {
		return problem.Conflict(string(refused))
	}
	return err
}

// precondition compares If-Match with the revision, strongly, as RFC 9110 wants it. What begins a sentence about it.
func precondition(r *http.Request, what string, revision int, must bool) error {
	header := r.Header.Values("If-Match")
	tag := entityTag(revision)
	if len(header) == 0 {
		if !must {
			return nil
		}
		return problem.Problem{
			Status: http.StatusPreconditionRequired,
			Detail: "Send If-Match with the ETag of the version you read, such as If-Match: " + tag + ", so that no change is lost.",
		}
	}
	for _, list := range header {
		for one := range strings.SplitSeq(list, ",") {
			if one = strings.TrimSpace(one); one == "*" || one == tag {
				return nil
			}
		}
	}
	return problem.PreconditionFailed(fmt.Sprintf("%s at revision %d now. GET it, check what changed, and send your change again with If-Match: %s.", what, revision, tag))
}

// encode is v as one line of JSON.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write the answer: %w", err)
	}
	return b.Bytes(), nil
}

// answer writes v.
func answer(c echo.Context, status int, v any) error {
	body, err := encode(v)
	if err != nil {
		return err
	}
	return c.Blob(status, echo.MIMEApplicationJSON, body)
}

// tagOf names a content.
func tagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}

// fresh answers with the body, or that the client has it already. A cache may keep it and must ask every time.
func fresh(c echo.Context, tag string, body []byte) error {
	h := c.Response().Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", tag)
	if matches(c.Request().Header.Values("If-None-Match"), tag) {
		return c.NoContent(http.StatusNotModified)
	}
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, body)
}

// matches compares weakly, as RFC 9110 wants it for If-None-Match.
func matches(header []string, tag string) bool {
	for _, list := range header {
		for _, one := range strings.Split(list, ",") {
			if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
				return true
			}
		}
	}
	return false
}

// idOf is the experiment's id in the path. Echo matches the escaped path if it differs from the plain one, and hands
// out parameters as they stand there; only those are still to be unescaped.
func idOf(c echo.Context) (string, error) {
	id := c.Param("id")
	if c.Request().URL.RawPath == "" {
		return id, nil
	}
	id, err := url.PathUnescape(id)
	if err != nil {
		return "", problem.BadRequest("The id in the path is not a valid URL escape: " + err.Error())
	}
	return id, nil
}

func unknown(id string) error {
	return problem.NotFound(fmt.Sprintf("No experiment has the id %q, and no event has named it. GET /v1/experiments lists them all.", id))
}

func noRun(id string, run int) error {
	return problem.NotFound(fmt.Sprintf("The experiment %q has no run %d. GET /v1/experiments/%s lists its runs.", id, run, url.PathEscape(id)))
}

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
		return problem.BadRequest(fmt.Sprintf("The body has data after the end of its JSON, at byte %d.", dec.InputOffset()))
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
			s.fault(at+"/"+escape(name), "is not a known field; known fields: %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
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
