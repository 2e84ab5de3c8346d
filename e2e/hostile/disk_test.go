//go:build linux

package hostile

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// small is a node whose data folder is a file system of its own in memory.
func small(t *testing.T, megabytes, reserve string) *node {
	t.Helper()
	n := newNode(t)
	n.data = t.TempDir()
	if err := syscall.Mount("tracklayer-test", n.data, "tmpfs", 0, "size="+megabytes+"m"); err != nil {
		t.Skip("a small file system cannot be mounted here:", err)
	}
	t.Cleanup(func() {
		n.kill()
		if err := syscall.Unmount(n.data, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("TRACKLAYER_LIMITS_DISK_RESERVE", reserve)
	return n
}

// fill leaves so many bytes of the node's disk free, and free gives the rest back.
func (n *node) fill(leave int64) {
	n.tb.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(n.data, &st); err != nil {
		n.tb.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(n.data, "ballast"), make([]byte, max(0, int64(st.Bavail)*int64(st.Bsize)-leave)), 0o600); err != nil { //nolint:unconvert // Bsize has another type on other systems
		n.tb.Fatal(err)
	}
}

func (n *node) free() {
	n.tb.Helper()
	if err := os.Remove(filepath.Join(n.data, "ballast")); err != nil {
		n.tb.Fatal(err)
	}
}

// TestDiskReserve: with less free space than the reserve events are refused early, in words that say why, and are taken
// again without a restart once there is space.
func TestDiskReserve(t *testing.T) {
	n := small(t, "64", "16MiB")
	n.begin()
	n.expose(0, 1000)
	n.fill(8 * mib)
	var later, text string
	n.until("events are refused", func() bool {
		var status int
		status, later, text = n.post("/v1/events", n.exposures(1000, 1))
		return status == http.StatusServiceUnavailable
	})
	if later == "" || !strings.Contains(text, "disk full: ") || !strings.Contains(text, "reserve 16 MiB") {
		t.Errorf("Retry-After %q, %s", later, text)
	}
	if _, text := get(n.addr, "/experiments"); !strings.Contains(text, "Disk full: ") {
		t.Error("the pages say nothing of it")
	}
	for range 50 {
		if status, text := n.readyz(); status != http.StatusServiceUnavailable || !strings.Contains(text, "disk full: ") {
			t.Fatalf("readyz: %d %s", status, text)
		}
		if status, _, _ := n.post("/v1/events", n.exposures(1000, 1)); status != http.StatusServiceUnavailable {
			t.Fatalf("an event was answered with %d", status)
		}
	}
	if got := strings.Count(n.out.String(), `msg="disk full: `); got != 1 {
		t.Errorf("the log says %d times that the disk is full", got)
	}
	n.free()
	if got := n.exposed(n.expose(1000, 100)); got != 1100 {
		t.Errorf("%d users after there was space again", got)
	}
	if _, text := get(n.addr, "/experiments"); strings.Contains(text, "Disk full: ") {
		t.Error("the pages still say that the disk is full")
	}
	n.end()
}

// TestFullDisk: a write that did hit the full disk neither floods the log nor closes it for good.
func TestFullDisk(t *testing.T) {
	n := small(t, "64", "1B")
	n.begin()
	acknowledged := 1000
	n.expose(0, acknowledged)
	n.fill(64 << 10)
	n.padding = strings.Repeat("x", 2000)
	n.until("a write fails", func() bool { // few events are written to the log's file at once, many to another one first
		status, _, _ := n.post("/v1/events", n.exposures(acknowledged, 10))
		if status == http.StatusAccepted {
			acknowledged += 10
		}
		return status == http.StatusServiceUnavailable
	})
	if !strings.Contains(n.out.String(), "no space left on device") {
		t.Errorf("no write met the full disk:\n%s", n.out)
	}
	if lines := strings.Count(n.out.String(), "\n"); lines > 200 {
		t.Errorf("%d lines in the log", lines)
	}
	n.free()
	seq := n.expose(acknowledged, 100) // waits until events are taken again
	if got := n.exposed(seq); got < int64(acknowledged)+100 {
		t.Errorf("%d users, %d were acknowledged", got, acknowledged+100)
	}
	if lines := strings.Count(n.out.String(), "\n"); lines > 200 {
		t.Errorf("%d lines in the log", lines)
	}
	n.end()
	code, out := n.run("audit", "--from-log")
	wants(t, "audit", code, 0, out, "Equal")
}

// TestStartOnAFullDisk: a start that needs space and has none says so.
func TestStartOnAFullDisk(t *testing.T) {
	n := small(t, "16", "1B")
	n.begin()
	n.expose(0, 100)
	n.end()
	n.fill(0)
	n.launch()
	err := n.cmd.Wait()
	n.cmd = nil
	if err == nil {
		t.Error("started without any space")
	}
	wants(t, "serve", 1, 1, n.out.String(), "disk", "full", "free space")
	n.free()
	n.begin()
	n.end()
}

// TestReadOnlyFolder: a folder that cannot be written is no mystery.
func TestReadOnlyFolder(t *testing.T) {
	n := small(t, "16", "1B")
	n.begin()
	n.expose(0, 100)
	n.end()
	if err := syscall.Mount("", n.data, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skip("it cannot be mounted read-only here:", err)
	}
	code, out := n.run("serve", "--listen", n.addr, "--admin-listen", n.admin)
	wants(t, "serve", code, 1, out, "cannot be written", "mount it writable")
}
