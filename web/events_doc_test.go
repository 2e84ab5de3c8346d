package web

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
)

var updateDocs = flag.Bool("update", false, "rewrite the tables of docs/events.md")

const eventsDoc = "../docs/events.md"

// TestEventsPage: the tables of docs/events.md are those of the API's description.
func TestEventsPage(t *testing.T) {
	raw, err := os.ReadFile(eventsDoc)
	if err != nil {
		t.Fatal(err)
	}
	tables := 0
	got := regexp.MustCompile(`(?s)<!-- fields (\w+) -->\n.*?<!-- end -->`).ReplaceAllStringFunc(string(raw), func(part string) string {
		head, _, _ := strings.Cut(part, "\n")
		tables++
		return head + "\n" + fieldTable(t, strings.Fields(head)[2]) + "<!-- end -->"
	})
	if tables != 5 {
		t.Fatalf("%d tables, want one for each kind of event", tables)
	}
	if *updateDocs {
		if err := os.WriteFile(eventsDoc, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if got != string(raw) {
		t.Error("docs/events.md is not what openapi.json says; make golden rewrites it")
	}
}

// TestEventsPageExamples: what the page shows is taken as it stands.
func TestEventsPageExamples(t *testing.T) {
	raw, err := os.ReadFile(eventsDoc)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[canonical.Kind]bool{}
	for _, found := range regexp.MustCompile("(?s)```json\n(.*?)\n```").FindAllSubmatch(raw, -1) {
		e, err := canonical.Parse(found[1])
		if err != nil {
			t.Fatalf("%s: %v", found[1], err)
		}
		e.ReceivedAt = canonical.TimeOf(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
		if err := e.Validate(canonical.DefaultRules()); err != nil {
			t.Errorf("%s: %v", found[1], err)
		}
		seen[e.Kind] = true
	}
	for kind := canonical.Exposed; kind.String() != ""; kind++ {
		if !seen[kind] {
			t.Errorf("no example of %s", kind)
		}
	}
}

type schema struct {
	Description string            `json:"description"`
	Type        string            `json:"type"`
	Const       string            `json:"const"`
	Ref         string            `json:"$ref"`
	Enum        []string          `json:"enum"`
	MaxLength   int               `json:"maxLength"`
	Properties  json.RawMessage   `json:"properties"`
	Required    []string          `json:"required"`
	AnyOf       []json.RawMessage `json:"anyOf"`
}

func schemaOf(t *testing.T, name string) schema {
	t.Helper()
	var all struct {
		Components struct {
			Schemas map[string]schema `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(openapiText, &all); err != nil {
		t.Fatal(err)
	}
	s, ok := all.Components.Schemas[name]
	if !ok {
		t.Fatalf("openapi.json has no schema %s", name)
	}
	return s
}

// fieldTable is the fields of one schema, in the order of the description.
func fieldTable(t *testing.T, name string) string {
	t.Helper()
	s := schemaOf(t, name)
	var b strings.Builder
	b.WriteString("\n| field | required | type | meaning |\n| --- | --- | --- | --- |\n")
	dec := json.NewDecoder(strings.NewReader(string(s.Properties)))
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	for dec.More() {
		key, err := dec.Token()
		var p schema
		if err == nil {
			err = dec.Decode(&p)
		}
		if err != nil {
			t.Fatal(err)
		}
		required := ""
		if slices.Contains(s.Required, key.(string)) {
			required = "yes"
		}
		kind, meaning := p.Type, p.Description
		if ref, ok := strings.CutPrefix(p.Ref, "#/components/schemas/"); ok {
			kind, meaning = strings.ToLower(ref), schemaOf(t, ref).Description
			if kind == "groups" {
				kind = "object"
			}
		}
		switch {
		case p.Const != "":
			kind, meaning = "`"+p.Const+"`", "The kind of event."
		case kind == "time":
			meaning = "When it happened."
		case len(p.Enum) > 0:
			kind = "`" + strings.Join(p.Enum, "`, `") + "`"
		}
		if meaning == "" {
			t.Errorf("%s.%s has no description in openapi.json", name, key)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", key, required, kind, meaning)
	}
	b.WriteString("\n")
	return b.String()
}
