package jsonscan

import (
	"unicode/utf16"
	"unicode/utf8"
)

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

// skipText is Text without the decoding of long strings that no one reads.
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
