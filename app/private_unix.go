//go:build unix

package app

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
)

// narrow takes the data folder, and the folders that others wrote wider than they need to be, from other users. A folder
// that belongs to someone else, as a mounted volume may, stays as it is and is reported.
func narrow(dir string, log *slog.Logger) {
	for _, path := range []string{dir, filepath.Join(dir, "state"), filepath.Join(dir, "nats"), filepath.Join(dir, "history")} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&0o077 == 0 {
			continue // what is not there is made narrow
		}
		if err := os.Chmod(path, 0o700); err != nil {
			log.Warn("other users of this machine may read the data: give the folder to the user that TrackLayer runs as, or run chmod 0700",
				"folder", path, "mode", fmt.Sprintf("%04o", info.Mode().Perm()), "error", err)
			continue
		}
		log.Info("the folder was readable for other users, and is not any more", "folder", path, "mode_before", fmt.Sprintf("%04o", info.Mode().Perm()))
	}
}
