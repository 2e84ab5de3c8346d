package house_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const (
	module = "github.com/tracklayer/tracklayer"
	root   = "../.."
)

// The arrows of this module point the way the table says.
func TestArrows(t *testing.T) {
	files, err := goFiles(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(files, func(f goFile) bool { return f.folder == "config" }) {
		t.Fatal("the walk did not even find config")
	}
	for _, fault := range faults(files) {
		t.Error(fault)
	}
}

// Every kind of forbidden arrow is found, and every allowed one is let through.
func TestArrowsAreChecked(t *testing.T) {
	cases := []struct{ file, imports, want string }{
		{"config/a.go", "ours/canonical", "config/a.go imports canonical"},
		{"config/a.go", "go.yaml.in/yaml/v3", ""},
		{"store/a.go", "ours/core", ""},
		{"store/a.go", "ours/registry", "store/a.go imports registry"},
		{"store/a.go", "github.com/cockroachdb/pebble/v2/vfs", ""},
		{"core/a.go", "github.com/cockroachdb/pebble", "core/a.go imports github.com/cockroachdb/pebble"},
		{"core/a.go", "ours/store", "core/a.go imports store"},
		{"core/a_test.go", "ours/store", ""},
		{"core/a_test.go", "ours/cmd/tracklayer", "core/a_test.go imports cmd/tracklayer"},
		{"web/a.go", "ours/cmd/tracklayer", "web/a.go imports cmd/tracklayer"},
		{"web/a.go", "github.com/labstack/echo/v4", ""},
		{"webhooks/a.go", "github.com/nats-io/nats.go", "webhooks/a.go imports github.com/nats-io/nats.go"},
		{"webhooks/a_test.go", "github.com/nats-io/nats.go", "webhooks/a_test.go imports github.com/nats-io/nats.go"},
		{"stream/a.go", "github.com/nats-io/nats-server/v2/server", ""},
		{"stream/a.go", "ours/streams", "stream/a.go imports streams"},
		{"canonical/a.go", "github.com/other/thing", "canonical/a.go imports github.com/other/thing"},
		{"canonical/a.go", "encoding/json", ""},
		{"canonical/a.go", "ours/canonical/jsonscan", ""},
		{"canonical/jsonscan/a.go", "ours/canonical", "canonical/jsonscan/a.go imports canonical"},
		{"cmd/tracklayer/a.go", "ours/adapters/all", ""},
		{"cmd/tracklayer/a.go", "ours/cmd/tracklayer/part", ""},
		{"cmd/tracklayer/a.go", "ours/adapters/vwo/tap", "cmd/tracklayer/a.go imports adapters/vwo/tap"},
		{"cmd/tracklayer/a.go", "ours/adapters/adaptertest", "cmd/tracklayer/a.go imports adapters/adaptertest"},
		{"cmd/tracklayer/a.go", "ours/e2e", "cmd/tracklayer/a.go imports e2e"},
		{"adapters/all/a.go", "ours/adapters/vwo", ""},
		{"adapters/all/a.go", "ours/adapters/vwo/tap", "adapters/all/a.go imports adapters/vwo/tap"},
		{"adapters/all/a.go", "ours/adapters/adaptertest", "adapters/all/a.go imports adapters/adaptertest"},
		{"adapters/vwo/a.go", "ours/adapters/posthog", "adapters/vwo/a.go imports adapters/posthog"},
		{"adapters/vwo/a.go", "ours/adapters/vwo/parts", ""},
		{"adapters/vwo/a.go", "ours/adapters/vwo/tap", "adapters/vwo/a.go imports adapters/vwo/tap"},
		{"adapters/vwo/a.go", "ours/adapters/adaptertest", "adapters/vwo/a.go imports adapters/adaptertest"},
		{"adapters/vwo/a_test.go", "ours/adapters/adaptertest", ""},
		{"adapters/vwo/a_test.go", "ours/adapters/vwo", ""},
		{"adapters/vwo/a_test.go", "ours/adapters/posthog", "adapters/vwo/a_test.go imports adapters/posthog"},
		{"adapters/vwo/parts/a.go", "ours/config", "adapters/vwo/parts/a.go imports config"},
		{"adapters/vwo/a.go", "github.com/wingify/vwo-go-sdk", "adapters/vwo/a.go imports github.com/wingify/vwo-go-sdk"},
		{"adapters/vwo/a_test.go", "github.com/wingify/vwo-go-sdk", ""},
		{"adapters/vwo/tap/a.go", "github.com/wingify/vwo-go-sdk/pkg/api", ""},
		{"adapters/vwo/tap/a.go", "github.com/posthog/posthog-go", "adapters/vwo/tap/a.go imports github.com/posthog/posthog-go"},
		{"adapters/vwo/tap/a.go", "ours/sdk/go", ""},
		{"adapters/vwo/tap/a.go", "ours/adapters", "adapters/vwo/tap/a.go imports adapters"},
		{"adapters/vwo/a.go", "ours/adapters/field", ""},
		{"adapters/field/a.go", "ours/adapters/vwo", "adapters/field/a.go imports adapters/vwo"},
		{"web/a.go", "github.com/posthog/posthog-go", "web/a.go imports github.com/posthog/posthog-go"},
		{"e2e/a_test.go", "github.com/posthog/posthog-go", ""},
		{"e2e/a_test.go", "ours/canonical", ""},
		{"e2e/a_test.go", "github.com/nats-io/nats.go", ""},
		{"e2e/a_test.go", "ours/store", "e2e/a_test.go imports store"},
		{"helpers/a.go", "fmt", "helpers/a.go lies in a folder that is not in the table"},
		{"store/deep/a.go", "fmt", "store/deep/a.go lies in a folder that is not in the table"},
		{"a.go", "fmt", ""},
		{"a.go", "ours/core", "a.go imports core"},
		{"testdata/a.go", "ours/cmd/tracklayer", ""},
		{"nested/a.go", "ours/cmd/tracklayer", ""},
		{"sdk/go/a.go", "ours/core", "sdk/go/a.go imports core"},
	}
	for _, c := range cases {
		t.Run(c.file+" "+c.imports, func(t *testing.T) {
			imported := strings.Replace(c.imports, "ours/", module+"/", 1)
			file := func(imported string) *fstest.MapFile {
				return &fstest.MapFile{Data: []byte("package a\n\nimport _ " + strconv.Quote(imported) + "\n")}
			}
			files, err := goFiles(fstest.MapFS{
				"adapters/vwo/tap/sdk.go":     file("github.com/wingify/vwo-go-sdk"),
				"adapters/posthog/tap/sdk.go": file("github.com/posthog/posthog-go"),
				c.file:                        file(imported),
				"go.mod":                      {Data: []byte("module " + module)},
				"nested/go.mod":               {Data: []byte("module other")},
				"sdk/go/go.mod":               {Data: []byte("module " + module + "/sdk/go\n")},
			})
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(faults(files), "\n")
			if c.want == "" && got != "" || c.want != "" && !strings.HasPrefix(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// A row that could never fit, because an earlier one takes its folders, would
// look like a rule and be none.
func TestEveryRowCounts(t *testing.T) {
	for i, row := range folders {
		example := strings.TrimSuffix(strings.ReplaceAll(row.path, "<vendor>", "anyvendor"), "/**")
		if first := slices.IndexFunc(folders, func(f folder) bool { _, fits := match(f.path, example, ""); return fits }); first != i {
			t.Errorf("the row of %s never counts, because that of %s comes first", row.path, folders[first].path)
		}
	}
}

// Package config names no vendor: a new vendor costs nothing there.
func TestConfigNamesNoVendor(t *testing.T) {
	names, err := fs.Glob(os.DirFS(root), "config/*.go")
	if err != nil || len(names) == 0 {
		t.Fatal("config has no files", err)
	}
	vendors := vendorFolders(t)
	for _, name := range names {
		text, err := os.ReadFile(path.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, vendor := range vendors {
			if regexp.MustCompile(`(?i)\b` + vendor + `\b`).Match(text) {
				t.Errorf("%s names %s", name, vendor)
			}
		}
	}
}

// vendorFolders lists the vendors by their folders. A test in adapters/all
// holds that they are those of the program.
func vendorFolders(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(path.Join(root, "adapters"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() && !slices.Contains(kit, entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	if len(names) == 0 {
		t.Fatal("there are no vendors")
	}
	return names
}

type goFile struct {
	name, folder string
	imports      []string
	test         bool
}

// goFiles reads the imports of every Go file of the module, whatever its build
// constraints, and of the modules of ours within it. Folders that the go command
// ignores, and other modules, are left out.
func goFiles(tree fs.FS) ([]goFile, error) {
	var files []goFile
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return skipped(tree, name)
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
		if err != nil {
			return err
		}
		file := goFile{name: name, folder: path.Dir(name), test: strings.HasSuffix(name, "_test.go")}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			file.imports = append(file.imports, imported)
		}
		files = append(files, file)
		return nil
	})
	return files, err
}

func skipped(tree fs.FS, name string) error {
	base := path.Base(name)
	switch {
	case name == ".":
		return nil
	case strings.HasPrefix(base, "."), strings.HasPrefix(base, "_"), base == "testdata", base == "node_modules":
		return fs.SkipDir
	}
	text, err := fs.ReadFile(tree, path.Join(name, "go.mod"))
	if first, _, _ := strings.Cut(string(text), "\n"); err == nil && first != "module "+module+"/"+name {
		return fs.SkipDir
	}
	return nil
}

// faults says every import that the table forbids.
func faults(files []goFile) []string {
	var found []string
	owned := owners(files)
	for _, file := range files {
		row, vendor, known := rowOf(file.folder)
		if !known {
			found = append(found, file.name+" lies in a folder that is not in the table; add a row to docs/house/table_test.go")
			continue
		}
		for _, imported := range file.imports {
			shown, ours := strings.CutPrefix(imported, module+"/")
			if ours && !mayImport(row, vendor, file, shown) || !ours && !mayUse(row, owned, file, imported) {
				found = append(found, fmt.Sprintf("%s imports %s, which the row of %s in docs/house/table_test.go does not allow", file.name, shown, row.path))
			}
		}
	}
	return found
}

func rowOf(name string) (row folder, vendor string, known bool) {
	for _, row := range folders {
		if vendor, fits := match(row.path, name, ""); fits {
			return row, vendor, true
		}
	}
	return folder{}, "", false
}

// mayImport judges an import of a folder of ours.
func mayImport(row folder, vendor string, file goFile, imported string) bool {
	if imported == file.folder { // a test from outside its package
		return file.test
	}
	if file.test && !row.closed {
		other, adapter := match("adapters/<vendor>/**", imported, "")
		foreign := adapter && vendor != "" && other != vendor
		return !foreign && !fitsAny([]string{"cmd/**"}, imported, "")
	}
	if !file.test && fitsAny(testsOnly, imported, "") && !fitsAny(testsOnly, file.folder, "") {
		return false
	}
	return fitsAny(row.may, imported, vendor)
}

// owners are the vendors whose taps import modules of others, by the modules'
// owners, such as github.com/wingify.
func owners(files []goFile) map[string]string {
	owned := map[string]string{}
	for _, file := range files {
		vendor, tap := match("adapters/<vendor>/tap/**", file.folder, "")
		for _, imported := range file.imports {
			if owner := ownerOf(imported); tap && !file.test && owner != "" && owner != ownerOf(module) && owned[owner] == "" {
				owned[owner] = vendor
			}
		}
	}
	return owned
}

// ownerOf is the host and the first name of a module's path; "" of the
// standard library.
func ownerOf(imported string) string {
	parts := strings.SplitN(imported, "/", 3)
	if len(parts) < 2 || !strings.Contains(parts[0], ".") {
		return ""
	}
	return parts[0] + "/" + parts[1]
}

// mayUse judges an import of the standard library or of a module of others.
func mayUse(row folder, owned map[string]string, file goFile, imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	if !strings.Contains(first, ".") { // the standard library
		return true
	}
	if imported == module || row.std && !file.test {
		return false
	}
	if vendor := owned[ownerOf(imported)]; vendor != "" && !file.test {
		if !fitsAny([]string{"adapters/" + vendor + "/tap/**", "e2e"}, file.folder, "") {
			return false
		}
	}
	for _, g := range guards {
		guarded := slices.ContainsFunc(g.modules, func(m string) bool { return imported == m || strings.HasPrefix(imported, m+"/") })
		if guarded && !fitsAny(g.only, file.folder, "") {
			return false
		}
	}
	return true
}

func fitsAny(patterns []string, name, vendor string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		_, fits := match(pattern, name, vendor)
		return fits
	})
}

// match reports whether a folder fits a path of the table, and which vendor it
// belongs to. A vendor that is known already must be the same.
func match(pattern, name, vendor string) (string, bool) {
	want, have := strings.Split(pattern, "/"), strings.Split(name, "/")
	for i, part := range want {
		switch {
		case part == "**":
			return vendor, true
		case i >= len(have):
			return "", false
		case part == "<vendor>":
			if slices.Contains(kit, have[i]) || vendor != "" && vendor != have[i] {
				return "", false
			}
			vendor = have[i]
		case part != have[i]:
			return "", false
		}
	}
	return vendor, len(want) == len(have)
}
