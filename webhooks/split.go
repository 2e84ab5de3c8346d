package webhooks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/adapters"
)

// span is a piece of a text.
type span struct{ from, to int }

// form is how a body carries its events.
type form uint8

const (
	single  form = iota // one event
	array               // [event, …]
	wrapped             // {"batch": [event, …], "sent_at": …}
	lines               // one event a line
)

// pointer is where item i lies in the body, as RFC 6901 has it. Of lines it is their number among the events.
func (f form) pointer(i int, field string) string {
	var p string
	switch f {
	case array, lines:
		p = fmt.Sprintf("/%d", i)
	case wrapped:
		p = fmt.Sprintf("/batch/%d", i)
	}
	if field == "" {
		return p
	}
	return p + "/" + field
}

// scanner finds where the values of a JSON text end, and nothing more: whether an item is JSON is for canonical.Parse to
// say, which reads it anyway. What stands between the items is checked here.
type scanner struct {
	text []byte
	pos  int
}

// maxDepth is how deep an item may nest, as canonical has it.
const maxDepth = 128

func (s *scanner) fault(detail string) error {
	return adapters.Unreadable("not valid JSON at byte %d: %s", s.pos, detail)
}

// next passes over white space and tells the byte after it, 0 at the end.
func (s *scanner) next() byte {
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// value passes over one value.
func (s *scanner) value() (span, error) {
	switch s.next() {
	case '"':
		from := s.pos
		err := s.skipString()
		return span{from, s.pos}, err
	case '{', '[':
		return s.nested()
	}
	from := s.pos
	for s.pos < len(s.text) && !isDelimiter(s.text[s.pos]) {
		s.pos++
	}
	if from == s.pos {
		return span{}, s.fault("a value is missing")
	}
	return span{from, s.pos}, nil
}

func isDelimiter(c byte) bool {
	switch c {
	case ',', ':', ']', '}', '[', '{', '"', ' ', '\t', '\n', '\r':
		return true
	}
	return false
}

// nested passes over an array or object, up to the bracket that closes as many as were opened.
func (s *scanner) nested() (span, error) {
	from, depth := s.pos, 0
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case '"':
			if err := s.skipString(); err != nil {
				return span{}, err
			}
			continue
		case '{', '[':
			if depth++; depth > maxDepth {
				return span{}, s.fault(fmt.Sprintf("nested deeper than %d", maxDepth))
			}
		case '}', ']':
			if depth--; depth == 0 {
				s.pos++
				return span{from, s.pos}, nil
			}
		}
		s.pos++
	}
	return span{}, s.fault("the text ends too early")
}

// skipString passes over the string that starts at the position.
func (s *scanner) skipString() error {
	for i := s.pos + 1; ; i++ {
		n := bytes.IndexByte(s.text[i:], '"')
		if n < 0 {
			s.pos = len(s.text)
			return s.fault("a string without end")
		}
		i += n
		escapes := 0
		for s.text[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			s.pos = i + 1
			return nil
		}
	}
}

// after reads what follows an element and says whether there is another.
func (s *scanner) after(closing byte) (bool, error) {
	switch s.next() {
	case ',':
		s.pos++
		return true, nil
	case closing:
		s.pos++
		return false, nil
	case 0:
		return false, s.fault("the text ends too early")
	}
	return false, s.fault("a comma is missing")
}

// items collects the elements of the array at the position, at most one more than most.
func (s *scanner) items(into []span, most int) ([]span, error) {
	s.pos++
	if s.next() == ']' {
		s.pos++
		return into, nil
	}
	for {
		item, err := s.value()
		if err != nil {
			return into, err
		}
		if into = append(into, item); len(into) > most {
			return into, tooMany(most)
		}
		if more, err := s.after(']'); err != nil || !more {
			return into, err
		}
	}
}

func tooMany(most int) error {
	return fmt.Errorf("%w: a request may have %d events; send fewer at a time", adapters.ErrTooLarge, most)
}

// splitJSON finds the items of a body, and where sent_at stands in it.
func (p *parcel) splitJSON(most int) (err error) {
	s := scanner{text: p.text}
	switch s.next() {
	case '[':
		p.form = array
		p.items, err = s.items(p.items, most)
	case '{':
		err = p.splitObject(&s, most)
	case 0:
		return adapters.Unreadable(`the body is empty; send an event, an array of events or {"batch":[…]}`)
	default:
		return adapters.Unreadable(`the body is none of an event, an array of events, {"batch":[…]}`)
	}
	if err != nil {
		return err
	}
	if s.next() != 0 || s.pos < len(s.text) {
		return s.fault("text after the end of the value")
	}
	return nil
}

// splitObject tells an event from a wrapped batch, whose members other than batch it checks.
func (p *parcel) splitObject(s *scanner, most int) error {
	whole := span{from: s.pos}
	var batch span
	s.pos++
	more := s.next() != '}'
	if !more {
		s.pos++
	}
	for more {
		err := p.splitMember(s, &batch, most)
		if err != nil {
			return err
		}
		if more, err = s.after('}'); err != nil {
			return err
		}
	}
	whole.to = s.pos
	if batch.to == 0 {
		p.form, p.items, p.sentAt = single, append(p.items, whole), span{}
		return nil
	}
	p.form = wrapped
	return nil
}

// splitMember passes over one member. It collects the items of a batch and notes where that and sent_at stand.
func (p *parcel) splitMember(s *scanner, batch *span, most int) error {
	if s.next() != '"' {
		return s.fault("a member's name is missing")
	}
	name, err := s.value()
	if err != nil {
		return err
	}
	if s.next() != ':' {
		return s.fault("a colon is missing")
	}
	s.pos++
	switch key := memberName(p.text[name.from:name.to]); {
	case key == "batch" && batch.to > 0:
		return adapters.Unreadable(`there is more than one "batch"`)
	case key == "batch" && s.next() == '[':
		batch.from = s.pos
		p.items, err = s.items(p.items, most)
		batch.to = s.pos
	case key == "batch":
		return adapters.Unreadable(`"batch" is not an array of events`)
	case key == "sent_at":
		p.sentAt, err = s.value()
	default:
		_, err = s.value()
	}
	return err
}

// memberName decodes the name of a member as far as it is needed here: "" is any that it does not look for.
func memberName(quoted []byte) string {
	var name string
	if bytes.IndexByte(quoted, '\\') >= 0 && json.Unmarshal(quoted, &name) == nil {
		quoted = []byte(`"` + name + `"`)
	}
	switch string(quoted) {
	case `"batch"`:
		return "batch"
	case `"sent_at"`:
		return "sent_at"
	}
	return ""
}

// isJSON reports whether text is one JSON value in UTF-8.
func isJSON(text []byte) bool { return json.Valid(text) && utf8.Valid(text) }

// splitLines finds the lines that are not blank, each without a byte order mark: files that were joined have several.
func (p *parcel) splitLines(most int) error {
	p.form = lines
	for from := 0; from < len(p.text); {
		to := from + len(p.text[from:])
		if n := bytes.IndexByte(p.text[from:], '\n'); n >= 0 {
			to = from + n
		}
		if bytes.HasPrefix(p.text[from:to], bomUTF8) {
			from += len(bomUTF8)
		}
		if len(bytes.TrimSpace(p.text[from:to])) > 0 {
			if p.items = append(p.items, span{from, to}); len(p.items) > most {
				return tooMany(most)
			}
		}
		from = to + 1
	}
	return nil
}
