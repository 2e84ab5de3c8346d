package house_test

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestAVendorIsOneFolder adds the vendor of docs/adapters.md to a copy of the
// module: a folder, and an entry in one file with the import that it needs.
// What else changes is made from them.
func TestAVendorIsOneFolder(t *testing.T) {
	before := sources(t, root)
	dir := t.TempDir()
	for name, text := range before {
		write(t, dir, name, text)
	}
	guide := before["docs/adapters.md"]
	for name, file := range map[string]string{"toy.go": "toy.go", "toy_test.go": "toy_test.go", "orders.txtar": "testdata/orders.txtar", "README.md": "README.md"} {
		write(t, dir, "adapters/toy/"+file, shown(t, guide, name))
	}
	const list = "adapters/all/all.go"
	entered := enter(t, before[list])
	write(t, dir, list, entered)

	run(t, dir, "test", "./adapters/all", "-update")
	run(t, dir, "vet", "./adapters/all", "./adapters/toy")
	run(t, dir, "test", "./adapters/all", "./adapters/toy")
	run(t, dir, "test", "./docs/house", "-run", "^(TestArrows|TestConfigNamesNoVendor|TestEveryRowCounts)$")

	after := sources(t, dir)
	var touched []string
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if !strings.HasPrefix(name, "adapters/toy/") && !bytes.Equal(after[name], before[name]) {
			touched = append(touched, name)
		}
	}
	if want := []string{"README.md", list}; !slices.Equal(touched, want) {
		t.Errorf("outside its folder the vendor changes %q, want %q", touched, want)
	}
	if got := added(before[list], after[list]); !slices.Equal(got, []string{"\t\"" + module + "/adapters/toy\"", "\t\ttoy.Adapter,"}) {
		t.Errorf("in %s the vendor is\n%s", list, strings.Join(got, "\n"))
	}
	if got := added(before["README.md"], after["README.md"]); len(got) != 1 || !strings.HasPrefix(got[0], "| Toy Shop | `…/webhooks/toy` | [orders](adapters/toy/README.md) |") {
		t.Errorf("README.md has the new lines\n%s", strings.Join(got, "\n"))
	}
	if page := string(after["adapters/toy/README.md"]); !strings.Contains(page, "| `event` |") || !strings.Contains(page, "/webhooks/toy/orders`") {
		t.Errorf("the page's tables are not made\n%s", page)
	}
}

// sources are the files of the module that its tests may read, by their names.
func sources(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	tree, files := os.DirFS(dir), map[string][]byte{}
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if entry.IsDir() {
			if name != "." && (strings.HasPrefix(base, ".") || base == "node_modules" || name == "bin" || name == "e2e") {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() || !slices.Contains([]string{".go", ".md", ".mod", ".sum", ".txtar", ".html", ".css", ".js", ".json", ".yaml"}, path.Ext(name)) {
			return nil
		}
		files[name], err = fs.ReadFile(tree, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func write(t *testing.T, dir, name string, text []byte) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// shown is the code block of the guide after a mark <!-- name … -->.
func shown(t *testing.T, guide []byte, name string) []byte {
	t.Helper()
	for _, fence := range []string{"```", "````"} {
		block := regexp.MustCompile("(?s)<!-- " + regexp.QuoteMeta(name) + "[^>]*-->\n" + fence + "[a-z]+\n(.*?\n)" + fence + "\n")
		if found := block.FindSubmatch(guide); found != nil {
			return found[1]
		}
	}
	t.Fatalf("docs/adapters.md does not show %s", name)
	return nil
}

// enter puts the vendor into the list, in the order of the names.
func enter(t *testing.T, list []byte) []byte {
	t.Helper()
	text := string(list)
	for _, one := range []struct{ before, line string }{
		{"\t\"" + module + "/adapters/vwo\"\n", "\t\"" + module + "/adapters/toy\"\n"},
		{"\t\tvwo.Adapter,\n", "\t\ttoy.Adapter,\n"},
	} {
		if strings.Count(text, one.before) != 1 {
			t.Fatalf("the list has %q not once", one.before)
		}
		text = strings.Replace(text, one.before, one.line+one.before, 1)
	}
	return []byte(text)
}

// added are the lines that are new; it fails to tell if any was removed.
func added(before, after []byte) []string {
	old := strings.Split(string(before), "\n")
	var lines []string
	for line := range strings.SplitSeq(string(after), "\n") {
		if len(old) > 0 && line == old[0] {
			old = old[1:]
		} else {
			lines = append(lines, line)
		}
	}
	if len(old) > 0 {
		return append(lines, "removed: "+strings.Join(old, "\n"))
	}
	return lines
}

// run runs the go command in a copy.
func run(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...) //nolint:gosec // constants
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
