package adaptertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
)

// Golden is one txtar file: a comment, then sections that begin with a line "-- name --".
//
//	request      HTTP/1.1 text; give it a Content-Length where the line break at the end is not the body's
//	options      a JSON object, the source's options; optional
//	received_at  RFC 3339; optional
//	catalog      the vendor's datafile, settings or configuration, read by ParseCatalog; optional
//	want         what adapters.Batch.AppendJSON writes, or {"error":"…"}
//	secret       texts that must not get into any event, one a line; optional
//
// Other sections are the vendor's own tests' business.
type Golden struct {
	Name     string
	Envelope adapters.Envelope
	Options  map[string]any

	comment  string
	sections []section
}

type section struct {
	name string
	text []byte
}

// defaultReceipt is when a request without received_at arrived.
const defaultReceipt = "2027-01-01T00:00:00Z"

// Goldens reads all golden files of a folder, in the order of their names.
func Goldens(t testing.TB, dir string) []Golden {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files in %s: %v", dir, err)
	}
	goldens := make([]Golden, len(files))
	for i, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // a test's own data
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		if goldens[i], err = ParseGolden(name, text); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	return goldens
}

// ParseGolden reads the text of a golden file.
func ParseGolden(name string, text []byte) (Golden, error) {
	g := Golden{Name: name}
	comment := []byte{}
	for line := range bytes.Lines(text) {
		if title, ok := title(line); ok {
			g.sections = append(g.sections, section{name: title})
		} else if n := len(g.sections); n > 0 {
			g.sections[n-1].text = append(g.sections[n-1].text, line...)
		} else {
			comment = append(comment, line...)
		}
	}
	g.comment = string(comment)
	if options := g.Section("options"); options != nil {
		if err := json.Unmarshal(options, &g.Options); err != nil {
			return Golden{}, fmt.Errorf("options: %w", err)
		}
	}
	receipt := strings.TrimSpace(string(g.Section("received_at")))
	if receipt == "" {
		receipt = defaultReceipt
	}
	receivedAt, err := canonical.ParseTime(receipt)
	if err != nil {
		return Golden{}, fmt.Errorf("received_at: %w", err)
	}
	g.Envelope, err = adapters.ReadRequest(bytes.NewReader(g.Section("request")), receivedAt)
	return g, err
}

func title(line []byte) (string, bool) {
	s, ok := strings.CutPrefix(strings.TrimRight(string(line), "\r\n"), "-- ")
	if !ok {
		return "", false
	}
	s, ok = strings.CutSuffix(s, " --")
	return s, ok && s != ""
}

// Section is the text of a section, nil where the file has none of that name.
func (g *Golden) Section(name string) []byte {
	for _, s := range g.sections {
		if s.name == name {
			return s.text
		}
	}
	return nil
}

func (g *Golden) set(name string, text []byte) {
	for i := range g.sections {
		if g.sections[i].name == name {
			g.sections[i].text = text
			return
		}
	}
	g.sections = append(g.sections, section{name, text})
}

func (g *Golden) text() []byte {
	out := []byte(g.comment)
	for _, s := range g.sections {
		out = append(fmt.Appendf(out, "-- %s --\n", s.name), s.text...)
		if len(s.text) > 0 && s.text[len(s.text)-1] != '\n' {
			out = append(out, '\n')
		}
	}
	return out
}

// Source is the source that the golden's request came through.
func (g *Golden) Source(a adapters.Adapter) adapters.Source {
	s := adapters.Source{Name: a.Vendor, Rules: canonical.DefaultRules()}
	if text := g.Section("catalog"); text != nil && a.ParseCatalog != nil {
		s.Catalog, _ = a.ParseCatalog(text) // the law "whole" reports a catalog that cannot be read
	}
	return s
}

// Decode opens a source with the golden's options and decodes the golden's request.
func (g *Golden) Decode(a adapters.Adapter) (adapters.Batch, error) {
	d, err := adapters.Open(a, g.Options)
	if err != nil {
		return adapters.Batch{}, err
	}
	return d.Decode(g.Source(a), g.Envelope)
}

// Open opens a source of an adapter with options, which must be right.
func Open(t testing.TB, a adapters.Adapter, options map[string]any) adapters.Decoder {
	t.Helper()
	d, err := adapters.Open(a, options)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Plain opens a source of an adapter without options, which must be enough.
func Plain(a adapters.Adapter) adapters.Decoder {
	d, err := adapters.Open(a, nil)
	if err != nil {
		panic(err)
	}
	return d
}

// Outcome is what stands in want for what the adapter makes of the request now.
func Outcome(a adapters.Adapter, g Golden) []byte { return written(g.Decode(a)) }

func written(b adapters.Batch, err error) []byte {
	if err != nil {
		text, merr := json.Marshal(map[string]string{"error": err.Error()})
		if merr != nil {
			return []byte(merr.Error())
		}
		return append(text, '\n')
	}
	return append(b.AppendJSON(nil), '\n')
}
