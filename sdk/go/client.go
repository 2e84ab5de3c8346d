// Package tracklayer sends what a Go program knows to TrackLayer: that somebody met a variant, did something that a
// metric counts, or turned out to be the same person. The taps of the vendors' SDKs send through it.
//
// It is made for the middle of somebody else's request: no call blocks on the network or panics, and what cannot be
// queued is dropped and counted. A batch that fails is sent again with the same event ids, so nothing counts twice.
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
	Key    string // the write key, where TrackLayer asks for one
	Source string // a source configured there whose events these are; "": api

	Queue     int           // events that wait at the most; further ones are dropped; 0: 10,000
	Batch     int           // events in one request at the most; 0: 500
	Every     time.Duration // the longest time that an event waits for others; 0: 1 s
	Patience  time.Duration // how long a batch is tried again before it is dropped; 0: 1 min
	Client    *http.Client  // nil: one with a timeout of 10 s
	OnFailure func(error)   // hears of every failed try and of what was dropped for it, from any goroutine; nil: nobody does
}

// Counts are what became of the events so far.
type Counts struct {
	Sent     uint64 // acknowledged: on TrackLayer's disk
	Rejected uint64 // refused by TrackLayer, each with a reason told to OnFailure
	Dropped  uint64 // never sent: the queue was full, they were not valid, or the patience was over
}

// Client queues events and sends them in batches. It is safe for concurrent use. Close it, or what waits is lost.
type Client struct {
	o     Options
	url   string
	queue chan canonical.Event
	flush chan chan struct{}
	stop  chan struct{} // closed by Close
	done  chan struct{} // closed when the sender has ended
	once  sync.Once

	sent, rejected, dropped atomic.Uint64
}

// New checks the options and starts a Client.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("tracklayer: the URL %q is not one such as http://127.0.0.1:8080", o.URL)
	}
	if o.Queue < 0 || o.Batch < 0 || o.Every < 0 || o.Patience < 0 {
		return nil, errors.New("tracklayer: Queue, Batch, Every and Patience must not be negative")
	}
	orDefault(&o.Queue, 10_000)
	orDefault(&o.Batch, 500)
	orDefault(&o.Every, time.Second)
	orDefault(&o.Patience, time.Minute)
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 10 * time.Second}
	}
	if o.OnFailure == nil {
		o.OnFailure = func(error) {}
	}
	u = u.JoinPath("v1", "events")
	if o.Source != "" {
		u.RawQuery = url.Values{"source": {o.Source}}.Encode()
	}
	c := &Client{
		o: o, url: u.String(), queue: make(chan canonical.Event, o.Queue), flush: make(chan chan struct{}), stop: make(chan struct{}), done: make(chan struct{}),
	}
	go c.run()
	return c, nil
}

func orDefault[T int | time.Duration](p *T, value T) {
	if *p == 0 {
		*p = value
	}
}

// Who is one person's ids: one of them, or both, which also says that they are one person.
type Who struct {
	UserID      string
	AnonymousID string
}

// Expose says that somebody met a variant now.
func (c *Client) Expose(experiment, variant string, who Who) {
	c.Send(canonical.Event{Kind: canonical.Exposed, ExperimentID: experiment, Variant: variant, UserID: who.UserID, AnonymousID: who.AnonymousID})
}

// Conversion is what somebody did.
type Conversion struct {
	Event    string  // what was done, as a metric names it
	Value    float64 // money, where HasValue
	HasValue bool
	Currency string // ISO 4217
	DedupKey string // an order id or the like, equal wherever the same conversion is reported; "": every call counts
}

// Convert says that somebody did something now, as the backend knows it.
func (c *Client) Convert(what Conversion, who Who) {
	e := canonical.Event{
		Kind: canonical.Converted, ConversionEvent: what.Event, Currency: what.Currency, DedupKey: what.DedupKey, Channel: canonical.Server,
		UserID: who.UserID, AnonymousID: who.AnonymousID,
	}
	if what.HasValue {
		n, err := canonical.ParseNumber(strconv.FormatFloat(what.Value, 'f', -1, 64))
		if err != nil {
			c.drop(1, fmt.Errorf("the value of %q: %w", what.Event, err))
			return
		}
		e.Value = n
	}
	c.Send(e)
}

// Identify says that an anonymous visitor is a user.
func (c *Client) Identify(userID, anonymousID string) {
	c.Send(canonical.Event{Kind: canonical.Linked, UserID: userID, AnonymousID: anonymousID})
}

// EndEarly says that somebody's participation in an experiment was broken off, and why.
func (c *Client) EndEarly(experiment, variant, reason string, who Who) {
	c.Send(canonical.Event{
		Kind: canonical.EndedEarly, ExperimentID: experiment, Variant: variant, EndedReason: reason, UserID: who.UserID, AnonymousID: who.AnonymousID,
	})
}

// Send queues any event. One without a time happens now, one without an id gets one that it keeps however often it is
// sent. What is not valid, or finds the queue full, is dropped and counted.
func (c *Client) Send(e canonical.Event) {
	now := canonical.TimeOf(time.Now())
	if e.At == 0 {
		e.At = now
	}
	e.ReceivedAt = now // for Validate; TrackLayer writes its own
	err := e.Validate(canonical.DefaultRules())
	if err == nil && e.ID == "" {
		e.ID, err = canonical.NewID(now, rand.Reader)
	}
	if err != nil {
		c.drop(1, fmt.Errorf("an event is not valid: %w", err))
		return
	}
	select {
	case <-c.stop:
		c.dropped.Add(1)
		return
	default:
	}
	select {
	case c.queue <- e:
	default:
		c.dropped.Add(1) // told by Counts alone: whoever calls has no time
	}
}

func (c *Client) drop(n int, err error) {
	c.dropped.Add(uint64(n))
	c.o.OnFailure(err)
}

// Counts are what became of the events so far.
func (c *Client) Counts() Counts {
	return Counts{Sent: c.sent.Load(), Rejected: c.rejected.Load(), Dropped: c.dropped.Load()}
}

// Flush sends what waits and returns once that was answered or given up, or with ctx's error.
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

// Close sends what waits and ends the client. What is not sent when ctx ends is dropped; further events are.
func (c *Client) Close(ctx context.Context) error {
	err := c.Flush(ctx)
	c.once.Do(func() { close(c.stop) })
	select {
	case <-c.done:
	case <-ctx.Done():
		err = errors.Join(err, ctx.Err())
	}
	return err
}

// run is the sender.
func (c *Client) run() {
	defer close(c.done)
	batch := make([]canonical.Event, 0, c.o.Batch)
	timer := time.NewTimer(c.o.Every)
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
			c.dropped.Add(uint64(len(batch) + len(c.queue)))
			return
		}
		c.deliver(batch)
		batch = batch[:0]
		timer.Reset(c.o.Every)
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

// errRefused is an answer that another try would not change.
var errRefused = errors.New("TrackLayer refuses the request")

// deliver sends a batch until it is taken, refused or the patience is over.
func (c *Client) deliver(batch []canonical.Event) {
	if len(batch) == 0 {
		return
	}
	until := time.Now().Add(c.o.Patience)
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
	body, err := pack(batch) // anew for every try: it says when it is sent
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errRefused, err)
	}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, c.url, bytes.NewReader(body))
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
		return 0, err
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, 16<<20))
	_ = answer.Body.Close() // it was read
	if err != nil {
		return 0, err
	}
	switch {
	case answer.StatusCode == http.StatusAccepted || answer.StatusCode == http.StatusUnprocessableEntity:
		return 0, c.tally(text, len(batch))
	case answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusRequestTimeout || answer.StatusCode >= 500:
		seconds, _ := strconv.Atoi(strings.TrimSpace(answer.Header.Get("Retry-After"))) // 0 where it names none
		return time.Duration(min(max(seconds, 0), 60)) * time.Second, fmt.Errorf("TrackLayer answers %s", answer.Status)
	}
	return 0, fmt.Errorf("%w: %s: %.300s", errRefused, answer.Status, text)
}

// tally counts what the answer says of each event.
func (c *Client) tally(text []byte, events int) error {
	var said struct {
		Accepted, Rejected int
		Results            []struct {
			Error *struct{ Field, Detail string }
		}
	}
	if err := json.Unmarshal(text, &said); err != nil || said.Accepted+said.Rejected != events {
		return fmt.Errorf("%w: its answer is not one of TrackLayer's: %.100q", errRefused, text)
	}
	c.sent.Add(uint64(said.Accepted))
	c.rejected.Add(uint64(said.Rejected))
	for _, r := range said.Results {
		if r.Error != nil {
			c.o.OnFailure(fmt.Errorf("an event was rejected: %s: %s", r.Error.Field, r.Error.Detail))
		}
	}
	return nil
}
