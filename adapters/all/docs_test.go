package all_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/all"
)

var update = flag.Bool("update", false, "rewrite the tables of README.md and of the vendors' pages")

const root = "../.."

// TestDocsAreCurrent: what the documentation lists of vendors, options and routes is made from the adapters. Rewrite it with
// go test ./adapters/all -update.
func TestDocsAreCurrent(t *testing.T) {
	current(t, "README.md", "vendors", vendors())
	current(t, "README.md", "taps", taps(t))
	const guide, kit = "docs/adapters.md", "adapters/adaptertest"
	code := strings.Replace(source(t, kit+"/toy_test.go"), "package adaptertest_test", "// Package toy decodes what the Toy Shop sends.\npackage toy", 1)
	current(t, guide, "toy.go", "\n```go\n"+code+"```\n")
	current(t, guide, "orders.txtar", "\n```text\n"+source(t, kit+"/testdata/toy/orders.txtar")+"```\n")
	for _, a := range all.All() {
		current(t, a.About.Page, "options", options(a))
		current(t, a.About.Page, "routes", routes(a))
	}
}

func source(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file))) //nolint:gosec // a file of the repository
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// current compares what stands in a file between <!-- name … --> and <!-- end of name --> with what was made.
func current(t *testing.T, file, name, made string) {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(file))
	text, err := os.ReadFile(path) //nolint:gosec // a file of the repository
	if err != nil {
		t.Errorf("%v: every vendor has a page with the marks <!-- options … -->, <!-- end of options -->, <!-- routes … --> and <!-- end of routes -->", err)
		return
	}
	before, rest, begins := strings.Cut(string(text), "<!-- "+name)
	mark, rest, closes := strings.Cut(rest, "-->")
	kept, after, ends := strings.Cut(rest, "<!-- end of "+name+" -->")
	switch {
	case !begins || !closes || !ends:
		t.Errorf("%s: has no %s between <!-- %s … --> and <!-- end of %s -->", file, name, name, name)
	case kept == made:
	case !*update:
		t.Errorf("%s: the %s are out of date: run go test ./adapters/all -update\n%s\nwant\n%s", file, name, kept, made)
	default:
		text := before + "<!-- " + name + mark + "-->" + made + "<!-- end of " + name + " -->" + after
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // a file of the repository
			t.Fatal(err)
		}
	}
}

// vendors is the table of README.md: those that need no configuration first, our own clients last.
func vendors() string {
	var ready, own strings.Builder
	for _, a := range all.All() {
		page := fmt.Sprintf("[%s](%s) |\n", a.About.Reads, a.About.Page)
		if _, err := adapters.Open(a, nil); err == nil {
			fmt.Fprintf(&ready, "| %s | `…/webhooks/%s` | %s", a.About.Title, a.Vendor, page)
		} else {
			fmt.Fprintf(&own, "| %s | a source of your own | %s", a.About.Title, page)
		}
	}
	return "\n| tool | address | what becomes what, with lines to paste |\n| --- | --- | --- |\n" + ready.String() + own.String() +
		"| your own programs | `…/v1/events` | [the five events](docs/events.md), or the [Go client](sdk/go/client.go) |\n"
}

// taps are the vendors that have one.
func taps(t *testing.T) string {
	t.Helper()
	var links []string
	for _, a := range all.All() {
		folder := "adapters/" + a.Vendor + "/tap"
		if _, err := os.Stat(filepath.Join(root, folder)); err == nil {
			links = append(links, fmt.Sprintf("[%s](%s)", a.About.Title, folder))
		}
	}
	return "\n" + strings.Join(links, ", ") + "\n"
}

// options is the table of a page.
func options(a adapters.Adapter) string {
	b := strings.Builder{}
	b.WriteString("\n| option | value | default | when you need it |\n| --- | --- | --- | --- |\n")
	for _, o := range a.Options {
		value := o.Value()
		switch {
		case o.Kind == adapters.Switch:
			value = "`true` or `false`"
		case o.Kind == adapters.Text && len(o.Words) > 0:
			value = "`" + strings.Join(o.Words, "`, `") + "`"
		case o.Example != nil:
			value += ", such as `" + adapters.Flow(o.Example) + "`"
		}
		standard := "none"
		switch {
		case o.Required:
			standard = "required"
		case o.Default != nil:
			standard = "`" + adapters.Flow(o.Default) + "`"
		case o.Kind == adapters.Switch:
			standard = "`false`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", o.Name, value, standard, o.Doc)
	}
	return b.String()
}

// routes is the table of a page.
func routes(a adapters.Adapter) string {
	b := strings.Builder{}
	b.WriteString("\n| request | what arrives |\n| --- | --- |\n")
	for _, r := range a.About.Routes {
		path := strings.Replace(r.Path, "*", "/…", 1)
		if path == "/" {
			path = ""
		}
		fmt.Fprintf(&b, "| `%s …/webhooks/%s%s` | %s |\n", r.Method, a.Vendor, path, r.Takes)
	}
	return b.String()
}
