// Package tracklayer sends exposures, conversions and identity links of a Go program to TrackLayer. The taps of the
// vendors' SDKs send through it.
//
// It is made to be called while a request is served: no call blocks on the network or panics, and what cannot be queued is
// dropped, counted and logged. A batch that fails is sent again with the same event ids, so nothing counts twice.
//
// It imports canonical alone, and nothing of the server may import it.
package tracklayer

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
)

// Options of a Client. Only URL is required.
type Options struct {
	URL    string // of TrackLayer, such as http://127.0.0.1:8080
	Key    string // the write key, if TrackLayer asks for one
	Source string // the configured source that the events belong to; "": the vendor of the tap, else api

	Queue         int           // the most events that wait; further ones are dropped; 0: 10,000
	Batch         int           // the most events in one request; 0: 500
	FlushInterval time.Duration // the longest time that an event waits for others; 0: 1 s
	RetryFor      time.Duration // how long a batch is retried before it is dropped; 0: 1 min
	Client        *http.Client  // nil: one with a timeout of 10 s

	// OnFailure is called for every failed attempt and for what was dropped, from any goroutine. Nil: failures are logged
	// as warnings with slog.Default, each cause once a minute, with the number of events that were dropped since.
	OnFailure func(error)
}

// Counts are what became of the events so far.
type Counts struct {
	Sent     uint64 // acknowledged: on TrackLayer's disk
	Rejected uint64 // refused by TrackLayer, each with a reason that OnFailure gets
	Dropped  uint64 // never sent: the queue was full, they were not valid, or TrackLayer did not take them in time
}

// Client queues events and sends them in batches. It is safe for concurrent use. Close it, or what waits is lost.
type Client struct {
	o     Options
	url   atomic.Pointer[string]
	queue chan canonical.Event
	flush chan chan struct{}
	stop  chan struct{} // closed by Close
	done  chan struct{} // closed when the sender has ended

	mu     sync.RWMutex // held for writing by Close, for reading while an event is queued
	closed bool

	sent, rejected, dropped atomic.Uint64

	// sending is canceled by Close when its context ends, so that an attempt in progress ends with it.
	sending context.Context
	cancel  context.CancelFunc
	log     *failureLog
}

// New checks the options and starts a Client.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("tracklayer: the URL %q is not one such as http://127.0.0.1:8080", o.URL)
	}
	if o.Queue < 0 || o.Batch < 0 || o.FlushInterval < 0 || o.RetryFor < 0 {
		return nil, errors.New("tracklayer: Queue, Batch, FlushInterval and RetryFor must not be negative")
	}
	orDefault(&o.Queue, 10_000)
	orDefault(&o.Batch, 500)
	orDefault(&o.FlushInterval, time.Second)
	orDefault(&o.RetryFor, time.Minute)
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 10 * time.Second}
	}
	c := &Client{
		o: o, queue: make(chan canonical.Event, o.Queue), flush: make(chan chan struct{}), stop: make(chan struct{}), done: make(chan struct{}),
	}
	c.sending, c.cancel = context.WithCancel(context.Background())
	if o.OnFailure == nil {
		c.log = &failureLog{}
		c.o.OnFailure = func(err error) { c.log.warn(err, c.dropped.Load()) }
	}
	c.address(u, o.Source)
	go c.run()
	return c, nil
}

func (c *Client) address(u *url.URL, source string) {
	u = u.JoinPath("v1", "events")
	if source != "" {
		u.RawQuery = url.Values{"source": {source}}.Encode()
	}
	text := u.String()
	c.url.Store(&text)
}

// DefaultSource sets the source of the client's events if Options.Source is empty. A tap that is given a client calls it
// with its vendor's name, before it sends anything.
func (c *Client) DefaultSource(source string) {
	if c == nil || c.o.Source != "" {
		return
	}
	if u, err := url.Parse(c.o.URL); err == nil { // New has parsed it
		c.address(u, source)
	}
}

func orDefault[T int | time.Duration](p *T, value T) {
	if *p == 0 {
		*p = value
	}
}

// Send queues any event. An event without a time happens now; one without an id gets one that it keeps however often it
// is sent. Events that are not valid or find the queue full are dropped and counted.
func (c *Client) Send(e canonical.Event) {
	now := canonical.TimeOf(time.Now())
	if e.At == 0 {
		e.At = now
	}
	e.ReceivedAt = now // for Validate; TrackLayer writes its own
	e.DropPlaceholders(canonical.DefaultRules())
	err := e.Validate(canonical.DefaultRules())
	if err == nil && e.ID == "" {
		e.ID, err = canonical.NewID(now, rand.Reader)
	}
	if err != nil {
		c.drop(1, &failure{"not valid: " + fieldOf(err), "correct the field where the event is made", fmt.Errorf("an event is not valid: %w", err)})
		return
	}
	c.mu.RLock() // Close waits for the events that are being queued, so that it counts them
	defer c.mu.RUnlock()
	if c.closed {
		c.dropped.Add(1)
		return
	}
	select {
	case c.queue <- e:
	default:
		n := c.dropped.Add(1)
		if c.log != nil { // OnFailure of the caller might take too long
			c.log.warn(errQueueFull, n)
		}
	}
}

func fieldOf(err error) string {
	if fault := (*canonical.FieldError)(nil); errors.As(err, &fault) {
		return fault.Field
	}
	return err.Error()
}

func (c *Client) drop(n int, err error) {
	c.dropped.Add(uint64(n))
	c.o.OnFailure(err)
}

// Counts returns what became of the events so far.
func (c *Client) Counts() Counts {
	return Counts{Sent: c.sent.Load(), Rejected: c.rejected.Load(), Dropped: c.dropped.Load()}
}

// Flush sends the queued events. It returns once they were answered or given up, or with ctx's error.
func (c *Client) Flush(ctx context.Context) error {
	answered := make(chan struct{})
	select {
	case c.flush <- answered:
	case <-c.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-answered:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close sends the queued events and ends the client. It returns when ctx ends at the latest; events that are not sent by
// then are dropped, as further events are. Without a deadline in ctx, Close takes up to Options.RetryFor for each batch
// while TrackLayer does not answer.
func (c *Client) Close(ctx context.Context) error {
	err := c.Flush(ctx)
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.stop)
	}
	c.mu.Unlock()
	if err != nil {
		c.cancel()
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		if c.cancel(); err == nil {
			err = ctx.Err()
		}
	}
	return err
}

// run is the sender.
func (c *Client) run() {
	defer close(c.done)
	defer c.cancel()
	batch := make([]canonical.Event, 0, c.o.Batch)
	timer := time.NewTimer(c.o.FlushInterval)
	defer timer.Stop()
	for {
		select {
		case e := <-c.queue:
			if batch = append(batch, e); len(batch) < cap(batch) {
				continue
			}
		case <-timer.C:
		case answered := <-c.flush:
			batch = c.drain(batch)
			close(answered)
		case <-c.stop:
			if n := len(batch) + len(c.queue); n > 0 {
				c.drop(n, errClosed)
			}
			return
		}
		c.deliver(batch)
		batch = batch[:0]
		timer.Reset(c.o.FlushInterval)
	}
}

// drain sends everything that is queued.
func (c *Client) drain(batch []canonical.Event) []canonical.Event {
	for {
		select {
		case e := <-c.queue:
			if batch = append(batch, e); len(batch) == cap(batch) {
				c.deliver(batch)
				batch = batch[:0]
			}
			continue
		default:
		}
		c.deliver(batch)
		return batch[:0]
	}
}

// errRefused is an answer that another attempt would not change.
var errRefused = errors.New("TrackLayer refuses the request")

var errClosed = &failure{"closed", "give Close a context that ends later", errors.New("events were dropped because the client was closed")}

// deliver sends a batch until it is taken, refused or Options.RetryFor has passed.
func (c *Client) deliver(batch []canonical.Event) {
	if len(batch) == 0 {
		return
	}
	until := time.Now().Add(c.o.RetryFor)
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		after, err := c.post(batch)
		if err == nil {
			return
		}
		wait = max(wait, after)
		if errors.Is(err, errRefused) || time.Now().Add(wait).After(until) {
			c.drop(len(batch), fmt.Errorf("%d events were given up: %w", len(batch), err))
			return
		}
		c.o.OnFailure(err)
		select {
		case <-c.sending.Done():
			c.drop(len(batch), fmt.Errorf("%d events were given up: the client was closed: %w", len(batch), err))
			return
		case <-time.After(wait):
		case <-c.stop:
			c.drop(len(batch), fmt.Errorf("%d events were given up: the client was closed: %w", len(batch), err))
			return
		}
	}
}

// pack writes the batch as the gzipped body of POST /v1/events. Source and time of receipt are TrackLayer's to say.
func pack(batch []canonical.Event) ([]byte, error) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	line := []byte(`{"batch":[`)
	for i := range batch {
		if i > 0 {
			line = append(line, ',')
		}
		line = batch[i].AppendJSON(line)
		if _, err := w.Write(line); err != nil {
			return nil, err
		}
		line = line[:0]
	}
	line = append(append(line, `],"sent_at":"`...), canonical.TimeOf(time.Now()).String()...)
	_, err := w.Write(append(line, `"}`...))
	err = errors.Join(err, w.Close())
	return packed.Bytes(), err
}

// post sends a batch once. It returns how long TrackLayer asks to wait.
func (c *Client) post(batch []canonical.Event) (time.Duration, error) {
	body, err := pack(batch) // again for every attempt: it says when it is sent
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errRefused, err)
	}
	r, err := http.NewRequestWithContext(c.sending, http.MethodPost, *c.url.Load(), bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errRefused, err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Content-Encoding", "gzip")
	if c.o.Key != "" {
		r.Header.Set("Authorization", "Bearer "+c.o.Key)
	}
	answer, err := c.o.Client.Do(r)
	if err != nil {
		return 0, unreachable(err)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, 16<<20))
	_ = answer.Body.Close() // it was read
	if err != nil {
		return 0, unreachable(err)
	}
	switch {
	case answer.StatusCode == http.StatusAccepted || answer.StatusCode == http.StatusUnprocessableEntity:
		return 0, c.tally(text, len(batch))
	case answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusRequestTimeout || answer.StatusCode >= 500:
		seconds, _ := strconv.Atoi(strings.TrimSpace(answer.Header.Get("Retry-After"))) // 0 if it names none
		return time.Duration(min(max(seconds, 0), 60)) * time.Second, &failure{
			"status " + answer.Status, "see TrackLayer's own log if it lasts", fmt.Errorf("TrackLayer answers %s", answer.Status),
		}
	}
	return 0, c.refused(answer.Status, answer.StatusCode, text)
}

// tally counts what the answer says of each event.
func (c *Client) tally(text []byte, events int) error {
	var reply struct {
		Accepted, Rejected int
		Results            []struct {
			Error *struct{ Field, Detail string }
		}
	}
	if err := json.Unmarshal(text, &reply); err != nil || reply.Accepted+reply.Rejected != events {
		return &failure{"another program", "check Options.URL", fmt.Errorf("%w: the answer is not one of TrackLayer's: %.100q", errRefused, text)}
	}
	c.sent.Add(uint64(reply.Accepted))
	c.rejected.Add(uint64(reply.Rejected))
	for _, r := range reply.Results {
		if r.Error != nil {
			c.o.OnFailure(&failure{
				"rejected: " + r.Error.Field, "correct the field where the event is made", fmt.Errorf("an event was rejected: %s: %s", r.Error.Field, r.Error.Detail),
			})
		}
	}
	return nil
}
