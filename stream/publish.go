package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tracklayer/tracklayer/canonical"
)

// Limits of the publisher.
const (
	maxBatch      = 1000    // messages the server takes in one atomic batch
	maxBatchBytes = 4 << 20 // so that one batch neither stalls the other lane nor the server's memory
	maxQueued     = 50_000  // messages waiting for a lane; past it senders are told to come back
	maxSmall      = 100     // messages of a request that counts as small
	keptForSmall  = maxQueued / 4
	maxShare      = maxQueued / 4 // messages of one sender while others wait
	maxSingles    = 16            // messages that are faster stored one by one: a batch costs the server about as much as 18 fsyncs
	ackTimeout    = 10 * time.Second
	patience      = 2 * time.Millisecond // for senders that were just answered
)

// message is one message to be stored.
type message struct {
	subject string
	data    []byte
}

// request is one caller's messages. They are stored all or none where they fit a batch and whole is set.
type request struct {
	messages []message
	sender   uint64
	small    bool // it does not wait for large ones
	whole    bool // a second try would count something twice, so half of it must never be stored
	done     chan result
}

type result struct {
	seq uint64 // of the last message
	err error
}

// Publish stores the events and returns the stream sequence of the last one once all are on disk. An error wraps
// ErrUnavailable: some may be stored although no acknowledgement came, so the sender must send them again; the event
// ids tell them apart. Where an id was made at the ingest endpoint and a second try would get another one, up to a thousand
// events go as one atomic batch, which is stored all or none unless the disk fills up in its middle. What is recorded
// about rejected items follows the events.
func (l *Log) Publish(ctx context.Context, events []canonical.Event, rejected ...canonical.Rejected) (uint64, error) {
	if len(events)+len(rejected) == 0 {
		return 0, errors.New("nothing to publish")
	}
	messages := make([]message, len(events), len(events)+len(rejected))
	buf := make([]byte, 0, 400*len(events))
	whole := false
	for i := range events {
		whole = whole || events[i].IDOrigin == canonical.FromServer
		start := len(buf)
		buf = events[i].AppendJSON(buf)
		messages[i] = message{events[i].Subject(l.opts.Prefix), buf[start:len(buf):len(buf)]}
	}
	for i := range rejected {
		data, err := json.Marshal(rejected[i])
		if err != nil {
			return 0, fmt.Errorf("describe what was rejected: %w", err)
		}
		messages = append(messages, message{l.opts.Prefix + rejections + canonical.Token(rejected[i].Source), data})
	}
	return l.lanes.publish(ctx, messages, whole)
}

// lanes are the group commit: every lane takes whatever requests wait, stores them as one atomic batch with one fsync,
// and answers all of them. The longer the disk takes, the more share the next batch. A batch costs the server far more
// than the messages in it, so only full ones are under way side by side: a lane with a partial batch keeps the others
// waiting, and their batches grow meanwhile.
type lanes struct {
	log     *Log
	health  *health
	partial sync.Mutex
	quiet   sync.RWMutex // held for reading while a group is stored
	queue   chan *request
	small   chan *request // requests of few messages
	senders senders
	bell    chan struct{} // rings when a request comes in
	waiting atomic.Int64  // of these, messages that no lane has taken
	before  int64         // messages in the batch before; guarded by partial
	mu      sync.RWMutex  // guards closed against a send on the closed queue
	closed  bool
	running sync.WaitGroup
}

func newLanes(conns []*nats.Conn, log *Log) (*lanes, error) {
	ls := &lanes{log: log, health: &log.health, queue: make(chan *request, maxQueued), small: make(chan *request, maxQueued), senders: senders{by: map[uint64]int64{}}, bell: make(chan struct{}, 1)}
	all := make([]*lane, len(conns))
	for i, nc := range conns {
		inbox := nc.NewInbox()
		sub, err := nc.SubscribeSync(inbox + ".*")
		if err != nil {
			return nil, err
		}
		all[i] = &lane{lanes: ls, nc: nc, name: strconv.Itoa(i), inbox: inbox, singly: sub}
	}
	for _, l := range all {
		ls.running.Add(1)
		go l.run()
	}
	return ls, nil
}

func (ls *lanes) close() {
	ls.mu.Lock()
	if !ls.closed {
		ls.closed = true
		close(ls.queue)
		close(ls.small)
	}
	ls.mu.Unlock()
	ls.running.Wait()
}

func (ls *lanes) publish(ctx context.Context, messages []message, whole bool) (uint64, error) {
	var parts []*request
	small := len(messages) <= maxSmall
	for rest := messages; len(rest) > 0; {
		n := fits(rest)
		parts = append(parts, &request{messages: rest[:n], whole: whole && n > 1, small: small, done: make(chan result, 1)})
		rest = rest[n:]
	}
	if err := ls.submit(canonical.SenderOf(ctx), parts, int64(len(messages))); err != nil {
		return 0, err
	}
	var seq uint64
	var failed error
	for _, r := range parts {
		select {
		case res := <-r.done:
			seq = max(seq, res.seq)
			if res.err != nil {
				failed = res.err
			}
		case <-ctx.Done():
			return 0, unavailable(ctx.Err())
		}
	}
	if failed != nil {
		return 0, failed
	}
	return seq, nil
}

// lane stores one batch at a time over its own connection.
type lane struct {
	*lanes
	nc     *nats.Conn
	name   string
	count  uint64
	inbox  string             // answers to single messages come to <inbox>.<count>
	singly *nats.Subscription // of all answers to single messages
	turn   bool               // whether small requests go first
	held   *request           // taken from the queue, but too large for the batch at hand
}

// first waits for a request, small ones and others by turns if both wait. It returns nil once the queue is closed and empty.
func (l *lane) first() *request {
	l.turn = !l.turn
	if l.turn {
		select {
		case r := <-l.small:
			if r != nil {
				return r
			}
		default:
		}
	}
	small, queue := l.small, l.queue
	for small != nil || queue != nil {
		select {
		case r, ok := <-queue:
			if ok {
				return r
			}
			queue = nil
		case r, ok := <-small:
			if ok {
				return r
			}
			small = nil
		}
	}
	return nil
}

func (l *lane) run() {
	defer l.running.Done()
	for {
		first := l.held
		l.held = nil
		if first == nil {
			if first = l.first(); first == nil {
				return
			}
		}
		l.partial.Lock()
		l.linger()
		group, full := l.gather(first)
		if full {
			l.partial.Unlock()
		}
		l.store(group)
		if !full {
			l.partial.Unlock()
		}
	}
}

// linger gives senders that were answered a moment ago the time to come back, so that they share this batch rather
// than wait for the next: a short wait, and only where the last batch was large enough for its cost to matter.
func (l *lane) linger() {
	if l.before <= maxSingles || l.waiting.Load() >= l.before {
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for l.waiting.Load() < l.before {
		select {
		case <-l.bell:
		case <-timer.C:
			return
		}
	}
}

// gather adds the requests that wait to the first, up to one batch, and says whether the batch is full.
func (l *lane) gather(first *request) (group []*request, full bool) {
	group = []*request{first}
	messages, bytes := size(first)
	defer func() {
		l.waiting.Add(-int64(messages))
		l.before = int64(messages)
	}()
	for messages < maxBatch {
		r := l.waitingRequest()
		if r == nil {
			return group, false
		}
		n, b := size(r)
		if messages+n > maxBatch || bytes+b > maxBatchBytes {
			l.held = r
			return group, true
		}
		group = append(group, r)
		messages, bytes = messages+n, bytes+b
	}
	return group, true
}

// waitingRequest takes a request that waits, a small one first, or nil.
func (l *lane) waitingRequest() *request {
	select {
	case r := <-l.small:
		if r != nil {
			return r
		}
	default:
	}
	select {
	case r := <-l.queue:
		return r
	default:
		return nil
	}
}

// store writes the group and answers all requests in it. A batch that the server refused has left nothing behind, so the
// requests go again one by one, and only those that fail by themselves are told so. Where no answer came the batch may
// be stored: nothing is sent twice, and the senders decide.
func (l *lane) store(group []*request) {
	l.quiet.RLock()
	defer l.quiet.RUnlock()
	if few(group) {
		l.singles(group)
		return
	}
	last, err := l.batch(group)
	if _, refused := errors.AsType[*nats.APIError](err); refused && len(group) > 1 {
		for _, r := range group {
			last, err := l.batch([]*request{r})
			l.answer(r, last, err)
		}
		return
	}
	for i := len(group) - 1; i >= 0; i-- {
		l.answer(group[i], last, err)
		last -= uint64(len(group[i].messages))
	}
}

var errNoAck = errors.New("JetStream did not answer in time")

func (l *lane) answer(r *request, last uint64, err error) {
	l.senders.leave(r.sender, int64(len(r.messages)))
	if err != nil {
		err = unavailable(err)
		l.health.noteEvent(err)
		r.done <- result{err: err}
		return
	}
	l.log.keeper.note(last)
	l.health.noteEvent(nil)
	r.done <- result{seq: last}
}

func (l *lane) request(msg *nats.Msg) (uint64, error) {
	reply, err := l.nc.RequestMsg(msg, ackTimeout)
	if err != nil {
		return 0, err
	}
	seq, err := parseAck(reply.Data)
	if err != nil {
		return 0, err
	}
	return seq, l.log.dirs.sync(l.log.name(eventsStream))
}
