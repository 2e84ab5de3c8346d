//go:build linux

package store_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/store"
)

// lines is a log that several goroutines write.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestFlushOntoAFullDisk: a flush that fails is tried again at a pace that neither takes a core nor floods the log, the
// store says so meanwhile, and it goes on by itself once there is space.
func TestFlushOntoAFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tracklayer-test", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Skip("a small file system cannot be mounted here:", err)
	}
	defer func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	log := &lines{}
	db, err := store.Open(filepath.Join(dir, "state"), store.Options{MemTable: 1 << 20, Cache: 1 << 20, Filter: 1 << 10, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, int64(st.Bavail)*int64(st.Bsize)-128<<10), 0o600); err != nil { //nolint:unconvert // Bsize has another type on other systems
		t.Fatal(err)
	}
	flushed := make(chan error, 1)
	tx := db.Begin()
	for i := range 600 {
		value := make([]byte, 1000)
		for j := range value {
			value[j] = byte(i*j) ^ byte(i>>3) ^ byte(j*j>>4)
		}
		if err := tx.Set(fmt.Appendf(nil, "k%d", i), value); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	tx.Discard()
	go func() { flushed <- db.Checkpoint() }()
	wait := func(what string, is func() bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("waited in vain until %s\n%s", what, log)
			}
		}
	}
	wait("the store says that it cannot be written", func() bool { return db.Fault() != nil })
	if err := db.Fault(); !strings.Contains(err.Error(), "no space left on device") || store.IsDamage(err) {
		t.Errorf("the store says %v", err)
	}
	time.Sleep(2 * time.Second) // in which an unpaced loop writes tens of thousands of lines
	if n := strings.Count(log.String(), "\n"); n == 0 || n > 20 {
		t.Errorf("%d lines in the log:\n%.2000s", n, log)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := <-flushed; err != nil {
		t.Error(err)
	}
	wait("the store is well again", func() bool { return db.Fault() == nil })
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// TestHold: a folder is one process's, and the error names the lock only if it is held.
func TestHold(t *testing.T) {
	dir := t.TempDir()
	lock, err := store.Hold(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Hold(dir); err == nil || !strings.Contains(err.Error(), "another TrackLayer") {
		t.Errorf("a second holder: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if lock, err = store.Hold(dir); err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(filepath.Join(dir, "file", "state"), store.Options{}); err == nil || strings.Contains(err.Error(), "another TrackLayer") {
		t.Errorf("a folder that cannot be: %v", err)
	}
}
