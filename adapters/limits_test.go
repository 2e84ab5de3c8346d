package adapters

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// repeated is n elements between two brackets.
func repeated(open, element, separator, closing string, n int) string {
	return open + strings.TrimSuffix(strings.Repeat(element+separator, n), separator) + closing
}

func TestCheckCountsWhatStandsInArrays(t *testing.T) {
	l := Limits{Items: 100}
	for _, c := range []struct {
		name, contentType, body string
		tooLarge                bool
	}{
		{"exactly as many", "", repeated("[", "{}", ",", "]", 100), false},
		{"one more", "", repeated("[", "{}", ",", "]", 101), true},
		{"in an object", "", repeated(`{"a":"b","batch":[`, "null", ",", "]}", 101), true},
		{"two arrays", "", `{"a":` + repeated("[", "1", ",", "]", 60) + `,"b":` + repeated("[", "1", ",", "]", 60) + `}`, true},
		{"lines", "application/x-ndjson", repeated("", "{}", "\n", "", 150), true},
		{"lines, with a charset", "application/x-ndjson; charset=utf-8", repeated("x\n", "{}", "\n", "", 150), true},
		{"line breaks within one value", "", repeated("[", "{\n\n}", ",\n", "]", 90), false},
		{"commas in strings", "", `["` + strings.Repeat(`,[{\"\\\\`, 1000) + `"]`, false},
		{"arrays in items", "", repeated("[", `{"tags":["a","b","c"]}`, ",", "]", 90), false},
		{"very many elements in items", "", `[{"tags":` + repeated("[", "1", ",", "]", 1001) + `}]`, true},
		{"very many members", "", repeated("[{", `"a":1`, ",", "}]", 2600), true},
		{"a form", "application/x-www-form-urlencoded", repeated("", "a=1", "&", "", 101), true},
		{"a beacon's form", "text/plain", repeated("data=x&", "a=1", "&", "", 101), true},
		{"binary", "application/x-protobuf", strings.Repeat("\n,[&", 1000), false},
		{"a string that never ends", "", `["` + strings.Repeat(`\",`, 1000), false},
		{"brackets that never close", "", strings.Repeat("[", 5000), true},
		{"behind something deep", "", `{"a":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `,"b":` + repeated("[", "1", ",", "]}", 101), true},
		{"white space", "", strings.Repeat(" \n", 5000), false},
		{"behind a byte order mark", "", "\xef\xbb\xbf" + repeated("[", "{}", ",", "]", 101), true},
	} {
		err := l.Check(c.contentType, []byte(c.body))
		if errors.Is(err, ErrTooLarge) != c.tooLarge {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := (Limits{Body: 10}).Check("", []byte("12345678901")); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a body over the limit: %v", err)
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	text := []byte(repeated(`[`, `{"event":"purchase","properties":{"a":[1,2,3]}}`, ",", "]", 20_000))
	if n := testing.AllocsPerRun(10, func() { _ = Limits{}.Check("application/json", text) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCheck(b *testing.B) {
	text := bytes.Repeat([]byte(`{"event":"purchase","distinct_id":"0198c7a2-5b1e-7c3a-9f10","timestamp":"2026-11-20T10:00:00Z","properties":{"a":1,"b":"c"}},`), 40_000)
	text = append(append([]byte{'['}, text[:5_000_000/127*127]...), ']')
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		_ = Limits{Items: 1_000_000}.count(text)
	}
}
