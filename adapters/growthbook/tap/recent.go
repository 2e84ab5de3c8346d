package tap

import (
	"sync"
	"time"
)

// key is what makes an exposure or a link the same as one before.
type key struct{ a, b, c, d string }

// recent remembers what was sent lately: the SDK reports an exposure at every evaluation. It forgets everything at
// times, so that it stays small and a run that is started again sees all users again.
type recent struct {
	mu    sync.Mutex
	keys  map[key]struct{}
	since time.Time
}

const (
	mostRecent = 20_000
	longest    = 10 * time.Minute
)

func (r *recent) first(k key) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); r.keys == nil || len(r.keys) >= mostRecent || now.Sub(r.since) > longest {
		r.keys, r.since = make(map[key]struct{}), now
	}
	if _, again := r.keys[k]; again {
		return false
	}
	r.keys[k] = struct{}{}
	return true
}
