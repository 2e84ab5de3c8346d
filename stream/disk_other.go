//go:build !unix

package stream

// roomFor leaves the limit to the server.
func roomFor(string) int64 { return 0 }

// diskSpace is not known here, so a full disk is noticed by a failed write.
func diskSpace(string) (free, total int64, ok bool) { return 0, 0, false }
