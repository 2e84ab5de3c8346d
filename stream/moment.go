package stream

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tracklayer/tracklayer/canonical"
)

// SeqAt is the sequence of the last message before the first event that was received after a moment: what was known
// then. It is 0 where nothing had been received. Receipts lie in order on the log, but for requests that were under way
// at the same time. It reads some twenty messages, however long the log is.
func (l *Log) SeqAt(ctx context.Context, at canonical.Time) (uint64, error) {
	last, err := l.LastSeq(ctx)
	if err != nil {
		return 0, err
	}
	low, high := uint64(1), last+1 // the first later event lies from low to high; high may be none
	for low < high {
		middle := low + (high-low)/2
		r, found, err := l.eventFrom(ctx, middle, high)
		switch {
		case err != nil:
			return 0, err
		case !found:
			high = middle
		case r.Event.ReceivedAt > at:
			high = middle
			if r.Seq == low {
				return low - 1, nil
			}
		default:
			low = r.Seq + 1
		}
	}
	return low - 1, nil
}

// eventFrom is the first event from a sequence on that lies before another one.
func (l *Log) eventFrom(ctx context.Context, from, before uint64) (r canonical.Record, found bool, err error) {
	for from < before {
		msg, err := l.stream.GetMsg(ctx, from, jetstream.WithGetMsgSubject(l.opts.Prefix+".v1.>"))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return r, false, nil
		}
		if err != nil {
			return r, false, unavailable(err)
		}
		if msg.Sequence >= before {
			return r, false, nil
		}
		r = l.decode(msg.Subject, msg.Data, msg.Sequence)
		if r.Err == nil && r.Event.Kind != 0 {
			return r, true, nil
		}
		from = msg.Sequence + 1
	}
	return r, false, nil
}
