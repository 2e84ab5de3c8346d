package app

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

var update = flag.Bool("update", false, "rewrite the table of metrics in docs/operations.md")

var described = regexp.MustCompile(`^Desc\{fqName: "([^"]+)", help: "((?:[^"\\]|\\.)*)", (?:unit: "[^"]*", )?constLabels: \{.*\}, variableLabels: \{(.*)\}\}$`)

// TestMetricsPage: docs/operations.md lists every metric of ours that a program registers, and no other.
func TestMetricsPage(t *testing.T) {
	p := begin(t, t.TempDir())
	defer stop(t, p)
	found := make(chan *prometheus.Desc)
	go func() {
		defer close(found)
		p.metrics.Describe(found)
	}()
	var rows []string
	for d := range found {
		part := described.FindStringSubmatch(d.String())
		if part == nil {
			t.Fatalf("a description in another form: %s", d)
		}
		if !strings.HasPrefix(part[1], "tracklayer_") {
			continue
		}
		if part[2] == "" {
			t.Errorf("%s has no help", part[1])
		}
		labels := ""
		if part[3] != "" {
			labels = "`" + strings.Join(strings.Split(part[3], ","), "`, `") + "`"
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |\n", part[1], labels, part[2]))
	}
	if len(rows) < 10 {
		t.Fatalf("only %d metrics", len(rows))
	}
	slices.Sort(rows)
	const page = "../docs/operations.md"
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), "<!-- metrics -->\n")
	_, after, closed := strings.Cut(rest, "<!-- end -->")
	if !ok || !closed {
		t.Fatal("the page has no place for the metrics")
	}
	want := before + "<!-- metrics -->\n\n| metric | labels | meaning |\n| --- | --- | --- |\n" + strings.Join(rows, "") + "\n<!-- end -->" + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if want != string(raw) {
		t.Error("docs/operations.md does not list the metrics that the program registers; make golden rewrites it")
	}
}
