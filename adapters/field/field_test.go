package field_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// values are one of each type, and what the readers make of it: text, id, number, scalar, flag, tri, object, array.
var values = map[string]string{
	`null`:      `{ 0} { 0} {[]  0} {0 } false 0 0 0`,
	`"x"`:       `{x 1} {x 1} {[] 2} {34 x} false 0 2 2`,
	`"true"`:    `{true 1} {true 1} {[] 2} {34 true} false 0 2 2`,
	`12`:        `{ 2} {12 1} {12  1} {48 12} false 0 2 2`,
	`-1.5e3`:    `{ 2} { 2} {-1.5e3  1} {48 -1.5e3} false 0 2 2`,
	`true`:      `{ 2} { 2} {[]  2} {116 true} true 1 2 2`,
	`false`:     `{ 2} { 2} {[]  2} {102 false} false 2 2 2`,
	`{"a":[1]}`: `{ 2} { 2} {[]  2} {0 } false 0 1 2`,
	`[{"a":1}]`: `{ 2} { 2} {[]  2} {0 } false 0 2 1`,
}

// TestReaders: each reader consumes exactly one value of whatever type, and leaves nothing of what was there before.
func TestReaders(t *testing.T) {
	for text, want := range values {
		s, id, n, v, flag, tri := field.Text{S: "old"}, field.Text{S: "old"}, field.Number{Digits: []byte("1")}, field.Scalar{S: "old"}, true, field.Yes
		var object, array field.Given
		c := jsonscan.New([]byte("[" + strings.Repeat(text+",", 8) + `"end"]`))
		err := c.Array(func(i int) (err error) {
			skip := func(*jsonscan.Cursor) error { return c.Skip() }
			switch i {
			case 0:
				return field.ReadText(&c, &s)
			case 1:
				return field.ReadID(&c, &id)
			case 2:
				return field.ReadNumber(&c, &n)
			case 3:
				return field.ReadScalar(&c, &v)
			case 4:
				return field.ReadFlag(&c, &flag)
			case 5:
				return field.ReadTri(&c, &tri)
			case 6:
				object, err = field.ReadObject(&c, func([]byte) error { return skip(&c) })
				return err
			case 7:
				array, err = field.ReadArray(&c, func(int) error { return skip(&c) })
				return err
			}
			last, err := c.String()
			if last != "end" {
				t.Errorf("%s: the readers consume too much", text)
			}
			return err
		})
		digits := "[]"
		if len(n.Digits) > 0 {
			digits = string(n.Digits)
		}
		got := fmt.Sprint(s, id, " {", digits, " ", n.Given, "} ", v, flag, tri, object, array)
		if got = strings.Join(strings.Fields(strings.ReplaceAll(got, "}{", "} {")), " "); err != nil || got != strings.Join(strings.Fields(want), " ") {
			t.Errorf("%s is\n%s, want\n%s (%v)", text, got, want, err)
		}
	}
	for _, broken := range []string{`"x`, `12x`, `tru`, `{"a"`, `[1`} {
		for i, read := range []func(c *jsonscan.Cursor) error{
			func(c *jsonscan.Cursor) error { return field.ReadText(c, &field.Text{}) },
			func(c *jsonscan.Cursor) error { return field.ReadID(c, &field.Text{}) },
			func(c *jsonscan.Cursor) error { return field.ReadNumber(c, &field.Number{}) },
			func(c *jsonscan.Cursor) error { return field.ReadScalar(c, &field.Scalar{}) },
			func(c *jsonscan.Cursor) error { return field.ReadFlag(c, new(bool)) },
			func(c *jsonscan.Cursor) error { return field.ReadTri(c, new(field.Tri)) },
		} {
			c := jsonscan.New([]byte(broken))
			if err := read(&c); err == nil && c.End() == nil {
				t.Errorf("reader %d takes %s", i, broken)
			}
		}
	}
}

func TestMust(t *testing.T) {
	for given, want := range map[field.Given]string{field.Right: "<nil>", field.Absent: "at is required", field.Wrong: "at must be a number"} {
		if got := fmt.Sprint(given.Must("at", "a number")); strings.ReplaceAll(got, ":", "") != want {
			t.Errorf("%d: %s, want %s", given, got, want)
		}
	}
}

func TestIsLabel(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "a": true, "ü €": true, strings.Repeat("x", 200): true, strings.Repeat("x", 201): false, "a\nb": false, "a\u0085": false, "\x7f": false, "\xff": false,
	} {
		if field.IsLabel(text) != want {
			t.Errorf("%q: %t", text, !want)
		}
	}
}

func TestAppendText(t *testing.T) {
	for _, text := range []string{"", "plain", `"quoted" \`, "<&>", "ü\n\u2028", "\xff"} {
		want, err := json.Marshal(text)
		if got := field.AppendText([]byte("x"), text); err != nil || string(got) != "x"+string(want) {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func TestKept(t *testing.T) {
	all := field.Kept(map[string]string{"browserName": "browser"}, []string{"betaTester", "deviceType"})
	for from, want := range map[string]string{"locale": "language", "browserName": "browser", "betaTester": "betaTester", "deviceType": "device_type", "email": ""} {
		if all[from] != want {
			t.Errorf("%s is kept as %q, want %q", from, all[from], want)
		}
	}
	if other := field.Kept(nil, nil); other["betaTester"] != "" {
		t.Error("two sources share what they keep")
	}
}
