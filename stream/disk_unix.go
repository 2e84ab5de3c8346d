//go:build unix

package stream

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// roomFor is how many bytes the log in dir may take: what it has, and three quarters of what is free, so that a disk that
// fills up stops the log before it stops the state beside it. The server's own default counts the free part alone, and
// would refuse every event after a restart on a disk that is half full. 0: not known.
func roomFor(dir string) int64 {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0
	}
	var used int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if info, err := d.Info(); err == nil { // else it was removed in between
			used += info.Size()
		}
		return nil
	})
	if err != nil {
		return 0
	}
	return used + int64(st.Bavail)*int64(st.Bsize)/4*3 //nolint:unconvert // Bsize has another type on other systems
}

// diskSpace is how many bytes of the disk of a folder are free for this user, and how many it has.
func diskSpace(dir string) (free, total int64, ok bool) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, 0, false
	}
	size := int64(st.Bsize) //nolint:unconvert // Bsize has another type on other systems
	return int64(st.Bavail) * size, int64(st.Blocks) * size, true
}
