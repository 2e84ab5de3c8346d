package stream

import (
	"errors"
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
	mu   sync.Mutex
	seen []dir
}

type dir struct {
	path   string
	synced time.Time // its time of change when it was last synced
}

// settled is how old a change of a directory must be so that a later one has another time: clocks of file systems tick
// every few milliseconds.
const settled = 50 * time.Millisecond

// openDirs syncs all directories of the embedded server, and those they are in, and watches those that get new files.
func openDirs(root string, streams ...string) (*dirs, error) {
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
	d := &dirs{}
	for _, name := range streams {
		d.seen = append(d.seen, dir{path: filepath.Join(root, "jetstream", "$G", "streams", name, "msgs")})
	}
	return d, d.sync()
}

// sync syncs the directories that have changed since the last time. It is called before an acknowledgement is passed on,
// and costs one stat for each directory if nothing has changed.
func (d *dirs) sync() error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.seen {
		one := &d.seen[i]
		info, err := os.Stat(one.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the stream has no file yet
		}
		if err != nil {
			return err
		}
		changed := info.ModTime()
		if changed.Equal(one.synced) {
			continue
		}
		if err := syncDir(one.path); err != nil {
			return err
		}
		if time.Since(changed) > settled {
			one.synced = changed
		}
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
