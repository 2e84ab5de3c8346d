package house_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDecisionRecords: every record has the form that docs/decisions/README.md shows, its number, and its line there.
func TestDecisionRecords(t *testing.T) {
	folder := filepath.Join(root, "docs/decisions")
	index, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	records, err := filepath.Glob(filepath.Join(folder, "*-*.md"))
	if err != nil || len(records) < 20 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	dated := regexp.MustCompile(`(?m)^Date: \d{4}-\d{2}-\d{2}\. Status: (proposed|accepted|replaced by .+)\.$`)
	for _, name := range records {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text, base := string(raw), filepath.Base(name)
		number, _, _ := strings.Cut(base, "-")
		if !strings.HasPrefix(text, "# "+number+". ") {
			t.Errorf("%s does not begin with its number and title", base)
		}
		if !dated.MatchString(text) {
			t.Errorf("%s has no line with date and status", base)
		}
		at := 0
		for _, section := range []string{"\n## Situation\n", "\n## Decision\n", "\n## Alternatives\n", "\n## Consequences\n"} {
			i := strings.Index(text[at:], section)
			if i < 0 {
				t.Errorf("%s lacks%s, or has it in another order", base, strings.ReplaceAll(section, "\n", " "))
				break
			}
			at += i
		}
		if !strings.Contains(string(index), "["+number+"]("+base+")") {
			t.Errorf("%s is not in README.md", base)
		}
	}
}
