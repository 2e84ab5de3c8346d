package stream

import (
	"errors"
	"fmt"
	"sync"
)

// fits is how many of the messages one batch holds, at least one.
func fits(messages []message) int {
	bytes := 0
	for i, m := range messages {
		if bytes += len(m.data); i == maxBatch || i > 0 && bytes > maxBatchBytes {
			return i
		}
	}
	return len(messages)
}

// fullError is the refusal of a request for which the queue has no room.
type fullError struct{ why string }

func (e *fullError) Error() string { return ErrUnavailable.Error() + ": " + e.why }

func (e *fullError) Unwrap() error { return ErrUnavailable }

func (e *fullError) Overload() string { return e.why }

var (
	errFull  = &fullError{fmt.Sprintf("%d events wait to be stored already.", maxQueued)}
	errShare = &fullError{"Events of this sender wait to be stored already, and other senders wait as well."}
)

// submit takes a request with all its parts or none. A request that is stored in part and refused would come again and be
// stored again.
func (ls *lanes) submit(sender uint64, parts []*request, n int64) error {
	if err := ls.log.Full(); err != nil {
		return err
	}
	ls.mu.RLock()
	defer ls.mu.RUnlock()
	if ls.closed {
		return unavailable(errors.New("shutting down"))
	}
	if err := ls.senders.admit(sender, n); err != nil {
		return err
	}
	ls.waiting.Add(n)
	for _, r := range parts { // never blocks: the channels hold as many requests as messages may wait
		if r.sender = sender; r.small {
			ls.small <- r
		} else {
			ls.queue <- r
		}
	}
	select {
	case ls.bell <- struct{}{}:
	default:
	}
	return nil
}

// senders divide the queue. A sender may have all of it while it is alone, and a share of it while others wait. The last
// part is kept for small requests, so that a sender of those gets through whatever the others send.
type senders struct {
	mu     sync.Mutex
	queued int64            // messages admitted and not yet answered
	by     map[uint64]int64 // of these, by sender
}

func (s *senders) admit(sender uint64, n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	room := int64(maxQueued)
	if n > maxSmall {
		room -= keptForSmall
	}
	held := s.by[sender]
	switch {
	case s.queued+n > room:
		return errFull
	case held > 0 && held+n > maxShare && held < s.queued:
		return errShare
	}
	s.queued += n
	s.by[sender] = held + n
	return nil
}

func (s *senders) leave(sender uint64, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queued -= n
	if s.by[sender] -= n; s.by[sender] <= 0 {
		delete(s.by, sender)
	}
}
