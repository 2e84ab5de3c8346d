package config

import (
	"bytes"
	"encoding"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite docs/configuration.md")

const referencePath = "../docs/configuration.md"

// docs/configuration.md is made from the tables. Rewrite it with
// go test ./config -update.
func TestReferenceIsCurrent(t *testing.T) {
	made := reference()
	if *update {
		if err := os.WriteFile(referencePath, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(referencePath)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, made) {
		t.Errorf("%s is out of date: run go test ./config -update", referencePath)
	}
}

// Every field of the structs is in the tables, so that none lacks a key.
func TestTablesCoverEveryField(t *testing.T) {
	var cfg Config
	known := map[any]bool{&cfg.Sources: true}
	for _, s := range settings {
		known[s.field(&cfg)] = true
	}
	fieldsCovered(t, reflect.ValueOf(&cfg).Elem(), "Config", known)
	var source Source
	known = map[any]bool{}
	for _, s := range sourceSettings {
		known[s.field(&source)] = true
	}
	fieldsCovered(t, reflect.ValueOf(&source).Elem(), "Source", known)
}

func fieldsCovered(t *testing.T, v reflect.Value, path string, known map[any]bool) {
	for i := range v.NumField() {
		field, name := v.Field(i), path+"."+v.Type().Field(i).Name
		_, leaf := field.Addr().Interface().(encoding.TextUnmarshaler)
		switch {
		case known[field.Addr().Interface()]:
		case field.Kind() == reflect.Struct && !leaf:
			fieldsCovered(t, field, name, known)
		default:
			t.Errorf("%s is in no table of settings", name)
		}
	}
}

// The examples of the reference are read, so that none of them is wrong.
func TestExamplesOfTheReference(t *testing.T) {
	for _, s := range settings {
		var cfg Config
		target := s.field(&cfg)
		errs, list := setList(target, splitList(s.example))
		if !list {
			errs = []error{setScalar(target, s.example)}
		}
		for _, err := range errs {
			if err != nil {
				t.Errorf("%s: %v", s.key, err)
			}
		}
		root, wrong := parse([]byte(inFile(s.key, s.example, list)))
		if wrong != "" {
			t.Fatalf("%s: %s", s.key, wrong)
		}
		l := loader{from: map[string]string{}, bad: map[string]bool{}}
		file{loader: &l, path: "t.yaml"}.section(root, "")
		if l.faults != nil || !reflect.DeepEqual(l.cfg, cfg) {
			t.Errorf("%s: the file's form gives %+v, %v", s.key, l.cfg, l.faults)
		}
	}
	for _, s := range sourceSettings {
		text := "sources: {a: {vendor: b}, shop: {vendor: a, " + s.key + ": " + s.example + "}}"
		if s.key == "vendor" {
			text = "sources: {shop: {vendor: " + s.example + "}}"
		}
		contents := map[string]string{"t.yaml": text, "/run/secrets/examplevendor": "a secret of enough bytes"}
		if _, _, err := Load([]string{"--config=t.yaml"}, nil, files(contents)); err != nil {
			t.Errorf("%s: %v", s.key, err)
		}
	}
}

func reference() []byte {
	var b bytes.Buffer
	b.WriteString(referenceIntro)
	cfg, defaults := Config{}, Default()
	fmt.Fprintf(&b, "\n## The file itself\n\n%s\n\n- environment: `%s`\n- flag: `--%s`\n- example: `--%s tracklayer.yaml`\n",
		configDoc, configEnv, configFlag, configFlag)
	b.WriteString("\n## Settings\n")
	for _, s := range settings {
		fmt.Fprintf(&b, "\n### `%s`\n\n%s\n\n- default: %s\n- environment: `%s`\n", s.key, s.doc, shown(s.field(&defaults)), s.env())
		if s.flag != "" {
			fmt.Fprintf(&b, "- flag: `--%s`\n", s.flag)
		}
		fmt.Fprintf(&b, "- example: `%s`\n", inFile(s.key, s.example, isList(s.field(&cfg))))
	}
	b.WriteString(referenceSources)
	for _, s := range sourceSettings {
		fmt.Fprintf(&b, "\n### `sources.NAME.%s`\n\n%s\n\n- default: none\n- environment: none, in the file only\n- example: `%s: %s`\n", s.key, s.doc, s.key, s.example)
	}
	return b.Bytes()
}

// inFile writes an example the way the file says it, on one line.
func inFile(key, example string, list bool) string {
	if list {
		example = `["` + strings.Join(splitList(example), `", "`) + `"]`
	}
	if !list && strings.Contains(example, ",") {
		example = `"` + example + `"`
	}
	section, name, below := strings.Cut(key, ".")
	if below {
		return section + ": {" + name + ": " + example + "}"
	}
	return key + ": " + example
}

// shown writes a default as the file would say it.
func shown(target any) string {
	v := reflect.ValueOf(target).Elem()
	text := ""
	switch field := target.(type) {
	case *time.Duration:
		text = field.String()
	case encoding.TextMarshaler:
		text = strings.ToLower(string(must(field.MarshalText())))
		if size, ok := target.(*Size); ok {
			text = size.String()
		}
	default:
		text = strings.Trim(fmt.Sprint(v.Interface()), "[]")
	}
	if text == "" {
		return "none"
	}
	return "`" + text + "`"
}

const referenceIntro = `# Configuration

<!-- Made from config/settings.go by go test ./config -update. Do not edit. -->

TrackLayer runs without any configuration on the machine it was started on. A
setting may be said in four places; the later ones win:

1. the default,
2. the YAML file that ` + "`--config`" + ` names,
3. the environment,
4. the command line.

A list from a later place replaces the whole list of an earlier one. In the
environment, commas divide the entries of a list, and an empty variable counts
as not set. Paths are relative to the folder that the program was started in.
A key, a variable that begins with ` + "`TRACKLAYER_`" + ` or a flag that is not in this
list is refused; so is a value that cannot be read. All faults are reported at
once, and ` + "`tracklayer check`" + ` reports them without starting anything.
The variables that container platforms add for a service named tracklayer, such
as ` + "`TRACKLAYER_SERVICE_HOST`" + `, are left alone.

A complete file is in [tracklayer.example.yaml](tracklayer.example.yaml).
`

const referenceSources = `
## Sources

Each entry below ` + "`sources`" + ` is one connection to a vendor. Its name, 1 to 64
characters of a-z, 0-9, _ and -, becomes part of the address that the vendor
sends to: ` + "`/webhooks/NAME`" + `. Without any entry there is one source per vendor,
under the vendor's name. Sources are set in the file only.
`
