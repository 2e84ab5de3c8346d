package adapters_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
)

// optioned is an adapter whose Open hands out what it was given.
func optioned(got *adapters.Settings, fault error) adapters.Adapter {
	return adapters.Adapter{
		Options: []adapters.Option{
			{Name: "on", Kind: adapters.Switch},
			{Name: "name", Kind: adapters.Text, Default: "value", Must: "the name of a property", Example: "price"},
			{Name: "whose", Kind: adapters.Text, Words: []string{"user", "anonymous"}},
			{Name: "flags", Kind: adapters.List, Filled: true, Must: "a list of flags", Each: "a flag", Example: []string{"a", "$b"}},
			{Name: "refunds", Kind: adapters.Map, Allowed: func(key, text string) bool { return key != text }, Each: "an order's event"},
			{Name: "from", Kind: adapters.TextOrMap},
			{Name: "rules", Kind: adapters.Free, Required: true, Must: "a list of rules"},
		},
		Open: func(s adapters.Settings) (adapters.Decoder, error) {
			*got = s
			return adapters.Decoder{}, fault
		},
	}
}

func TestSettings(t *testing.T) {
	var s adapters.Settings
	a := optioned(&s, nil)
	if _, err := adapters.Open(a, map[string]any{"rules": 1}); err != nil {
		t.Fatal(err)
	}
	if s.Switch("on") || s.Text("name") != "value" || s.Text("whose") != "" || s.List("flags") != nil || s.Set("flags") != nil || s.Map("refunds") != nil || s.Free("rules") != 1 {
		t.Errorf("without options: %+v", s)
	}
	_, err := adapters.Open(a, map[string]any{
		"on": true, "name": "price", "whose": "user", "flags": []any{"a", "b"}, "refunds": map[string]any{"refund": "purchase"}, "from": "total", "rules": "x",
	})
	if err != nil {
		t.Fatal(err)
	}
	if !s.Switch("on") || s.Text("name") != "price" || s.Text("whose") != "user" || strings.Join(s.List("flags"), " ") != "a b" || !s.Set("flags")["b"] ||
		s.Map("refunds")["refund"] != "purchase" || s.Map("from")[""] != "total" || s.Free("rules") != "x" {
		t.Errorf("with options: %+v", s)
	}
	for name, read := range map[string]func(){"no such option": func() { s.Text("nothing") }, "another kind": func() { s.List("name") }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is read", name)
				}
			}()
			read()
		}()
	}
}

// TestEveryFaultOfOptions: those that the table sees and those that Open sees come together.
func TestEveryFaultOfOptions(t *testing.T) {
	var s adapters.Settings
	a := optioned(&s, errors.New("refunds: need a name"))
	_, err := adapters.Open(a, map[string]any{
		"on": "yes", "name": 7, "whose": "device", "flags": []any{"a", 7, ""}, "refunds": map[string]any{"a": "a", "": "x", "b": 1, "c": "d"}, "from": []any{}, "flag": 1, "rules": nil,
	})
	if err == nil {
		t.Fatal("taken")
	}
	want := `flag: no such option; there are on, name, whose, flags, refunds, from and rules
flags[1]: must be a flag
flags[2]: must be a flag
from: must be a text, or a mapping of texts to texts
name: must be the name of a property, such as price
on: must be true or false
refunds: a key must not be empty
refunds.a: must be an order's event
refunds.b: must be an order's event
whose: must be user or anonymous
rules: is required: a list of rules
refunds: need a name`
	if err.Error() != want {
		t.Errorf("%v\nwant\n%s", err, want)
	}
	if s.Text("name") != "value" {
		t.Error("an option with a fault is not left out")
	}
	if _, err := adapters.Open(a, map[string]any{"rules": 1, "flags": []any{}}); err == nil || !strings.Contains(err.Error(), `flags: must be a list of flags, such as [a, "$b"]`) {
		t.Errorf("an empty list: %v", err)
	}
	a.Options = nil
	if _, err := adapters.Open(a, map[string]any{"x": 1}); err == nil || !strings.Contains(err.Error(), "x: no such option; this vendor has none") {
		t.Errorf("no options at all: %v", err)
	}
}

func TestFlow(t *testing.T) {
	for want, v := range map[string]any{
		"price": "price", `"$pageview"`: "$pageview", `"true"`: "true", "true": true, `""`: "", `[a b, "1"]`: []string{"a b", "1"},
		`{Order Refunded: Order Completed, a: "x: y"}`: map[string]string{"a": "x: y", "Order Refunded": "Order Completed"},
		`[{kind: converted, rank: 1}]`:                 []any{map[string]any{"kind": "converted", "rank": 1}},
	} {
		if got := adapters.Flow(v); got != want {
			t.Errorf("%v is %s, want %s", v, got, want)
		}
	}
}
