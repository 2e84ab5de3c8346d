package stream

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// FullError says that the disk has less free space than the reserve. It wraps ErrUnavailable.
type FullError struct {
	Dir           string
	Free, Reserve int64 // bytes
}

func (e *FullError) Error() string {
	return fmt.Sprintf("disk full: %d MiB free, reserve %d MiB", e.Free>>20, e.Reserve>>20)
}

// Unwrap makes a FullError an ErrUnavailable.
func (e *FullError) Unwrap() error { return ErrUnavailable }

// room watches the free space of the disk. Below the reserve nothing is written any more: a write error would close the
// server's files for good, and the state on the same disk could not be put down.
type room struct {
	dir     string
	reserve int64 // 0: by the size of the disk
	log     *slog.Logger

	mu     sync.Mutex
	full   *FullError // nil: there is space
	logged time.Time
	stop   chan struct{}
	done   chan struct{}
	once   sync.Once
}

const (
	roomEvery  = time.Second
	maxReserve = 256 << 20
	minReserve = 64 << 20
)

// reserveOf is what is kept free of a disk of that size: 2 %, but not more than 256 MiB and not less than 64 MiB.
func reserveOf(total int64) int64 { return max(minReserve, min(maxReserve, total/50)) }

func watchRoom(dir string, reserve int64, log *slog.Logger) *room {
	r := &room{dir: dir, reserve: reserve, log: log, stop: make(chan struct{}), done: make(chan struct{})}
	r.look()
	go func() {
		defer close(r.done)
		tick := time.NewTicker(roomEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				r.look()
			case <-r.stop:
				return
			}
		}
	}()
	return r
}

// look measures the free space.
func (r *room) look() {
	free, total, ok := diskSpace(r.dir)
	if !ok {
		return
	}
	reserve := r.reserve
	if reserve == 0 {
		reserve = reserveOf(total)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if free >= reserve {
		if r.full != nil {
			r.log.Info("the disk has space again; events are taken", "dir", r.dir, "free_mib", free>>20, "reserve_mib", reserve>>20)
		}
		r.full, r.logged = nil, time.Time{}
		return
	}
	r.full = &FullError{r.dir, free, reserve}
	if time.Since(r.logged) >= time.Minute {
		r.logged = time.Now()
		r.log.Error("disk full: events are refused until there is space again; free some, or lower limits.disk_reserve",
			"dir", r.dir, "free_mib", free>>20, "reserve_mib", reserve>>20)
	}
}

// err is a *FullError if nothing may be written now.
func (r *room) err() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.full == nil {
		return nil
	}
	return r.full
}

func (r *room) close() {
	if r == nil {
		return
	}
	r.once.Do(func() { close(r.stop) })
	<-r.done
}

// Full is a *FullError while the disk has less free space than the reserve.
func (l *Log) Full() error { return l.room.err() }
