//go:build consumers

package house_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the go.mod files of testdata/consumers")

// TestWhatAClientCosts builds a program that uses nothing but one module of the clients, and compares its go.mod: a
// change there is a change of what the users of that module must take.
func TestWhatAClientCosts(t *testing.T) {
	modules := clientModules(t)
	for _, folder := range modules {
		t.Run(folder, func(t *testing.T) {
			got := consumer(t, modules, folder)
			golden := filepath.Join("testdata", "consumers", strings.ReplaceAll(folder, "/", "-")+".mod")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("a program that uses it has the go.mod\n%s\nwant\n%s", got, want)
			}
			if strings.Contains(got, module+" ") {
				t.Errorf("it requires the server's module:\n%s", got)
			}
		})
	}
}

// consumer makes a program in a module of its own that imports one module of ours, builds it, and returns its go.mod
// without the lines that replace ours by folders.
func consumer(t *testing.T, modules []string, folder string) string {
	t.Helper()
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	mod := "module consumer\n\ngo 1.24.0\n\nrequire " + module + "/" + folder + " v0.0.0\n"
	var replaced strings.Builder
	for _, m := range modules {
		replaced.WriteString("\nreplace " + module + "/" + m + " => " + filepath.ToSlash(filepath.Join(here, m)) + "\n")
	}
	sums, err := os.ReadFile(filepath.Join(here, folder, "go.sum"))
	if err != nil && !os.IsNotExist(err) { // a module without requirements has none
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"go.mod": mod + replaced.String(), "go.sum": string(sums),
		"main.go": "package main\n\nimport _ \"" + module + "/" + folder + "\"\n\nfunc main() {}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"mod", "tidy"}, {"build", "-o", filepath.Join(dir, "consumer"), "."}} {
		c := exec.CommandContext(t.Context(), "go", args...)
		c.Dir = dir
		c.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		if output, err := c.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, output)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "replace ") && !(line == "\n" && len(kept) > 0 && kept[len(kept)-1] == "\n") {
			kept = append(kept, line)
		}
	}
	return strings.TrimRight(strings.Join(kept, ""), "\n") + "\n"
}
