package stream

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
)

func openIn(t *testing.T, dir string, log *bytes.Buffer) *Log {
	t.Helper()
	l, err := Open(t.Context(), Options{Dir: dir, Prefix: "tracklayer", Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestMark: a log that ends before its mark is an error in the log, and stays known as damaged until the loss is
// accepted. What is wrong with the mark itself keeps nothing from starting.
func TestMark(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nats")
	var log bytes.Buffer
	l := openIn(t, dir, &log)
	for range 3 {
		if _, err := l.Publish(t.Context(), nil, canonical.Rejected{Source: "s", Items: 1}); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	if reached, err := Reached(dir); err != nil || reached != 3 {
		t.Fatalf("the mark says %d, %v", reached, err)
	}
	text, err := os.ReadFile(MarkPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(MarkPath(dir), bytes.Replace(text, []byte(`"last_seq":3`), []byte(`"last_seq":10`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second start has written a newer mark
		log.Reset()
		l = openIn(t, dir, &log)
		if lost, _ := l.Lost(); !slices.Equal(lost, []Range{{4, 10}}) {
			t.Errorf("lost: %v", lost)
		}
		l.Close()
	}
	l = openIn(t, dir, &log)
	if err := l.Accept([]Range{{1, 1}}); err != nil {
		t.Fatal(err)
	}
	l.Close()
	l = openIn(t, dir, &log)
	if lost, accepted := l.Lost(); len(lost) > 0 || !slices.Equal(accepted, []Range{{1, 1}}) {
		t.Errorf("after the loss was accepted: %v, %v", lost, accepted)
	}
	l.Close()
	if err := os.WriteFile(MarkPath(dir), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	log.Reset()
	l = openIn(t, dir, &log)
	if !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("a mark that cannot be read is passed over in silence:\n%s", log.String())
	}
	l.Close()
	if reached, err := Reached(dir); err != nil || reached != 3 {
		t.Errorf("the mark was not written again: %d, %v", reached, err)
	}
}

// TestDirs: a folder with a new file is synced once, and a change within a tick of the file system's clock is not missed.
func TestDirs(t *testing.T) {
	root := t.TempDir()
	msgs := filepath.Join(root, "jetstream", "$G", "streams", "S", "msgs")
	if err := os.MkdirAll(msgs, 0o700); err != nil {
		t.Fatal(err)
	}
	changed := func() time.Time {
		info, err := os.Stat(msgs)
		if err != nil {
			t.Fatal(err)
		}
		return info.ModTime()
	}
	at := func(moment time.Time) {
		if err := os.Chtimes(msgs, moment, moment); err != nil {
			t.Fatal(err)
		}
	}
	at(time.Now().Add(time.Hour)) // as young as can be, however slow the machine is
	all, err := openDirs(root, "S")
	if err != nil {
		t.Fatal(err)
	}
	d := all["S"]
	if d.synced.Equal(changed()) {
		t.Error("a change of this moment is taken for settled")
	}
	at(time.Now().Add(-time.Hour))
	if err := d.sync(); err != nil || !d.synced.Equal(changed()) {
		t.Errorf("not synced: %v", err)
	}
	if err := os.WriteFile(filepath.Join(msgs, "2.blk"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if d.synced.Equal(changed()) {
		t.Fatal("the new file is not seen")
	}
	time.Sleep(2 * settled)
	if err := d.sync(); err != nil || !d.synced.Equal(changed()) {
		t.Errorf("not synced after a new file: %v", err)
	}
}

// TestEveryStreamsFolderIsSynced: what a write to a stream acknowledges has its file's folder on the disk, whichever stream
// it is.
func TestEveryStreamsFolderIsSynced(t *testing.T) {
	l := openIn(t, filepath.Join(t.TempDir(), "nats"), &bytes.Buffer{})
	defer l.Close()
	writes := map[string]func() error{
		eventsStream: func() error {
			_, err := l.Publish(t.Context(), nil, canonical.Rejected{Source: "s", Items: 1})
			return err
		},
		lettersStream: func() error {
			return l.StoreDeadLetter(t.Context(), canonical.DeadLetter{Source: "s", Request: []byte("x")})
		},
		probeStream: func() error { return l.probe(t.Context()) },
	}
	for _, s := range l.streams() {
		name := strings.TrimPrefix(s.Name, l.name(""))
		write, ok := writes[name]
		if !ok {
			t.Errorf("nothing is known of the writes to %s", s.Name)
			continue
		}
		folder := l.dirs[s.Name].path
		if err := write(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "new"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * settled)
		if err := write(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(folder)
		if err != nil {
			t.Fatal(err)
		}
		if !l.dirs[s.Name].synced.Equal(info.ModTime()) {
			t.Errorf("the folder of %s has a new file and is not synced after a write", s.Name)
		}
	}
}

func TestReserve(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct{ total, want int64 }{{100 * mib, 64 * mib}, {5000 * mib, 100 * mib}, {1 << 50, 256 * mib}} {
		if got := reserveOf(c.total); got != c.want {
			t.Errorf("of %d MiB: %d MiB, want %d", c.total/mib, got/mib, c.want/mib)
		}
	}
	var log bytes.Buffer
	l, err := Open(t.Context(), Options{Dir: filepath.Join(t.TempDir(), "nats"), Prefix: "tracklayer", Reserve: 1 << 60, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := l.Publish(t.Context(), nil, canonical.Rejected{Source: "s", Items: 1}); err == nil || !strings.Contains(err.Error(), "disk full: ") {
		t.Errorf("a disk without the reserve: %v", err)
	}
	if err := l.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "disk full: ") {
		t.Errorf("readiness: %v", err)
	}
}
