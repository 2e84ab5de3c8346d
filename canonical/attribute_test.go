package canonical_test

import (
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
)

func TestAttribute(t *testing.T) {
	for _, c := range []struct {
		raw, text string
		found     bool
	}{
		{`{"plan":"a\u0062"}`, "ab", true},
		{`{"x":{"plan":"a"},"plan":1.50}`, "1.50", true},
		{`{"plan":false}`, "false", true},
		{`{"pl\u0061n":"x"}`, "x", true},
		{`{"plan":"a","plan":"b"}`, "b", true},
		{`{"plan":""}`, "", true},
		{`{"plan":null}`, "", false},
		{`{"plan":["a"]}`, "", false},
		{`{"plan":{"a":1}}`, "", false},
		{`{"other":"plan"}`, "", false},
		{`["plan"]`, "", false},
		{`{"plan":"a"`, "", false},
		{``, "", false},
	} {
		if text, found := canonical.Attribute([]byte(c.raw), "plan"); text != c.text || found != c.found {
			t.Errorf("%s: %q %v", c.raw, text, found)
		}
	}
}
