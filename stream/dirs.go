package stream

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// dirs puts the directory entries of the log's new files onto the disk. The server syncs a file's content, but a new
// file is there after a power cut for certain only if its directory was synced too: file systems with a journal do that
// along the way, others do not.
type dirs struct {
	path   string // of the folder that gets a new file from time to time
	mu     sync.Mutex
	synced time.Time // the folder's time of change when it was last synced
}

// settled is how old a change of a directory must be so that a later one has another time: clocks of file systems tick
// every few milliseconds.
const settled = 50 * time.Millisecond

// openDirs syncs all directories of the embedded server, and those they are in, and watches the one of the stream's files.
func openDirs(root, stream string) (*dirs, error) {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a temporary file that is gone already
		}
		if err != nil || !d.IsDir() {
			return err
		}
		return syncDir(path)
	})
	if err != nil {
		return nil, err
	}
	data := filepath.Dir(filepath.Clean(root))
	for _, path := range []string{data, filepath.Dir(data)} {
		if err := syncDir(path); err != nil && !errors.Is(err, fs.ErrPermission) { // a parent of data_dir may be another user's
			return nil, err
		}
	}
	d := &dirs{path: filepath.Join(root, "jetstream", "$G", "streams", stream, "msgs")}
	return d, d.sync()
}

// sync syncs the directory if it has changed since the last time. It is called once before the answers to a group of
// requests, and costs one stat if nothing has changed.
func (d *dirs) sync() error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	info, err := os.Stat(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the stream has no file yet
	}
	if err != nil {
		return fmt.Errorf("sync the folder of the log: %w", err)
	}
	changed := info.ModTime()
	if changed.Equal(d.synced) {
		return nil
	}
	if err := syncDir(d.path); err != nil {
		return fmt.Errorf("sync the folder of the log: %w", err)
	}
	if time.Since(changed) > settled {
		d.synced = changed
	}
	return nil
}

// syncDir puts the entries of a directory onto the disk.
func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
