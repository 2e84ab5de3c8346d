package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/readout"
)

//go:embed templates assets
var embedded embed.FS

// types are the assets' media types, by the ends of their names.
var types = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// templates are what pages are made from, and the files that pages load. It is read once, and never changes.
type templates struct {
	pages  map[string]*template.Template
	assets map[string][]byte
	mark   string // of the assets' contents: a browser keeps them until it changes
}

// newTemplates parses the embedded templates. It panics if one is not valid, which every test would find.
func newTemplates() *templates {
	l := &templates{pages: map[string]*template.Template{}, assets: map[string][]byte{}}
	base := template.Must(template.New("").Funcs(functions).ParseFS(embedded, "templates/layout.html", "templates/parts*.html"))
	names, err := fs.Glob(embedded, "templates/*.html")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		short := strings.TrimSuffix(path.Base(name), ".html")
		if short == "layout" || strings.HasPrefix(short, "parts") {
			continue
		}
		l.pages[short] = template.Must(template.Must(base.Clone()).ParseFS(embedded, name))
	}
	files, err := fs.Glob(embedded, "assets/*")
	if err != nil {
		panic(err)
	}
	all := sha256.New()
	for _, name := range files {
		text, err := embedded.ReadFile(name)
		if err != nil {
			panic(err)
		}
		l.assets[path.Base(name)] = text
		_, _ = all.Write(text) // a hash takes everything
	}
	l.mark = hex.EncodeToString(all.Sum(nil)[:6])
	return l
}

// asset serves a file that pages load. Its address changes with its content, so it can be cached forever.
func (l *templates) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	text, ok := l.assets[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	guarded(h)
	h.Set("Content-Type", types[path.Ext(name)])
	h.Set("Cache-Control", "no-cache")
	if r.URL.RawQuery == l.mark {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(text) // a client that has gone away hears nothing
}

// explained puts the definitions of the words that a page uses at its end.
func explained(page *template.Template, text []byte) ([]byte, error) {
	before, after, found := bytes.Cut(text, []byte(`<div id="definitions"></div>`))
	if !found {
		return text, nil
	}
	var used []definition
	for _, d := range definitions {
		if bytes.Contains(text, []byte(`popovertarget="def-`+d.Key+`"`)) {
			used = append(used, d)
		}
	}
	var b bytes.Buffer
	if err := page.ExecuteTemplate(&b, "definitions", used); err != nil {
		return nil, err
	}
	return slices.Concat(before, b.Bytes(), after), nil
}

// functions are what templates may call.
var functions = template.FuncMap{
	"whole": whole, "many": many, "percent": percent, "signed": signed, "probability": probability, "short": short, "pvalue": pValue,
	"moment": moment, "stamp": stamp, "date": date, "window": window, "spaced": spaced, "sentence": sentence,
	"path": pathOf, "below": below, "unitPath": unitPath,
	"term": term, "name": isolated, "refusals": refusals, "deref": func(s *string) string { return *s },
	"len64":     func(all []readout.Variant) int64 { return int64(len(all)) },
	"query":     url.QueryEscape,
	"cell":      cell,
	"plain":     numberText,
	"prose":     prose,
	"reason":    reason,
	"words":     func(all ...string) []string { return all },
	"fieldID":   func(name string) string { return "f-" + strings.NewReplacer("/", "-").Replace(name) },
	"fieldName": fieldName,
	"set":       set,
}

// set makes a map of names and values, for templates that need more than one.
func set(pairs ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m
}

// cell is isolated for the long tables of charts, whose texts are mostly numbers that need no isolation.
func cell(text string) template.HTML {
	numeric := func(r rune) bool { return r < utf8.RuneSelf || strings.ContainsRune(minus+noBreak+"…—", r) }
	if strings.IndexFunc(text, func(r rune) bool { return !numeric(r) }) >= 0 {
		return isolated(text)
	}
	return template.HTML(template.HTMLEscapeString(text)) // escaped
}

// isolated is a name chosen by a user: right-to-left letters in it do not reorder the text around it.
func isolated(text string) template.HTML {
	return template.HTML("<bdi>" + template.HTMLEscapeString(text) + "</bdi>") // escaped above
}

// fieldName is a field of a form as its fault is listed: "variants/0/key" is the key of variant 1.
func fieldName(name string) string {
	parts := strings.Split(name, "/")
	if len(parts) == 3 {
		if i, err := strconv.Atoi(parts[1]); err == nil {
			return fmt.Sprintf("%s %d, %s", sentence(strings.TrimSuffix(parts[0], "s")), i+1, spaced(parts[2]))
		}
	}
	return sentence(parts[len(parts)-1])
}
