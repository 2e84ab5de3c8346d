package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestThePageOfCustomSources runs what docs/vendors/custom.md shows: each configuration turns the request after it into the
// events after that.
func TestThePageOfCustomSources(t *testing.T) {
	page, err := os.ReadFile("../../docs/vendors/custom.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```(yaml|http|json)\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 15 {
		t.Fatalf("%d blocks, want five of each kind", len(blocks))
	}
	for ; len(blocks) > 0; blocks = blocks[3:] {
		config, request, want := blocks[0][2], blocks[1][2], blocks[2][2]
		file := filepath.Join(t.TempDir(), "tracklayer.yaml")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		source := regexp.MustCompile(`/webhooks/(\w+) `).FindStringSubmatch(request)[1]
		var out, said bytes.Buffer
		err := decode(context.Background(), []string{source, "--config", file}, streams{in: strings.NewReader(request), out: &out, err: &said}, nil)
		if err != nil {
			t.Fatalf("%s: %v %s", source, err, &said)
		}
		got := regexp.MustCompile(`"received_at":"[^"]*"`).ReplaceAllString(out.String(), `"received_at":"RECEIVED"`)
		if got != want {
			t.Errorf("%s becomes\n%s\nwant\n%s", source, got, want)
		}
	}
}
