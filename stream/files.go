package stream

import (
	"errors"
	"os"
	"syscall"
)

// filesError says that this process has as many files open as it may. The embedded server answers something else then, as
// it does not know of the parts of a batch that it could not put down.
type filesError struct{ cause error }

const noFiles = "Too many open files: the process may open no other one. Raise the limit (ulimit -n), or lower limits.connections."

func (e *filesError) Error() string { return noFiles + " " + e.cause.Error() }

// Unwrap makes a filesError an ErrUnavailable.
func (e *filesError) Unwrap() []error { return []error{ErrUnavailable, e.cause} }

// Overload and Reason tell a sender why to try again, and the metrics.
func (e *filesError) Overload() string { return noFiles }
func (e *filesError) Reason() string   { return "files" }

// outOfFiles tries whether this process can open a file; true means that it has too many open.
func outOfFiles() bool {
	f, err := os.Open(os.DevNull)
	if err == nil {
		_ = f.Close() // it was only read
		return false
	}
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
