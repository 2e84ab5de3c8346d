package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Forget makes sure that what was deleted under the prefixes is no longer in any file: it is on the disk until tables are
// merged, which may be never. The empty prefix stands for the whole store. It works beside everything else and may take long.
func (d *DB) Forget(ctx context.Context, prefixes [][]byte) error {
	if err := d.Checkpoint(); err != nil {
		return err
	}
	for _, prefix := range prefixes {
		end := successor(prefix)
		if end == nil {
			end = []byte{0xff}
		}
		if err := d.db.Compact(ctx, prefix, end, false); err != nil {
			return fmt.Errorf("compact the state: %w", err)
		}
	}
	return nil
}

// renew lets Pebble write its list of tables again, which it does at the first change after an open, and removes the lists
// before. A list goes back to the open before it, and names the first and last key of every table since: those of
// forgotten persons may be among them.
func (d *DB) renew(dir string, fs vfs.FS) error {
	if d.still {
		return nil
	}
	if err := d.db.Delete([]byte{opened}, pebble.NoSync); err != nil {
		return fmt.Errorf("open the state: %w", err)
	}
	if err := d.Checkpoint(); err != nil {
		return err
	}
	if fs == nil {
		fs = vfs.Default
	}
	newest, err := pebble.Peek(dir, fs)
	if err != nil {
		return fmt.Errorf("open the state: %w", err)
	}
	files, err := fs.List(dir)
	if err != nil {
		return fmt.Errorf("open the state: %w", err)
	}
	for _, name := range files {
		if strings.HasPrefix(name, "MANIFEST-") && name != filepath.Base(newest.ManifestFilename) {
			if err := fs.Remove(fs.PathJoin(dir, name)); err != nil && !os.IsNotExist(err) { // Pebble may be faster
				return fmt.Errorf("open the state: %w", err)
			}
		}
	}
	return nil
}

// opened is deleted at every open. There is nothing under it.
const opened = '~'
