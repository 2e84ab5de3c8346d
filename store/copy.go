package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Copy puts everything committed into dir, which must not exist yet, as a store of its own. What is committed
// meanwhile may be in it, whole commits only. Tables are shared by hard links, so it takes no room until the one store
// or the other has rewritten them.
func (d *DB) Copy(dir string) error {
	if err := d.Checkpoint(); err != nil {
		return err
	}
	if err := d.db.Checkpoint(dir); err != nil {
		return fmt.Errorf("copy the state to %s: %w", dir, err)
	}
	return nil
}

// Link makes a store of its own, in a folder that must not exist yet, of one that is not open. Tables never change
// once they are written and are shared by hard links; all other files are copied.
func Link(from, to string) (err error) {
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(to))
		}
	}()
	for _, f := range files {
		source, target := filepath.Join(from, f.Name()), filepath.Join(to, f.Name())
		if ext := filepath.Ext(f.Name()); ext == ".sst" || ext == ".blob" {
			if os.Link(source, target) == nil {
				continue // else the disk knows no links, and a copy does as well
			}
		}
		content, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		if err := os.WriteFile(target, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
