//go:build sdks

package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// npm runs a script of npm/ with Node.js against the server and reads what it prints as its last line of output into
// result: what the vendor's SDK itself returned. The script gets the server's address as its argument.
func npm(t *testing.T, s *server, script string, result any, args ...string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join("npm", "node_modules")); err != nil {
		t.Fatalf("the npm packages are not installed; run make sdks: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute) // only a script that hangs takes so long
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", append([]string{script, s.url("")}, args...)...)
	cmd.Dir = "npm"
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("node %s: %v\n%s\n%s", script, err, &out, &said)
	}
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], result); err != nil {
		t.Fatalf("node %s prints no result: %v\n%s\n%s", script, err, &out, &said)
	}
}
