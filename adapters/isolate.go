package adapters

import (
	"errors"
	"fmt"

	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// Isolate separates the items of a body that is not valid JSON, so that one broken item, such as one with NaN or Infinity
// as Python and Go programs write them, costs only itself. It looks at the elements of an array, or of the arrays that are
// members of an object, replaces each element that is not valid JSON with null, and returns the new body with the fault of
// each replaced element by its offset in it. A decoder reads that body as usual and rejects the elements that have a fault.
//
// It returns nil if there is nothing to separate: the body is no such array or object, it ends too early, or it is broken
// outside its items.
func Isolate(body []byte) (isolated []byte, faults map[int]error) {
	s := isolator{in: body, faults: map[int]error{}}
	if !s.body() || len(s.faults) == 0 {
		return nil, nil
	}
	check := jsonscan.New(s.out)
	if errors.Join(check.Skip(), check.End()) != nil {
		return nil, nil
	}
	return s.out, s.faults
}

type isolator struct {
	in     []byte
	pos    int
	out    []byte
	faults map[int]error
}

// peek skips white space and returns the next byte, 0 at the end.
func (s *isolator) peek() byte {
	for s.pos < len(s.in) {
		switch c := s.in[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// take copies the next byte if it is c.
func (s *isolator) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.out = append(s.out, c)
	s.pos++
	return true
}

// valid copies one valid value.
func (s *isolator) valid() bool {
	s.peek()
	c := jsonscan.New(s.in[s.pos:])
	if c.Skip() != nil {
		return false
	}
	end := s.pos + c.Offset()
	s.out = append(s.out, s.in[s.pos:end]...)
	s.pos = end
	return true
}

func (s *isolator) body() bool {
	if s.peek() == '[' {
		return s.array() && s.peek() == 0
	}
	if !s.take('{') {
		return false
	}
	if s.take('}') {
		return s.peek() == 0
	}
	for {
		if s.peek() != '"' || !s.valid() || !s.take(':') {
			return false
		}
		read := s.valid
		if s.peek() == '[' {
			read = s.array
		}
		if !read() {
			return false
		}
		if !s.take(',') {
			return s.take('}') && s.peek() == 0
		}
	}
}

func (s *isolator) array() bool {
	if !s.take('[') {
		return false
	}
	if s.take(']') {
		return true
	}
	for {
		if !s.element() {
			return false
		}
		if !s.take(',') {
			return s.take(']')
		}
	}
}

// element copies one element, or null and a fault in its place.
func (s *isolator) element() bool {
	s.peek()
	start := s.pos
	if !s.skip() {
		return false
	}
	text := s.in[start:s.pos]
	c := jsonscan.New(text)
	err := c.Skip()
	if err == nil {
		err = c.End()
	}
	if err == nil {
		s.out = append(s.out, text...)
		return true
	}
	s.faults[len(s.out)] = fmt.Errorf("the item is not valid JSON and is left out: %w; NaN, Infinity and undefined must be sent as null", err)
	s.out = append(s.out, "null"...)
	return true
}

// skip moves behind one element by strings and brackets alone, to the comma or bracket that ends it.
func (s *isolator) skip() bool {
	depth, quoted := 0, false
	for ; s.pos < len(s.in); s.pos++ {
		c := s.in[s.pos]
		switch {
		case quoted && c == '\\':
			s.pos++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case depth == 0 && (c == ',' || c == ']'):
			return true
		case c == '}' || c == ']':
			if depth--; depth < 0 {
				return false
			}
		}
	}
	return false
}
