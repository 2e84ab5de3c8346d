package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tracklayer/tracklayer/canonical"
)

// readAhead is how many decoded records wait for the consumer. Decoding runs ahead on the other core.
const readAhead = 8192

// Consume hands every message from sequence from on to apply, in order, in batches: as many as wait, at most limit. It
// returns when ctx ends (nil), when apply fails (its error), or when the log cannot be read.
func (l *Log) Consume(ctx context.Context, from uint64, limit int, apply func([]canonical.Record) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	consumer, err := l.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   max(from, 1),
	})
	if err != nil {
		return unavailable(err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(4096))
	if err != nil {
		return unavailable(err)
	}
	records := make(chan canonical.Record, readAhead)
	failed := make(chan error, 1)
	go func() {
		defer close(records)
		failed <- l.read(ctx, messages, max(from, 1), records)
	}()
	go func() {
		<-ctx.Done()
		messages.Stop()
	}()
	batch := make([]canonical.Record, 0, limit)
	var last time.Time
	for r := range records {
		batch = fill(append(batch[:0], r), records, time.Until(last.Add(pace)))
		if err := apply(batch); err != nil {
			return err
		}
		last = time.Now()
	}
	return <-failed
}

// Replay is Consume for the messages up to and including sequence to: it returns nil once apply has had every one of
// them that is still on the log.
func (l *Log) Replay(ctx context.Context, from, to uint64, limit int, apply func([]canonical.Record) error) error {
	if done, err := l.none(ctx, from, to); done || err != nil {
		return err
	}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	done := false
	err := l.Consume(reading, from, limit, func(records []canonical.Record) (err error) {
		if done {
			return nil // it was on its way already
		}
		last := records[len(records)-1].Seq
		wanted := slices.IndexFunc(records, func(r canonical.Record) bool { return r.Seq > to })
		if wanted < 0 {
			wanted = len(records)
		}
		if wanted > 0 {
			if err := apply(records[:wanted]); err != nil {
				return err
			}
		}
		if done = last >= to; !done { // nothing else may ever come: the last ones may be erased
			done, err = l.none(ctx, last+1, to)
		}
		if done {
			stop()
		}
		return err
	})
	if err == nil && !done {
		err = ctx.Err()
	}
	return err
}

// none reports that the log has no message between the two sequences, both included.
func (l *Log) none(ctx context.Context, from, to uint64) (bool, error) {
	msg, err := l.stream.GetMsg(ctx, max(from, 1), jetstream.WithGetMsgSubject(l.opts.Prefix+".v1.>"))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return true, nil
	}
	if err != nil {
		return false, unavailable(err)
	}
	return msg.Sequence > to, nil
}

// pace is the least time between two batches that are not full. An event on an idle log is handed on at once; on a busy
// one, batches of a few records would each cost as much as one of hundreds.
const pace = 4 * time.Millisecond

// fill adds records to the batch until it is full, or none waits and the patience is over.
func fill(batch []canonical.Record, records <-chan canonical.Record, patience time.Duration) []canonical.Record {
	var over <-chan time.Time
	for len(batch) < cap(batch) {
		select {
		case r, ok := <-records:
			if !ok {
				return batch
			}
			batch = append(batch, r)
			continue
		default:
		}
		if patience <= 0 {
			return batch
		}
		if over == nil {
			over = time.After(patience)
		}
		select {
		case r, ok := <-records:
			if !ok {
				return batch
			}
			batch = append(batch, r)
		case <-over:
			return batch
		}
	}
	return batch
}

// read decodes messages into records until ctx ends. A sequence that does not follow its predecessor is fine (a message
// may have been erased), one that goes back is not.
func (l *Log) read(ctx context.Context, messages jetstream.MessagesContext, next uint64, records chan<- canonical.Record) error {
	for {
		msg, err := messages.Next()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, jetstream.ErrMsgIteratorClosed) && ctx.Err() != nil {
				return nil
			}
			return unavailable(err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			return unavailable(err)
		}
		if meta.Sequence.Stream < next {
			return unavailable(fmt.Errorf("the log went back from sequence %d to %d", next-1, meta.Sequence.Stream))
		}
		next = meta.Sequence.Stream + 1
		select {
		case records <- l.decode(msg.Subject(), msg.Data(), meta.Sequence.Stream):
		case <-ctx.Done():
			return nil
		}
	}
}

// what is stored in the log beside events, by the part of the subject after the prefix.
const (
	registry    = ".v1.registry."
	definitions = registry + "definition."
	readouts    = registry + "readout."
	erasures    = ".v1.erasure"
	clocks      = ".v1.clock"
	rejections  = ".v1.rejected."
)

// decode reads a message by its subject.
func (l *Log) decode(subject string, data []byte, seq uint64) canonical.Record {
	r := canonical.Record{Seq: seq}
	kind, _ := strings.CutPrefix(subject, l.opts.Prefix)
	switch {
	case strings.HasPrefix(kind, readouts):
		r.Readout = append([]byte{}, data...) // not nil, whatever it holds
	case strings.HasPrefix(kind, registry):
		r.Definition = data
	case kind == erasures:
		r.Erasure = data
	case kind == clocks:
		r.Clock = append([]byte{}, data...) // not nil, even if it is empty
	case strings.HasPrefix(kind, rejections):
		r.Rejected = &canonical.Rejected{}
		if err := json.Unmarshal(data, r.Rejected); err != nil {
			r.Rejected, r.Err = nil, err
		}
	default:
		r.Event, r.Err = canonical.ParseWire(data)
	}
	return r
}
