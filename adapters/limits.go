package adapters

import (
	"bytes"
	"fmt"
	"mime"
	"strings"
)

// Limits bound what one request may unfold to. A field that is 0 means the default.
type Limits struct {
	Body  int64 // bytes of a body after all decompression; 5 MiB
	Items int   // items of a request; 20,000
}

// The defaults of Limits. The largest batch that a vendor's SDK is known to send has 10,001 items.
const (
	DefaultBody  = 5 << 20
	DefaultItems = 20_000
)

// Per item that a request may carry, its JSON may have this many array elements and values at any depth. A decoder needs
// memory for each of them, also if the item that holds them is not counted.
const (
	elementsPerItem = 10
	valuesPerItem   = 25
)

// MaxBody is the largest body after all decompression, in bytes.
func (l Limits) MaxBody() int64 {
	if l.Body <= 0 {
		return DefaultBody
	}
	return l.Body
}

// MaxItems is the most items that a request may carry.
func (l Limits) MaxItems() int {
	if l.Items <= 0 {
		return DefaultItems
	}
	return l.Items
}

// Check returns an error that wraps ErrTooLarge if body holds more than a request may carry. It reads JSON, JSON lines and
// forms, in one pass and without allocating memory, before anything decodes them; it does not check the syntax. It knows no
// vendor's format, so it counts what stands in arrays; a caller counts the items that a decoder found as well. A decoder
// that unpacks a body itself calls Check with what it unpacked. contentType may be empty.
func (l Limits) Check(contentType string, body []byte) error {
	if int64(len(body)) > l.MaxBody() {
		return fmt.Errorf("%w: a body may have %d bytes, compressed or not; send fewer events at a time", ErrTooLarge, l.MaxBody())
	}
	most := l.MaxItems()
	if len(body) <= 2*most { // an element takes two bytes
		return nil
	}
	media := contentType
	if strings.IndexByte(media, ';') >= 0 {
		media, _, _ = mime.ParseMediaType(contentType)
	}
	lines := media == "application/x-ndjson" || media == "application/ndjson"
	text := bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	start := bytes.TrimLeft(text, " \t\r\n")
	switch {
	case len(start) == 0:
		return nil
	case start[0] != '{' && start[0] != '[' && !lines:
		form := media == "application/x-www-form-urlencoded" || bytes.HasPrefix(start, []byte("data="))
		if form && bytes.Count(text, []byte{'&'}) >= most {
			return l.ErrItems()
		}
		return nil
	}
	rough := bytes.Count(text, []byte{','}) + bytes.Count(text, []byte{'['}) + bytes.Count(text, []byte{'\n'})
	if rough < most && bytes.Count(text, []byte{'{'}) < valuesPerItem*most {
		return nil
	}
	return l.count(text)
}

// ErrItems is the error of a request with too many items.
func (l Limits) ErrItems() error {
	return fmt.Errorf("%w: a request may carry %d items, and at most %d array elements and %d values in all; send fewer at a time",
		ErrTooLarge, l.MaxItems(), elementsPerItem*l.MaxItems(), valuesPerItem*l.MaxItems())
}

// maxNesting is how deep count tells arrays from objects. It counts only values in what nests deeper, which most decoders
// refuse.
const maxNesting = 256

// count counts lines and the elements of outermost arrays, of all arrays, and all values.
func (l Limits) count(text []byte) error {
	items, elements, values := l.MaxItems(), elementsPerItem*l.MaxItems(), valuesPerItem*l.MaxItems()
	var isArray [maxNesting]bool // of the brackets around the position
	depth, arrays := 0, 0
	for pos := 0; pos < len(text); pos++ {
		switch text[pos] {
		case '"':
			if pos = closingQuote(text, pos+1); pos < 0 {
				return nil
			}
			continue
		case '{', '[':
			values--
			if depth >= maxNesting {
				depth++
				break
			}
			if isArray[depth] = text[pos] == '['; isArray[depth] {
				arrays++
				elements--
				if arrays == 1 {
					items--
				}
			}
			depth++
		case '}', ']':
			if depth > 0 {
				if depth--; depth < maxNesting && isArray[depth] {
					arrays--
				}
			}
		case ',':
			values--
			if depth > 0 && depth <= maxNesting && isArray[depth-1] {
				elements--
				if arrays == 1 {
					items--
				}
			}
		case '\n':
			if depth > 0 {
				continue
			}
			items--
		default:
			continue
		}
		if items < 0 || elements < 0 || values < 0 {
			return l.ErrItems()
		}
	}
	return nil
}

// closingQuote is the position of the quote that closes the string whose text begins at from, or -1.
func closingQuote(text []byte, from int) int {
	for i := from; ; i++ {
		n := bytes.IndexByte(text[i:], '"')
		if n < 0 {
			return -1
		}
		i += n
		escapes := 0
		for i-1-escapes >= from && text[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
	}
}
