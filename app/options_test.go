package app

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/all"
	"github.com/tracklayer/tracklayer/config"
)

func opensFrom(t *testing.T, what, text string) {
	t.Helper()
	cfg, _, err := config.Load([]string{"--config", "t.yaml"}, nil, func(string) ([]byte, error) { return []byte(text), nil })
	if err == nil {
		_, err = sourcesOf(cfg)
	}
	if err != nil {
		t.Errorf("%s: %v\n%s", what, err, text)
	}
}

// TestExamplesOfOptions: a configuration file may say every option's example, and its default, as the vendor's page writes it.
func TestExamplesOfOptions(t *testing.T) {
	for _, a := range all.All() {
		var examples, defaults strings.Builder
		for _, o := range a.Options {
			fmt.Fprintf(&examples, "      %s: %s\n", o.Name, adapters.Flow(o.Example))
			if o.Default != nil {
				fmt.Fprintf(&defaults, "      %s: %s\n", o.Name, adapters.Flow(o.Default))
			}
		}
		for _, options := range []string{examples.String(), defaults.String()} {
			if options != "" {
				opensFrom(t, a.Vendor, fmt.Sprintf("sources:\n  x:\n    vendor: %s\n    secrets: [0123456789abcdef]\n    options:\n%s", a.Vendor, options))
			}
		}
	}
}

// TestSourcesOfThePages: the sources that the vendors' pages show can be configured. Their secrets are placeholders, and custom's
// page has a test of its own.
func TestSourcesOfThePages(t *testing.T) {
	secrets := regexp.MustCompile(`(?m)^    secrets: .*\n`)
	for _, a := range all.All() {
		page, err := os.ReadFile(filepath.Join("..", a.About.Page))
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile("(?s)```yaml\n(sources:\n.*?)```").FindAllStringSubmatch(string(page), -1)
		if len(found) == 0 {
			t.Errorf("%s shows no source", a.About.Page)
		}
		for _, block := range found {
			if a.Vendor != "custom" {
				opensFrom(t, a.About.Page, secrets.ReplaceAllString(block[1], ""))
			}
		}
	}
}
