// Package field has the readers of JSON members and the small checks that adapters share, so that each vendor's folder holds
// only what is that vendor's. A reader consumes exactly one value of whatever type and fails only on a syntax error: a value of a
// wrong type is noted, because most members are not needed for most items.
//
// Adapters import it, package adapters does for its JSON text; it must import neither.
package field

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// Fault is the error of an item that cannot be counted because of a field, in the vendor's words.
func Fault(field, detail string) error { return &canonical.FieldError{Field: field, Detail: detail} }

// IsLabel reports whether a text can be an id or a name: 1 to 200 bytes of valid UTF-8 without control characters.
func IsLabel(s string) bool {
	control := func(c rune) bool { return c < ' ' || c >= 0x7f && c <= 0x9f }
	return s != "" && len(s) <= canonical.MaxID && utf8.ValidString(s) && strings.IndexFunc(s, control) < 0
}

// IsWhole reports whether a number, as it is written, consists of digits alone.
func IsWhole(digits []byte) bool {
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// IsBrowser reports whether a user agent is a browser's, or that of a robot that poses as one. A server's HTTP client has another,
// which says nothing about its users.
func IsBrowser(agent string) bool { return strings.HasPrefix(agent, "Mozilla/") }

// Given is what became of a member.
type Given uint8

// The values of Given.
const (
	Absent Given = iota // or null
	Right
	Wrong // of a type that the vendor does not write
)

// Must is nil for a member that is there, else the fault of the field that needs it. be completes "must be".
func (g Given) Must(field, be string) error {
	switch g {
	case Right:
		return nil
	case Wrong:
		return Fault(field, "must be "+be)
	}
	return Fault(field, "is required")
}

// Tri is a boolean that may be missing.
type Tri uint8

// The values of Tri.
const (
	Unsaid Tri = iota
	Yes
	No
)

// Text is a string.
type Text struct {
	S     string
	Given Given
}

// Number is a number as it is written. It aliases what is read.
type Number struct {
	Digits []byte
	Given  Given
}

// Scalar is a string, a number or a boolean: vendors write ids as any of them.
type Scalar struct {
	First byte   // as jsonscan.Cursor.Peek returns it; 0: absent, null, an object or an array
	S     string // the string, or the number or boolean as it is written
}

// IsTrue reports the boolean true, or a text that says so.
func (v Scalar) IsTrue() bool { return v.S == "true" }

// ReadText reads a string.
func ReadText(c *jsonscan.Cursor, dst *Text) (err error) {
	*dst = Text{}
	switch c.Peek() {
	case '"':
		dst.Given = Right
		dst.S, err = c.String()
		return err
	case 'n':
	default:
		dst.Given = Wrong
	}
	return c.Skip()
}

// ReadID reads a string, or a whole number as a text.
func ReadID(c *jsonscan.Cursor, dst *Text) error {
	if c.Peek() != '0' {
		return ReadText(c, dst)
	}
	digits, err := c.Number()
	*dst = Text{Given: Wrong}
	if err == nil && IsWhole(digits) {
		*dst = Text{S: string(digits), Given: Right}
	}
	return err
}

// ReadNumber reads a number.
func ReadNumber(c *jsonscan.Cursor, dst *Number) (err error) {
	*dst = Number{}
	switch c.Peek() {
	case '0':
		dst.Given = Right
		dst.Digits, err = c.Number()
		return err
	case 'n':
	default:
		dst.Given = Wrong
	}
	return c.Skip()
}

// ReadScalar reads a string, a number or a boolean.
func ReadScalar(c *jsonscan.Cursor, dst *Scalar) (err error) {
	*dst = Scalar{First: c.Peek()}
	switch dst.First {
	case '"':
		dst.S, err = c.String()
		return err
	case '0', 't', 'f':
		raw, err := c.Raw()
		dst.S = string(raw)
		return err
	}
	dst.First = 0
	return c.Skip()
}

// ReadFlag reads a boolean. Anything else is false.
func ReadFlag(c *jsonscan.Cursor, dst *bool) (err error) {
	*dst = false
	if first := c.Peek(); first == 't' || first == 'f' {
		*dst, err = c.Bool()
		return err
	}
	return c.Skip()
}

// ReadTri reads a boolean. Anything else is Unsaid.
func ReadTri(c *jsonscan.Cursor, dst *Tri) error {
	*dst = Unsaid
	if first := c.Peek(); first != 't' && first != 'f' {
		return c.Skip()
	}
	yes, err := c.Bool()
	if *dst = No; yes {
		*dst = Yes
	}
	return err
}

// ReadObject reads the members of an object with member.
func ReadObject(c *jsonscan.Cursor, member func(name []byte) error) (Given, error) {
	switch c.Peek() {
	case '{':
		return Right, c.Object(member)
	case 'n':
		return Absent, c.Skip()
	}
	return Wrong, c.Skip()
}

// ReadArray reads the elements of an array with element.
func ReadArray(c *jsonscan.Cursor, element func(i int) error) (Given, error) {
	switch c.Peek() {
	case '[':
		return Right, c.Array(element)
	case 'n':
		return Absent, c.Skip()
	}
	return Wrong, c.Skip()
}

// AppendText appends a text as JSON.
func AppendText(dst []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			raw, err := json.Marshal(text)
			if err != nil { // it cannot be
				return append(dst, `""`...)
			}
			return append(dst, raw...)
		}
	}
	return append(append(append(dst, '"'), text...), '"')
}
