package webhooks

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"
)

// budget bounds the memory of all requests that are under way together. What senders can stall, bodies that are still being
// read, has a share of its own: a sender that stops in the middle of a body holds only what it sent, and never what
// requests need that are complete.
type budget struct {
	reading *semaphore.Weighted // bytes of bodies that are read, past the first chunk of each
	small   *semaphore.Weighted // what bodies of one chunk cost, so that they never wait for large ones
	large   *semaphore.Weighted // what larger ones cost
	most    struct{ reading, small, large int64 }
}

const (
	// costPerByte is how many bytes of memory a byte of a decompressed body costs until it is stored: the text twice
	// while it is read, the events, the messages to the log, and the log's own copies. It is an estimate: 64 bodies of 5 MB
	// took 17 to 37 MB each without a bound. The test of the whole process under floods is what shows that it suffices.
	costPerByte = 8

	// patience is how long a request waits for memory before it is refused.
	patience = 2 * time.Second
)

// newBudget divides memory, in bytes. 0 is no limit, and then the budget is nil.
func newBudget(memory int64) *budget {
	if memory <= 0 {
		return nil
	}
	b := &budget{}
	b.most.reading, b.most.small, b.most.large = memory*3/10, memory*2/10, memory*5/10
	b.reading, b.small, b.large = semaphore.NewWeighted(b.most.reading), semaphore.NewWeighted(b.most.small), semaphore.NewWeighted(b.most.large)
	return b
}

// errMemory is the refusal of a request for which there is no memory now.
var errMemory = &overload{"memory", http.StatusServiceUnavailable, "Requests that are under way take all the memory that limits.memory sets aside for them."}

// share is what one request holds of a budget. A share of a nil budget holds nothing.
type share struct {
	budget *budget
	read   int64 // of reading
	pool   *semaphore.Weighted
	cost   int64 // of pool
}

// more takes memory for a body that is being read, or fails at once.
func (s *share) more(n int64) error {
	if s.budget == nil {
		return nil
	}
	if !s.budget.reading.TryAcquire(n) {
		return errMemory
	}
	s.read += n
	return nil
}

// less gives back memory of a body that is being read.
func (s *share) less(n int64) {
	if s.budget != nil {
		s.budget.reading.Release(n)
		s.read -= n
	}
}

// await waits until a body of the declared length could be read. A length below 0 is not known. It holds nothing
// afterwards: a sender may declare much and send little.
func (s *share) await(ctx context.Context, declared int64) error {
	n := declared - int64(len(chunk{}))
	if s.budget == nil || n <= 0 {
		return nil
	}
	n = min(n, s.budget.most.reading)
	if err := acquire(ctx, s.budget.reading, n); err != nil {
		return err
	}
	s.budget.reading.Release(n)
	return nil
}

// acquire waits for a while.
func acquire(ctx context.Context, from *semaphore.Weighted, n int64) error {
	if from.TryAcquire(n) {
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if from.Acquire(waiting, n) != nil {
		return errMemory
	}
	return nil
}

// begin takes the memory to handle a complete body that has size bytes decompressed, or may have. It waits for a while.
func (s *share) begin(ctx context.Context, size int64) error {
	if s.budget == nil {
		return nil
	}
	pool, most := s.budget.large, s.budget.most.large
	if size <= int64(len(chunk{})) {
		pool, most = s.budget.small, s.budget.most.small
	}
	cost := min(size*costPerByte, most) // the largest body goes through in any case, alone
	if s.pool == pool && s.cost >= cost {
		return nil
	}
	s.end()
	if err := acquire(ctx, pool, cost); err != nil {
		return err
	}
	s.pool, s.cost = pool, cost
	return nil
}

// shrink gives back what begin took too much, where size is what the body turned out to have.
func (s *share) shrink(size int64) {
	if cost := size * costPerByte; s.pool != nil && cost < s.cost {
		s.pool.Release(s.cost - cost)
		s.cost = cost
	}
}

// end gives back what begin took.
func (s *share) end() {
	if s.pool != nil {
		s.pool.Release(s.cost)
		s.pool, s.cost = nil, 0
	}
}

// free gives back everything.
func (s *share) free() {
	s.end()
	if s.read > 0 {
		s.less(s.read)
	}
}

// unfolds reports whether an adapter may unpack more from a body than is seen here: compressed text without a header that
// says so, base64, a form.
func unfolds(text []byte) bool {
	start := bytes.TrimLeft(bytes.TrimPrefix(text, bomUTF8), " \t\r\n")
	if len(start) == 0 || isOpening(start[0]) {
		return false
	}
	if bytes.HasPrefix(start, magicGzip) || bytes.HasPrefix(start, magicZstd) {
		return true
	}
	for _, c := range start[:min(len(start), 16)] {
		if c < '+' || c > 'z' {
			return false
		}
	}
	return true
}
