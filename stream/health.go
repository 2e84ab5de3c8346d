package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// health remembers how the last write went, so that asking costs nothing while events flow.
type health struct {
	mu   sync.Mutex
	at   time.Time
	fail error

	since  time.Time // of the first event that could not be stored after one that could
	events error     // why; nil: the last event was stored, or failed for want of a file, which passes by itself

	refused   error // why the last event was not stored; nil: it was
	refusedAt time.Time
}

func (h *health) note(err error) {
	h.mu.Lock()
	h.at, h.fail = time.Now(), err
	h.mu.Unlock()
}

// noteEvent is note for a write to the event log itself, for which a probe of the disk does not vouch.
func (h *health) noteEvent(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at, h.fail = time.Now(), err
	h.refused, h.refusedAt = err, h.at
	if errors.As(err, new(*filesError)) {
		return
	}
	if err != nil && h.events == nil {
		h.since = h.at
	}
	h.events = err
}

// Failing returns since when and why events cannot be stored, nil if the last one was, or if only a file was missing for it.
func (l *Log) Failing() (since time.Time, err error) {
	l.health.mu.Lock()
	defer l.health.mu.Unlock()
	return l.health.since, l.health.events
}

// recent is how long one event that could not be stored counts if no other comes.
const recent = time.Minute

// Refused returns why the last event could not be stored, nil if it was, or if that is more than a minute ago.
func (l *Log) Refused() error {
	l.health.mu.Lock()
	defer l.health.mu.Unlock()
	if time.Since(l.health.refusedAt) > recent {
		return nil
	}
	return l.health.refused
}

func (h *health) last() (time.Time, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at, h.fail
}

// freshFor is how long a write vouches for the next one.
const freshFor = 2 * time.Second

// stored completes an acknowledgement of JetStream: the message is on the disk for certain once the folder of its file is.
func (l *Log) stored(seq uint64) error {
	if err := l.dirs.sync(l.name(eventsStream)); err != nil {
		return err
	}
	l.keeper.note(seq)
	return nil
}

// Ready reports whether the log takes durable writes: nil, or an error wrapping ErrUnavailable. Where the last write
// is not fresh it makes one, in a stream of its own that keeps a single message.
func (l *Log) Ready(ctx context.Context) error {
	if err := l.Full(); err != nil {
		return err
	}
	if at, err := l.health.last(); time.Since(at) < freshFor {
		if err != nil {
			return unavailable(err)
		}
		return nil
	}
	err := l.probe(ctx)
	l.health.note(err)
	if err != nil {
		return unavailable(err)
	}
	return nil
}

func (l *Log) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if _, err := l.js.Publish(ctx, l.opts.Prefix+".probe", []byte(time.Now().UTC().Format(time.RFC3339))); err != nil {
		return fmt.Errorf("a probe of the disk: %w", err)
	}
	return l.dirs.sync(l.name(probeStream))
}

// Room is how many bytes the embedded server may use in all, 0 for an external NATS.
func (l *Log) Room() int64 {
	if l.srv == nil {
		return 0
	}
	return l.srv.JetStreamConfig().MaxStore
}

// MaxMessage is how many bytes one message may have besides its headers.
func (l *Log) MaxMessage() int64 { return l.conns[lanesCount].MaxPayload() - 64<<10 }
