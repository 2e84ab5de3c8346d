package webhooks

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// flaws are the places of a text that are not JSON, as far as the borders of the values around them can be found.
type flaws struct {
	scalars []scalar  // words, numbers and strings that are not JSON, in order
	broken  []element // elements of arrays that are not JSON otherwise, in order; none of them holds another
	lengths []int     // elements of every array, by its number
}

// scalar is a word, a number or a string that is not JSON.
type scalar struct {
	span
	quoted  bool
	inArray bool
}

// element is an element of an array, or a line, that is not JSON.
type element struct {
	span
	why     string
	array   int    // the number of the array in flaws.lengths
	index   int    // in the array
	closing []byte // what closes the containers around it, the innermost last
}

// finder walks a text of which some values are not JSON. It needs brackets that are balanced outside strings, and fails
// where the border of a value cannot be found.
type finder struct {
	scanner
	flaws
	closing []byte // of the containers around the position
	arrays  int    // of the containers around the position
	hurt    string // why the innermost element of an array around the position is not JSON; "": it is
}

// findFlaws finds what is not JSON in a text that is one value, or one value a line. It reports false if it cannot.
func findFlaws(text []byte, asLines bool) (*flaws, bool) {
	f := finder{scanner: scanner{text: text}}
	if asLines {
		f.lines()
		return &f.flaws, true
	}
	why, err := f.value()
	if err != nil || why != "" || f.hurt != "" || f.next() != 0 || f.pos < len(text) {
		return nil, false
	}
	return &f.flaws, true
}

// lines walks lines: a line of which the borders of values cannot be found is an element that is not JSON.
func (f *finder) lines() {
	f.lengths, f.arrays = append(f.lengths, 0), 1
	text := f.text
	defer func() { f.text = text }()
	for from := 0; from < len(text); {
		to := len(text)
		if n := bytes.IndexByte(text[from:], '\n'); n >= 0 {
			to = from + n
		}
		f.text, f.pos, f.hurt = text[:to], from, ""
		if f.next() != 0 || f.pos < to {
			before := f.flaws
			start := f.pos
			why, err := f.value()
			switch {
			case err != nil:
				why = reasonOf(err)
			case why == "" && f.hurt != "":
				why = f.hurt
			case why == "" && (f.next() != 0 || f.pos < to):
				why = "text after the end of the value"
			}
			f.closing, f.arrays = f.closing[:0], 1
			if why != "" {
				f.scalars, f.broken = before.scalars, append(before.broken, element{span{start, to}, why, 0, f.lengths[0], nil})
			}
			f.lengths[0]++
		}
		from = to + 1
	}
}

// value passes over one value. A reason is that there is none; an error, that its border cannot be found.
func (f *finder) value() (why string, err error) {
	first := f.next()
	from := f.pos
	switch first {
	case '"':
		if err := f.skipString(); err != nil {
			return "", err
		}
		if !isJSON(f.text[from:f.pos]) {
			f.scalars = append(f.scalars, scalar{span{from, f.pos}, true, f.arrays > 0})
		}
		return "", nil
	case '{':
		return "", f.container('}', f.object)
	case '[':
		return "", f.container(']', f.array)
	}
	for f.pos < len(f.text) && !isDelimiter(f.text[f.pos]) {
		f.pos++
	}
	if from == f.pos {
		return "a value is missing", nil
	}
	if !isJSON(f.text[from:f.pos]) {
		f.scalars = append(f.scalars, scalar{span{from, f.pos}, false, f.arrays > 0})
	}
	return "", nil
}

// container passes over an array or object. One that is not JSON in itself is passed over up to its closing bracket, and
// hurts the element of an array that it is or belongs to.
func (f *finder) container(closing byte, inside func() (string, error)) error {
	if len(f.closing) >= maxDepth {
		return f.fault(fmt.Sprintf("nested deeper than %d", maxDepth))
	}
	f.closing = append(f.closing, closing)
	f.pos++
	why, err := inside()
	if err != nil {
		return err
	}
	if why != "" {
		if err := f.leave(closing); err != nil {
			return err
		}
		if f.hurt == "" {
			f.hurt = why
		}
	}
	f.closing = f.closing[:len(f.closing)-1]
	return nil
}

// leave passes over everything up to the bracket that closes the container around the position.
func (f *finder) leave(closing byte) error {
	for depth := 1; f.pos < len(f.text); f.pos++ {
		switch c := f.text[f.pos]; c {
		case '"':
			if err := f.skipString(); err != nil {
				return err
			}
			f.pos--
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth > 0 {
				continue
			}
			if c != closing {
				return f.fault("a bracket closes another kind")
			}
			f.pos++
			return nil
		}
	}
	return f.fault("the text ends too early")
}

// object passes over the members of an object and its bracket.
func (f *finder) object() (string, error) {
	if f.next() == '}' {
		f.pos++
		return "", nil
	}
	for {
		if f.next() != '"' {
			return "a member's name is missing", nil
		}
		name := f.pos
		if err := f.skipString(); err != nil {
			return "", err
		}
		if !isJSON(f.text[name:f.pos]) {
			return "a member's name is not valid text", nil
		}
		if f.next() != ':' {
			return "a colon is missing", nil
		}
		f.pos++
		if why, err := f.value(); why != "" || err != nil {
			return why, err
		}
		if more, why := f.more('}'); !more {
			return why, nil
		}
	}
}

// array passes over the elements of an array and its bracket.
func (f *finder) array() (string, error) {
	number, outer := len(f.lengths), f.hurt
	f.lengths, f.hurt = append(f.lengths, 0), ""
	f.arrays++
	defer func() {
		f.arrays--
		f.hurt = outer
	}()
	if f.next() == ']' {
		f.pos++
		return "", nil
	}
	for i := 0; ; i++ {
		f.next()
		from := f.pos
		why, err := f.value()
		if why != "" || err != nil {
			return why, err
		}
		if f.hurt != "" {
			f.damaged(element{span{from, f.pos}, f.hurt, number, i, slices.Clone(f.closing)})
			f.hurt = ""
		}
		f.lengths[number]++
		if more, why := f.more(']'); !more {
			return why, nil
		}
	}
}

// damaged notes an element that is not JSON, in place of what was noted inside of it.
func (f *finder) damaged(e element) {
	for n := len(f.scalars); n > 0 && f.scalars[n-1].from >= e.from; n-- {
		f.scalars = f.scalars[:n-1]
	}
	for n := len(f.broken); n > 0 && f.broken[n-1].from >= e.from; n-- {
		f.broken = f.broken[:n-1]
	}
	f.broken = append(f.broken, e)
}

// more reads what follows a member or an element: a comma, or the closing bracket.
func (f *finder) more(closing byte) (more bool, why string) {
	switch f.next() {
	case ',':
		f.pos++
		return true, ""
	case closing:
		f.pos++
		return false, ""
	}
	return false, "a comma is missing"
}

// words are what programs write into JSON although it has no such values.
var words = []string{"NaN", "nan", "Infinity", "-Infinity", "inf", "-inf", "undefined", "None", "True", "False", "-nan", "Inf", "-Inf"}

// sentence says what is not JSON about a word, a number or a string.
func (f *flaws) sentence(text []byte) string {
	if len(f.scalars) == 0 {
		return "is not valid JSON"
	}
	first := f.scalars[0]
	word := string(text[first.from:first.to])
	switch {
	case first.quoted:
		return "holds a string that is not valid JSON: it has a control character, an unknown escape, or bytes that are not UTF-8"
	case slices.Contains(words, word):
		return fmt.Sprintf("holds %s, which is not JSON; send null or leave the member out", word)
	}
	return "holds a word or a number that is not JSON"
}

// whyNotJSON says what is wrong with a text that is one item and not JSON. It quotes nothing but well-known words.
func whyNotJSON(text []byte) string {
	f := finder{scanner: scanner{text: text}}
	why, err := f.value()
	switch {
	case err != nil:
		return "is not valid JSON: " + reasonOf(err)
	case why == "":
		why = f.hurt
	}
	switch {
	case why == "" && (f.next() != 0 || f.pos < len(text)):
		return "is not valid JSON: text after the end of the value"
	case why != "":
		return "is not valid JSON: " + why
	case len(f.broken) > 0:
		return "is not valid JSON: " + f.broken[0].why
	}
	return f.sentence(text)
}

// reasonOf is the last part of a scanner's error, without the place.
func reasonOf(err error) string {
	text := err.Error()
	return text[strings.LastIndex(text, ": ")+2:]
}
