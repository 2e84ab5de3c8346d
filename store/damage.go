package store

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrDamaged is wrapped by errors that say that files of a store are missing or hold something else than was written.
// The store is made from the log, so the remedy is to set the folder aside and to fold the log again.
var ErrDamaged = errors.New("the files of the state are damaged")

// Lock keeps every other process off a folder until it is released.
type Lock struct{ lock *pebble.Lock }

// Hold locks dir, which must exist, with a file named LOCK in it. It fails if another process holds the lock.
func Hold(dir string) (*Lock, error) {
	l, err := pebble.LockDirectory(dir, vfs.Default)
	switch {
	case err == nil:
		return &Lock{l}, nil
	case errors.Is(err, syscall.EROFS) || errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("%s cannot be written: %w; mount it writable and give it to the user that TrackLayer runs as", dir, err)
	case errors.Is(err, syscall.ENOSPC):
		return nil, fmt.Errorf("the disk of %s is full: free space there and start again: %w", dir, err)
	}
	return nil, fmt.Errorf("%s is used by another TrackLayer, which holds the lock %s/LOCK: stop it first: %w", dir, dir, err)
}

// Release gives the folder back.
func (l *Lock) Release() error { return l.lock.Close() }

// open opens Pebble. It turns a panic of Pebble, which some kinds of damage cause, into an error.
func open(dir string, options *pebble.Options) (db *pebble.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			db, err = nil, fmt.Errorf("%v", p)
		}
	}()
	return pebble.Open(dir, options)
}

// openFailed says why a store could not be opened and what to do about it.
func openFailed(dir string, err error) error {
	text := err.Error() // a panic of Pebble has the cause in its text only
	is := func(number syscall.Errno) bool {
		return errors.Is(err, number) || strings.Contains(text, number.Error())
	}
	switch {
	case is(syscall.ENOSPC) || is(syscall.EDQUOT):
		return fmt.Errorf("the state in %s: the disk is full; free space there and start again: %w", dir, err)
	case is(syscall.EROFS) || is(syscall.EACCES) || is(syscall.EPERM):
		return fmt.Errorf("the state in %s: the folder cannot be written; mount it writable and give it to the user that TrackLayer runs as: %w", dir, err)
	case is(syscall.EMFILE) || is(syscall.ENFILE):
		return fmt.Errorf("the state in %s: too many open files; raise the limit (ulimit -n) and start again: %w", dir, err)
	case is(syscall.EAGAIN) || strings.Contains(text, "lock held by current process"):
		return fmt.Errorf("the state in %s: another process holds its lock; stop it first: %w", dir, err)
	}
	return fmt.Errorf("the state in %s: %w: %w", dir, ErrDamaged, err)
}

// IsDamage reports that a failure of an open store comes from damaged files, which no other try gets past.
func IsDamage(err error) bool {
	return errors.Is(err, ErrDamaged) || pebble.IsCorruptionError(err) || errors.Is(err, os.ErrNotExist)
}

// Fault is what keeps the store from putting commits onto the disk now, or what was found damaged. It is nil if all is
// well.
func (d *DB) Fault() error { return d.faults.current() }

// faults follows Pebble's failures in the background, such as a flush onto a full disk. Pebble repeats them at once and
// without end, so every further try waits, and one line a minute is logged for each cause.
type faults struct {
	log    *slog.Logger
	fatal  func(error) // nil: panic
	opened atomic.Bool

	mu      sync.Mutex
	fault   error
	damage  error // stays
	tries   int
	until   time.Time // no try before
	logged  map[string]time.Time
	dropped map[string]int
}

const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
	logEvery   = time.Minute
)

func newFaults(log *slog.Logger, fatal func(error)) *faults {
	return &faults{log: log, fatal: fatal, logged: map[string]time.Time{}, dropped: map[string]int{}}
}

// failed notes a failure in the background.
func (f *faults) failed(err error) {
	if errors.Is(err, vfs.ErrUnsupported) {
		return
	}
	f.mu.Lock()
	f.fault = fmt.Errorf("the state cannot be written to the disk: %w", err)
	if pebble.IsCorruptionError(err) {
		f.damage = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	pause := min(lastPause, firstPause<<min(f.tries, 10))
	f.tries++
	f.until = time.Now().Add(pause)
	f.mu.Unlock()
	f.line("a background task of the state failed; it is tried again", err.Error())
}

// works notes that a flush reached the disk.
func (f *faults) works() {
	f.mu.Lock()
	f.fault, f.tries, f.until = nil, 0, time.Time{}
	f.mu.Unlock()
}

// damaged notes that something read was not what had been written.
func (f *faults) damaged(err error) {
	f.mu.Lock()
	f.damage = fmt.Errorf("%w: %w", ErrDamaged, err)
	f.mu.Unlock()
}

func (f *faults) current() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.damage != nil {
		return f.damage
	}
	return f.fault
}

// pause waits until the next try may be made.
func (f *faults) pause() {
	f.mu.Lock()
	wait := time.Until(f.until)
	f.mu.Unlock()
	if wait > 0 {
		time.Sleep(wait)
	}
}

// line logs a failure, once a minute for each cause. A cause is the text without its numbers, as the names of files
// change from one try to the next.
func (f *faults) line(what, detail string) {
	cause := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, detail)
	if len(cause) > 200 {
		cause = cause[:200]
	}
	f.mu.Lock()
	if last, seen := f.logged[cause]; seen && time.Since(last) < logEvery {
		f.dropped[cause]++
		f.mu.Unlock()
		return
	}
	if len(f.logged) > 100 {
		clear(f.logged)
		clear(f.dropped)
	}
	dropped := f.dropped[cause]
	f.logged[cause], f.dropped[cause] = time.Now(), 0
	f.mu.Unlock()
	f.log.Error("the store of the state has a failure", "what", what, "error", detail, "not_logged", dropped)
}

// slowFS makes the tries after a failure wait: a flush or a compaction begins with the creation of a table, and Pebble
// holds no lock then.
type slowFS struct {
	vfs.FS
	faults *faults
}

// Create implements vfs.FS.
func (s slowFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasSuffix(name, ".sst") {
		s.faults.pause()
	}
	return s.FS.Create(name, category)
}

// Unwrap implements vfs.FS.
func (s slowFS) Unwrap() vfs.FS { return s.FS }

// listener tells faults what happens in the background.
func (f *faults) listener() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: f.failed,
		FlushEnd: func(info pebble.FlushInfo) {
			if info.Err == nil {
				f.works()
			}
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) { f.damaged(info.Details) },
	}
}
