//go:build sdks

package e2e_test

import (
	"os"
	"testing"
)

// TestPagesInTheBrowser drives every page in Chromium as people would: in light and dark, on a phone, by keyboard, without
// script, with keys; axe-core looks at each.
func TestPagesInTheBrowser(t *testing.T) {
	demo := demoServer(t)
	keyed := newServer(t)
	keyed.env = []string{"TRACKLAYER_KEYS_READ=read-key-of-the-test", "TRACKLAYER_KEYS_ADMIN=admin-key-of-the-test", "TRACKLAYER_KEYS_WRITE=write-key-of-the-test"}
	keyed.start()
	var result struct {
		OK     []string
		Failed map[string]string
	}
	args := []string{"--keyed", keyed.url(""), "--read", "read-key-of-the-test", "--admin", "admin-key-of-the-test"}
	if only := os.Getenv("ONLY"); only != "" {
		args = append(args, "--only", only)
	}
	npm(t, demo, "pages.mjs", &result, args...)
	for name, why := range result.Failed {
		t.Errorf("%s:\n%s", name, why)
	}
	if len(result.OK)+len(result.Failed) == 0 {
		t.Error("nothing was tried")
	}
}

// TestScreenshotsOfTheBrowser makes the pictures in docs/screenshots where SCREENSHOTS names that folder (make screenshots).
func TestScreenshotsOfTheBrowser(t *testing.T) {
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		t.Skip("SCREENSHOTS names no folder")
	}
	npm(t, demoServer(t), "pages.mjs", &struct{}{}, "--screenshots", folder)
}
