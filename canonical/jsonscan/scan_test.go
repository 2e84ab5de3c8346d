package jsonscan_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// FuzzAgainstEncodingJSON is the whole contract: the same texts are JSON, and strings and numbers mean the same.
func FuzzAgainstEncodingJSON(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,2.5e-3,-0,true,false,null,"x\u00e9\ud83d\ude00\n"],"b":{}}`, `"\ud800"`, `"\ud800\u0041"`, `01`, `-`, `1.`, `[1,]`,
		`{"a":}`, `{"a" 1}`, `nul`, `"a`, "\"\x01\"", ` [ ] `, `{"":""} x`, `"\x"`, `"\u12"`, `1e+`, `[[[]]]`, "\"\\\xff\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !utf8.Valid(data) || bytes.Count(data, []byte{'['})+bytes.Count(data, []byte{'{'}) > jsonscan.MaxDepth {
			_ = jsonscan.Check(data) // must not panic; the verdict differs on purpose
			return
		}
		got := jsonscan.Check(data)
		if want := json.Valid(data); (got == nil) != want {
			t.Fatalf("Check(%q) = %v, json.Valid = %v", data, got, want)
		}
		if got != nil {
			if !errors.Is(got, jsonscan.ErrSyntax) {
				t.Fatalf("Check(%q) = %v, which is not a syntax error", data, got)
			}
			return
		}
		var want any
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		c := jsonscan.New(data)
		have, err := tree(&c)
		if err != nil {
			t.Fatalf("tree(%q): %v", data, err)
		}
		a, _ := json.Marshal(have)
		b, _ := json.Marshal(want)
		if !bytes.Equal(a, b) {
			t.Fatalf("%q read as %s, want %s", data, a, b)
		}
	})
}

// tree builds through the public calls what encoding/json would build.
func tree(c *jsonscan.Cursor) (any, error) {
	switch c.Peek() {
	case '{':
		m := map[string]any{}
		err := c.Object(func(key []byte) error {
			k := string(key)
			v, err := tree(c)
			m[k] = v
			return err
		})
		return m, err
	case '[':
		a := []any{}
		err := c.Array(func(int) error {
			v, err := tree(c)
			a = append(a, v)
			return err
		})
		return a, err
	case '"':
		mark := *c
		s, err := c.Text()
		if again, _ := mark.String(); err == nil && (again != string(s) || mark.Offset() != c.Offset()) {
			panic("String and Text disagree")
		}
		return string(s), err
	case '0':
		n, err := c.Number()
		return json.Number(n), err
	case 't', 'f':
		return c.Bool()
	}
	if c.Null() {
		return nil, nil
	}
	return nil, c.Skip()
}

func TestWrongTypeDoesNotMove(t *testing.T) {
	c := jsonscan.New([]byte(` {"a":1} `))
	if _, err := c.Text(); !errors.Is(err, jsonscan.ErrType) || !strings.Contains(err.Error(), "must be a string, is an object") {
		t.Fatalf("Text on an object: %v", err)
	}
	if err := c.Skip(); err != nil {
		t.Fatalf("Skip after a wrong type: %v", err)
	}
	if err := c.End(); err != nil {
		t.Fatal(err)
	}
}

func TestDepthIsBounded(t *testing.T) {
	deep := strings.Repeat("[", 1_000_000)
	if err := jsonscan.Check([]byte(deep)); !errors.Is(err, jsonscan.ErrSyntax) {
		t.Fatalf("a million brackets: %v", err)
	}
	fits := strings.Repeat("[", jsonscan.MaxDepth) + strings.Repeat("]", jsonscan.MaxDepth)
	if err := jsonscan.Check([]byte(fits)); err != nil {
		t.Fatalf("depth %d: %v", jsonscan.MaxDepth, err)
	}
}

func TestEveryTruncationIsAnError(t *testing.T) {
	whole := []byte(`{"a":[1,-2.5e3,"x\u00e9",true,null],"b":{"c":"d"}}`)
	for i := range whole {
		if err := jsonscan.Check(whole[:i]); !errors.Is(err, jsonscan.ErrSyntax) {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	data := []byte(`{"kind":"feature","creationDate":1795339273031,"key":"checkout-redesign","version":11,"context":{"kind":"user","key":"user-1001","plan":"pro","email":"user-1001@example.com","name":"Sandy"},"variation":0,"value":"control","default":"control","reason":{"kind":"FALLTHROUGH","inExperiment":true}}`)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := jsonscan.Check(data); err != nil {
			b.Fatal(err)
		}
	}
}
