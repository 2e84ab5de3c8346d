package app

import (
	"syscall"
	"time"
)

// uptime is how long ago the machine started, sleep included, or 0 if that is not known.
func uptime() time.Duration {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return 0
	}
	return time.Duration(info.Uptime) * time.Second
}
