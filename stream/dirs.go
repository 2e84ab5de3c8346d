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
type dirs map[string]*dir // by the name of the stream; nil for an external NATS

// dir is the folder of one stream's files, which gets a new file from time to time.
type dir struct {
	path   string
	mu     sync.Mutex
	synced time.Time // the folder's time of change when it was last synced
}

// settled is how old a change of a directory must be so that a later one has another time: clocks of file systems tick
// every few milliseconds.
const settled = 50 * time.Millisecond

// openDirs syncs all directories of the embedded server, and those they are in, and watches those of the streams' files.
func openDirs(root string, streams ...string) (dirs, error) {
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
	all := dirs{}
	for _, stream := range streams {
		all[stream] = &dir{path: filepath.Join(root, "jetstream", "$G", "streams", stream, "msgs")}
		if err := all[stream].sync(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// sync syncs the directory of a stream if it has changed since the last time. It must be called after each write that is
// acknowledged to a caller: once before the answers to a group of requests. It costs one stat if nothing has changed.
func (d dirs) sync(stream string) error {
	if one := d[stream]; one != nil {
		return one.sync()
	}
	return nil
}

func (d *dir) sync() error {
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
