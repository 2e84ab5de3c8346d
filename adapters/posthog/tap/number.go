package tap

import (
	"encoding/json"

	"github.com/posthog/posthog-go"

	"github.com/tracklayer/tracklayer/canonical"
)

// number reads a property that is a number or the text of one; anything else is no number.
func number(p posthog.Properties, name string) canonical.Number {
	value, there := p[name]
	if !there {
		return canonical.Number{}
	}
	text, isText := value.(string)
	if !isText {
		raw, err := json.Marshal(value)
		if err != nil {
			return canonical.Number{}
		}
		text = string(raw)
	}
	n, err := canonical.ParseNumber(text)
	if err != nil {
		return canonical.Number{}
	}
	return n
}
