// Package jsonscan walks JSON text without building a tree, for the two places where every event passes: the
// canonical wire form and the vendors' decoders. encoding/json spends several microseconds on a small event, most of
// it in reflection and in reading the text twice; at the rates the gateway answers for, that is the whole budget.
//
// The grammar is RFC 8259's, and a fuzzer holds it to encoding/json's verdict on every input. It imports nothing of
// this module; canonical, adapters and the vendors' folders may import it, nothing else needs to.
package jsonscan

import (
	"errors"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may nest. No vendor nests past ten; the limit keeps hostile input from
// growing the stack.
const MaxDepth = 128

// ErrSyntax is what every syntax fault wraps: the text is not JSON.
var ErrSyntax = errors.New("not valid JSON")

// ErrType is what every fault of type wraps: the text is JSON, but not the kind that was asked for. The cursor has
// not moved, so the caller may skip the value and go on.
var ErrType = errors.New("wrong JSON type")

// Cursor is a position in a JSON text. The zero value is at the start of an empty text. It is not safe for
// concurrent use; copying it copies the position.
type Cursor struct {
	data  []byte
	text  string // data as a string, made when String is first called
	pos   int
	depth int
}

// New gives a cursor at the start of data, which it never writes to.
func New(data []byte) Cursor { return Cursor{data: data} }

// Offset is the number of bytes before the cursor.
func (c *Cursor) Offset() int { return c.pos }

func (c *Cursor) syntax(detail string) error {
	return fmt.Errorf("%w at byte %d: %s", ErrSyntax, c.pos, detail)
}

func (c *Cursor) space() {
	for c.pos < len(c.data) {
		switch c.data[c.pos] {
		case ' ', '\t', '\n', '\r':
			c.pos++
		default:
			return
		}
	}
}

// Peek tells what the next value is by its first byte: '{', '[', '"', 't', 'f', 'n', '0' for any number, or 0 where
// the text ends or no value can start.
func (c *Cursor) Peek() byte {
	c.space()
	if c.pos >= len(c.data) {
		return 0
	}
	switch b := c.data[c.pos]; {
	case b == '-' || (b >= '0' && b <= '9'):
		return '0'
	case b == '{' || b == '[' || b == '"' || b == 't' || b == 'f' || b == 'n':
		return b
	}
	return 0
}

// Name says in words what a byte of Peek stands for.
func Name(kind byte) string {
	switch kind {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "no value"
}

func (c *Cursor) want(kind byte) error {
	got := c.Peek()
	if got == kind {
		return nil
	}
	if got == 0 {
		return c.syntax("a value is missing")
	}
	return fmt.Errorf("%w: must be %s, is %s", ErrType, Name(kind), Name(got))
}

// Object calls fn once for every member with its decoded key; fn must consume exactly the member's value. The key is
// valid only during the call.
func (c *Cursor) Object(fn func(key []byte) error) error {
	if err := c.want('{'); err != nil {
		return err
	}
	if err := c.enter(); err != nil {
		return err
	}
	defer c.leave()
	if c.space(); c.pos < len(c.data) && c.data[c.pos] == '}' {
		c.pos++
		return nil
	}
	for {
		c.space()
		if c.pos >= len(c.data) || c.data[c.pos] != '"' {
			return c.syntax("a member's name is missing")
		}
		key, err := c.Text()
		if err != nil {
			return err
		}
		if c.space(); c.pos >= len(c.data) || c.data[c.pos] != ':' {
			return c.syntax("a colon is missing")
		}
		c.pos++
		if err := fn(key); err != nil {
			return err
		}
		more, err := c.next('}')
		if err != nil || !more {
			return err
		}
	}
}

// Array calls fn once for every element with its index; fn must consume exactly that element.
func (c *Cursor) Array(fn func(i int) error) error {
	if err := c.want('['); err != nil {
		return err
	}
	if err := c.enter(); err != nil {
		return err
	}
	defer c.leave()
	if c.space(); c.pos < len(c.data) && c.data[c.pos] == ']' {
		c.pos++
		return nil
	}
	for i := 0; ; i++ {
		if err := fn(i); err != nil {
			return err
		}
		more, err := c.next(']')
		if err != nil || !more {
			return err
		}
	}
}

func (c *Cursor) enter() error {
	if c.depth++; c.depth > MaxDepth {
		return c.syntax(fmt.Sprintf("nested deeper than %d", MaxDepth))
	}
	c.pos++
	return nil
}

func (c *Cursor) leave() { c.depth-- }

func (c *Cursor) next(closing byte) (bool, error) {
	c.space()
	if c.pos >= len(c.data) {
		return false, c.syntax("the text ends too early")
	}
	switch c.data[c.pos] {
	case ',':
		c.pos++
		return true, nil
	case closing:
		c.pos++
		return false, nil
	}
	return false, c.syntax("a comma is missing")
}

// End reports anything but white space after the cursor.
func (c *Cursor) End() error {
	if c.space(); c.pos < len(c.data) {
		return c.syntax("text after the end of the value")
	}
	return nil
}

// Null consumes a null, if that is what comes next, and says whether it did.
func (c *Cursor) Null() bool {
	if c.Peek() == 'n' && c.literal("null") == nil {
		return true
	}
	return false
}

// Bool consumes a boolean.
func (c *Cursor) Bool() (bool, error) {
	switch c.Peek() {
	case 't':
		return true, c.literal("true")
	case 'f':
		return false, c.literal("false")
	}
	return false, c.want('t')
}

func (c *Cursor) literal(word string) error {
	if len(c.data)-c.pos < len(word) || string(c.data[c.pos:c.pos+len(word)]) != word {
		return c.syntax("a word that is neither true, false nor null")
	}
	c.pos += len(word)
	return nil
}

// Number consumes a number and returns its text as written, which aliases the input.
func (c *Cursor) Number() ([]byte, error) {
	if err := c.want('0'); err != nil {
		return nil, err
	}
	start := c.pos
	if c.data[c.pos] == '-' {
		c.pos++
	}
	switch {
	case c.pos < len(c.data) && c.data[c.pos] == '0':
		c.pos++
	case !c.digits():
		return nil, c.syntax("a number without digits")
	}
	if c.pos < len(c.data) && c.data[c.pos] == '.' {
		c.pos++
		if !c.digits() {
			return nil, c.syntax("a number without digits after the point")
		}
	}
	if c.pos < len(c.data) && (c.data[c.pos] == 'e' || c.data[c.pos] == 'E') {
		c.pos++
		if c.pos < len(c.data) && (c.data[c.pos] == '+' || c.data[c.pos] == '-') {
			c.pos++
		}
		if !c.digits() {
			return nil, c.syntax("a number without digits in its exponent")
		}
	}
	return c.data[start:c.pos], nil
}

func (c *Cursor) digits() bool {
	start := c.pos
	for c.pos < len(c.data) && c.data[c.pos] >= '0' && c.data[c.pos] <= '9' {
		c.pos++
	}
	return c.pos > start
}

// Text consumes a string and returns it decoded. Without escapes the result aliases the input. Bytes that are not
// UTF-8 are a syntax error; half of a surrogate pair becomes U+FFFD, as encoding/json has it.
func (c *Cursor) Text() ([]byte, error) {
	if err := c.want('"'); err != nil {
		return nil, err
	}
	start := c.pos + 1
	ascii := true
	for i := start; i < len(c.data); i++ {
		switch b := c.data[i]; {
		case b == '"':
			text := c.data[start:i]
			if !ascii && !utf8.Valid(text) {
				return nil, c.syntax("a string that is not UTF-8")
			}
			c.pos = i + 1
			return text, nil
		case b == '\\':
			return c.unescape(start, i)
		case b < ' ':
			c.pos = i
			return nil, c.syntax("a control character inside a string")
		case b >= utf8.RuneSelf:
			ascii = false
		}
	}
	c.pos = len(c.data)
	return nil, c.syntax("a string without end")
}

// String is Text as a string. All strings of one cursor share one copy of the input, so that reading a small text with
// many members costs one allocation; the result keeps that copy alive.
func (c *Cursor) String() (string, error) {
	c.space()
	start := c.pos + 1
	b, err := c.Text()
	if err != nil {
		return "", err
	}
	if len(b) == 0 {
		return "", nil
	}
	if &b[0] != &c.data[start] { // it had escapes
		return string(b), nil
	}
	if c.text == "" {
		c.text = string(c.data)
	}
	return c.text[start : start+len(b)], nil
}

// unescape decodes the string that starts at start and has its first backslash at i.
func (c *Cursor) unescape(start, i int) ([]byte, error) {
	out := append(make([]byte, 0, len(c.data[start:i])+32), c.data[start:i]...)
	for i < len(c.data) {
		switch b := c.data[i]; {
		case b == '"':
			if !utf8.Valid(out) {
				return nil, c.syntax("a string that is not UTF-8")
			}
			c.pos = i + 1
			return out, nil
		case b < ' ':
			c.pos = i
			return nil, c.syntax("a control character inside a string")
		case b != '\\':
			out = append(out, b)
			i++
		default:
			var err error
			if out, i, err = c.escape(out, i); err != nil {
				return nil, err
			}
		}
	}
	c.pos = len(c.data)
	return nil, c.syntax("a string without end")
}

// escape decodes the escape at i and returns the position after it.
func (c *Cursor) escape(out []byte, i int) ([]byte, int, error) {
	if i+1 >= len(c.data) {
		c.pos = len(c.data)
		return nil, i, c.syntax("a string without end")
	}
	switch e := c.data[i+1]; e {
	case '"', '\\', '/':
		return append(out, e), i + 2, nil
	case 'b':
		return append(out, '\b'), i + 2, nil
	case 'f':
		return append(out, '\f'), i + 2, nil
	case 'n':
		return append(out, '\n'), i + 2, nil
	case 'r':
		return append(out, '\r'), i + 2, nil
	case 't':
		return append(out, '\t'), i + 2, nil
	case 'u':
		r, ok := hex4(c.data[i+2:])
		if !ok {
			break
		}
		i += 6
		if utf16.IsSurrogate(r) {
			low, ok := rune(0), false
			if i+1 < len(c.data) && c.data[i] == '\\' && c.data[i+1] == 'u' {
				low, ok = hex4(c.data[i+2:])
			}
			if pair := utf16.DecodeRune(r, low); ok && pair != utf8.RuneError {
				return utf8.AppendRune(out, pair), i + 6, nil
			}
			r = utf8.RuneError
		}
		return utf8.AppendRune(out, r), i, nil
	}
	c.pos = i
	return nil, i, c.syntax("an unknown escape")
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, d := range b[:4] {
		switch {
		case d >= '0' && d <= '9':
			d -= '0'
		case d >= 'a' && d <= 'f':
			d -= 'a' - 10
		case d >= 'A' && d <= 'F':
			d -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	return r, true
}

// Raw consumes one value of any kind, checks it, and returns its text, which aliases the input.
func (c *Cursor) Raw() ([]byte, error) {
	c.space()
	start := c.pos
	if err := c.Skip(); err != nil {
		return nil, err
	}
	return c.data[start:c.pos], nil
}

// Skip consumes one value of any kind and checks it.
func (c *Cursor) Skip() error {
	switch c.Peek() {
	case '{':
		return c.Object(c.skipMember)
	case '[':
		return c.Array(c.skipElement)
	case '"':
		return c.skipText()
	case '0':
		_, err := c.Number()
		return err
	case 't', 'f':
		_, err := c.Bool()
		return err
	case 'n':
		return c.literal("null")
	}
	return c.syntax("a value is missing")
}

func (c *Cursor) skipMember([]byte) error { return c.Skip() }
func (c *Cursor) skipElement(int) error   { return c.Skip() }

// skipText is Text without the decoding of long strings that nobody reads.
func (c *Cursor) skipText() error {
	for i := c.pos + 1; i < len(c.data); i++ {
		switch b := c.data[i]; {
		case b == '"':
			c.pos = i + 1
			return nil
		case b == '\\' || b >= utf8.RuneSelf:
			_, err := c.Text()
			return err
		case b < ' ':
			c.pos = i
			return c.syntax("a control character inside a string")
		}
	}
	c.pos = len(c.data)
	return c.syntax("a string without end")
}

// Check reports why data is not one JSON value, or nil.
func Check(data []byte) error {
	c := New(data)
	if err := c.Skip(); err != nil {
		return err
	}
	return c.End()
}
