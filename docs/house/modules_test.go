package house_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// clientModules are the folders of the modules that a program of others requires, as go.work lists them.
func clientModules(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "go.work"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		if folder, ok := strings.CutPrefix(strings.TrimSpace(line), "./"); ok {
			found = append(found, folder)
		}
	}
	if !slices.Contains(found, "canonical") || !slices.Contains(found, "sdk/go") {
		t.Fatalf("go.work uses %v", found)
	}
	return found
}

// TestEveryTapIsAModule: a folder of a tap without a go.mod would be a part of the server's module.
func TestEveryTapIsAModule(t *testing.T) {
	taps, err := filepath.Glob(filepath.Join(root, "adapters/*/tap"))
	if err != nil || len(taps) == 0 {
		t.Fatal("no taps were found", err)
	}
	modules := clientModules(t)
	for _, tap := range taps {
		folder, err := filepath.Rel(root, tap)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(modules, filepath.ToSlash(folder)) {
			t.Errorf("%s is not used by go.work", folder)
		}
	}
}
