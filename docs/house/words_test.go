package house_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// banned are words that docs/glossary.md replaces by plain ones. They are looked for in code, comments, documents,
// templates and messages.
var banned = regexp.MustCompile(`(?i)\b(doors?|doorman|mend(s|ed|ing)?|anew|whoever|somebody|nobody|everybody|graveyard|bur(y|ies|ied)|worked off|lies? on the log|hangs on|rests on|tellings)\b`)

// spared are texts in which a banned word is a quotation or a name.
var spared = []string{
	"http.NoBody",
	`json:"everybody,omitempty"`,     // stored
	"adapters/launchdarkly/audit.go", // titles that LaunchDarkly writes
}

// TestPlainWords holds the words of language to the glossary, in everything that a user or a developer reads but tests.
func TestPlainWords(t *testing.T) {
	found := map[string][]string{}
	tree := os.DirFS(root)
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if base := path.Base(name); base != "." && (strings.HasPrefix(base, ".") || base == "testdata" || base == "node_modules" || base == "decisions" || base == "house" || base == "bin") {
				return fs.SkipDir
			}
			return nil
		case strings.HasSuffix(name, "_test.go"), name == "CHANGELOG.md", name == "docs/glossary.md":
			return nil
		}
		switch path.Ext(name) {
		case ".go", ".md", ".html", ".tmpl", ".css", ".js", ".json", ".yaml":
		default:
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		folder, _, _ := strings.Cut(name, "/")
		for line := range strings.Lines(string(text)) {
			if !excused(name, line) && banned.MatchString(line) {
				found[folder] = append(found[folder], name+": "+strings.TrimSpace(line))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for folder, lines := range found {
		t.Errorf("%s has %d lines with words that the glossary replaces:\n%.3000s", folder, len(lines), strings.Join(lines, "\n"))
	}
}

func excused(name, line string) bool {
	for _, s := range spared {
		if name == s || strings.Contains(line, s) {
			return true
		}
	}
	return false
}
