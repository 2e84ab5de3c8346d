package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tracklayer/tracklayer/canonical"
)

// ErrMoved reports that the log went on in between: look at what is new and decide again.
var ErrMoved = errors.New("the log went on in between")

// PublishErasure stores the receipt of an erasure, where the log still ends at the sequence after.
func (l *Log) PublishErasure(ctx context.Context, after uint64, data []byte) (uint64, error) {
	if room := l.MaxMessage(); int64(len(data)) > room {
		return 0, fmt.Errorf("the receipt is %d bytes, the log takes %d", len(data), room)
	}
	ack, err := l.js.Publish(ctx, l.opts.Prefix+erasures, data, jetstream.WithExpectLastSequence(after))
	if err == nil {
		err = l.stored(ack.Sequence)
	}
	if err == nil {
		l.health.note(nil)
		return ack.Sequence, nil
	}
	if refused, ok := errors.AsType[*jetstream.APIError](err); ok && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return 0, ErrMoved
	}
	l.health.note(err)
	return 0, unavailable(err)
}

// Quietly runs fn while no events are published from this process. Those that come meanwhile wait.
func (l *Log) Quietly(fn func() error) error {
	l.lanes.quiet.Lock()
	defer l.lanes.quiet.Unlock()
	return fn()
}

// Scan shows the messages of some buckets of units, or all of the log where there is none, from one sequence through
// another, in order.
func (l *Log) Scan(ctx context.Context, buckets []byte, from, through uint64, show func(*canonical.Record)) error {
	var filters []string
	for _, b := range buckets {
		filters = append(filters, fmt.Sprintf("%s.v1.%02x.>", l.opts.Prefix, b))
	}
	if len(filters) == 0 {
		filters = []string{l.opts.Prefix + ".v1.>"}
	}
	some, err := l.any(ctx, filters, max(from, 1), through)
	if err != nil || !some {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	consumer, err := l.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(from, 1), FilterSubjects: filters,
	})
	if err != nil {
		return unavailable(err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(4096))
	if err != nil {
		return unavailable(err)
	}
	defer messages.Stop()
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return unavailable(err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			return unavailable(err)
		}
		if meta.Sequence.Stream > through {
			return nil
		}
		r := l.decode(msg.Subject(), msg.Data(), meta.Sequence.Stream)
		show(&r)
		if meta.NumPending == 0 {
			return nil
		}
	}
}

// any reports whether a message lies there: a consumer without one would wait for the next that comes.
func (l *Log) any(ctx context.Context, filters []string, from, through uint64) (bool, error) {
	for _, filter := range filters {
		msg, err := l.stream.GetMsg(ctx, from, jetstream.WithGetMsgSubject(filter))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return false, unavailable(err)
		}
		if msg.Sequence <= through {
			return true, nil
		}
	}
	return false, nil
}

// Has reports whether the log still holds the message of a sequence.
func (l *Log) Has(ctx context.Context, seq uint64) (bool, error) { return has(ctx, l.stream, seq) }

func has(ctx context.Context, s jetstream.Stream, seq uint64) (bool, error) {
	_, err := s.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	if err != nil {
		return false, unavailable(err)
	}
	return true, nil
}

// Erase overwrites messages and deletes them, one after the other in the given order. Those that are gone already are
// passed over.
func (l *Log) Erase(ctx context.Context, seqs []uint64) error {
	for _, seq := range seqs {
		if err := shred(ctx, l.stream, seq); err != nil {
			return err
		}
	}
	return nil
}

func shred(ctx context.Context, s jetstream.Stream, seq uint64) error {
	err := s.SecureDeleteMsg(ctx, seq)
	if err == nil {
		return nil
	}
	if there, failed := has(ctx, s, seq); failed == nil && !there {
		return nil
	}
	return unavailable(err)
}

// EraseDeadLetters overwrites and deletes the dead letters that hold one of the texts, and counts those that hold one of
// the others and those that cannot be searched because they are cut or cannot be unpacked. Those are left.
func (l *Log) EraseDeadLetters(ctx context.Context, certain, doubtful [][]byte) (erased, doubts int64, err error) {
	dead, err := l.js.Stream(ctx, l.name(lettersStream))
	if err != nil {
		return 0, 0, unavailable(err)
	}
	holds := func(request []byte, texts [][]byte) bool {
		for _, t := range texts {
			if bytes.Contains(request, t) {
				return true
			}
		}
		return false
	}
	for after := uint64(0); ; {
		msg, err := dead.GetMsg(ctx, after+1, jetstream.WithGetMsgSubject(l.opts.Prefix+".deadletter.v1.*")) // one at a time is in memory
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return erased, doubts, nil
		}
		if err != nil {
			return erased, doubts, unavailable(err)
		}
		letter, err := readLetter(msg)
		if err != nil {
			return erased, doubts, err
		}
		after = letter.Seq
		text, whole := letter.Request, true
		if l.opts.Unpack != nil {
			text, whole = l.opts.Unpack(letter.Request)
		}
		text = append(text[:len(text):len(text)], '\r') // so that what ends the request ends as what ends a line
		switch {
		case holds(text, certain):
			if err := shred(ctx, dead, after); err != nil {
				return erased, doubts, err
			}
			l.letters.removed(after)
			erased++
		case holds(text, doubtful) || !whole || letter.Cut:
			doubts++
		}
	}
}
