package adapters_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
)

func TestIsolate(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`[{"a":1},{"a":NaN},{"a":3}]`, `[{"a":1},null,{"a":3}]`},
		{`{"k":"v","batch":[{"a":-Infinity} , {"a":"NaN, ]"}],"sent_at":1}`, `{"k":"v","batch":[null,{"a":"NaN, ]"}],"sent_at":1}`},
		{`{"a":[NaN],"b":[{"x":[1,{"y":Infinity}]},2]}`, `{"a":[null],"b":[null,2]}`},
		{`[{"a":"\"]"},{"a":undefined}]`, `[{"a":"\"]"},null]`},
		{"[{\"a\":\"tab\there\"},1]", `[null,1]`},
		{`[,1]`, `[null,1]`},
		{`[{"a":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `},1]`, `[null,1]`},
		// nothing to separate
		{`[{"a":1}]`, ""},
		{`[{"a":NaN},{"a"`, ""},
		{`{"a":NaN}`, ""},
		{`{"a":[NaN],"b":NaN}`, ""},
		{`{"a":[NaN]} x`, ""},
		{`NaN`, ""},
		{``, ""},
		{`[{"a":[1}]`, ""},
	} {
		got, faults := adapters.Isolate([]byte(c.body))
		if string(got) != c.want {
			t.Errorf("%s: %s, want %s", c.body, got, c.want)
		}
		if c.want != "" && len(faults) == 0 {
			t.Errorf("%s: no faults", c.body)
		}
		for at, err := range faults {
			if !strings.HasPrefix(string(got[at:]), "null") || !strings.Contains(err.Error(), "not valid JSON") {
				t.Errorf("%s: fault at %d: %v", c.body, at, err)
			}
		}
	}
}

func FuzzIsolate(f *testing.F) {
	for _, seed := range []string{`[{"a":NaN},1]`, `{"a":[NaN],"b":1}`, `["\`, `[1`, `{"a":[}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, faults := adapters.Isolate(body)
		if (got == nil) != (len(faults) == 0) || got != nil && !json.Valid(got) {
			t.Errorf("%q: %q, %v", body, got, faults)
		}
	})
}
