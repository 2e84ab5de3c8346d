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

// Check reports why data is not one JSON value, or nil.
func Check(data []byte) error {
	c := New(data)
	if err := c.Skip(); err != nil {
		return err
	}
	return c.End()
}
