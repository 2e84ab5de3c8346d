//go:build unix

package app

import "syscall"

// openFiles is how many files this process may have open; false: it is not known.
func openFiles() (int, bool) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return 0, false
	}
	return int(min(uint64(files.Cur), 1<<30)), true //nolint:unconvert // it is signed on some systems
}
