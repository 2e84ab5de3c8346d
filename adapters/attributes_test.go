package adapters_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
)

func TestAttributes(t *testing.T) {
	var a adapters.Attributes
	if raw := a.JSON(); raw != nil {
		t.Errorf("no attributes are %s", raw)
	}
	a.Text("os", "Mac OS X")
	a.Text("country", " DE ")
	a.Text("browser", "")
	a.Text("region", "  ")
	a.Text("country", "FR") // the first one counts
	a.Text("plan", `"a" <b> é`)
	a.Text("", "nameless")
	a.Raw("seats", []byte("12.50"))
	a.Raw("trial", []byte("true"))
	a.Raw("team", []byte(`"r\u0026d"`))
	a.Raw("tags", []byte(`["a"]`))
	a.Raw("owner", []byte(`{"a":1}`))
	a.Raw("gone", []byte("null"))
	a.Raw("empty", nil)
	const want = `{"country":"DE","os":"Mac OS X","plan":"\"a\" \u003cb\u003e é","seats":12.50,"team":"r\u0026d","trial":true}`
	if got := string(a.JSON()); got != want || !json.Valid([]byte(got)) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	a.Reset()
	a.Text("plan", "b")
	if got := string(a.JSON()); got != `{"plan":"b"}` {
		t.Errorf("after Reset: %s", got)
	}
}

func TestAttributesAreBounded(t *testing.T) {
	var a adapters.Attributes
	a.Text("user_agent", strings.Repeat("x", 5_000))
	a.Text("plan", strings.Repeat("ä", 500)) // two bytes each
	a.Text(strings.Repeat("n", 300), "x")
	a.Raw("number", []byte(strings.Repeat("9", 300)))
	for i := range 1_000 {
		a.Text("more-"+strings.Repeat("i", i%150), strings.Repeat("y", 190))
	}
	raw := a.JSON()
	var got map[string]string
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	if len(raw) > 5_000 || len(got["user_agent"]) != 1_024 || got["plan"] != strings.Repeat("ä", 100) || got["number"] != "" {
		t.Errorf("%d bytes, user_agent %d, plan %q", len(raw), len(got["user_agent"]), got["plan"])
	}
}

func TestAttributesInAnyOrderAreTheSame(t *testing.T) {
	var a, b adapters.Attributes
	a.Text("os", "iOS")
	a.Text("plan", "pro")
	b.Text("plan", "pro")
	b.Text("os", "iOS")
	b.Add(&a)
	if string(a.JSON()) != string(b.JSON()) {
		t.Errorf("%s and %s", a.JSON(), b.JSON())
	}
}
