package canonical

import (
	"bytes"

	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// Attribute finds a member at the top of the attributes, which are a JSON object or nothing: a text's content, and a
// number, true or false as it is written. Null, objects, arrays and what is not there are not found. Where a name is
// there twice the last one is meant. It is fast where the name is not there at all.
func Attribute(attributes []byte, name string) (text string, found bool) {
	if !bytes.Contains(attributes, []byte(name)) && bytes.IndexByte(attributes, '\\') < 0 {
		return "", false
	}
	c := jsonscan.New(attributes)
	err := c.Object(func(key []byte) error {
		if string(key) != name {
			return c.Skip()
		}
		found = true
		var err error
		switch c.Peek() {
		case '"':
			text, err = c.String()
		case '{', '[', 'n':
			found, err = false, c.Skip()
		default:
			var raw []byte
			raw, err = c.Raw()
			text = string(raw)
		}
		return err
	})
	if err != nil || !found {
		return "", false
	}
	return text, true
}
