package stream

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Since returns how many sequences the log has after the given one, and when the first message of these was stored, by
// the log's server. If all of them are erased or lost, n is 0.
func (l *Log) Since(ctx context.Context, seq uint64) (n uint64, first time.Time, err error) {
	last, err := l.LastSeq(ctx)
	if err != nil || last <= seq {
		return 0, first, err
	}
	msg, err := l.stream.GetMsg(ctx, seq+1, jetstream.WithGetMsgSubject(l.opts.Prefix+".v1.>"))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, first, nil
	}
	if err != nil {
		return 0, first, unavailable(err)
	}
	return last - seq, msg.Time, nil
}
