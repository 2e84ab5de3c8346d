//go:build !linux

package app

import "time"

// uptime is not known here.
func uptime() time.Duration { return 0 }
