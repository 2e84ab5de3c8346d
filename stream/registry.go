package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tracklayer/tracklayer/canonical"
)

// ErrChanged reports that another client changed the same thing in between: read it again and decide again.
var ErrChanged = errors.New("it was changed in between")

// PublishDefinition stores a change of one experiment's definition. It is taken only where the newest change of that
// experiment on the log still has the sequence after (0: there is none), so that of two editors at once one is told.
func (l *Log) PublishDefinition(ctx context.Context, experiment string, after uint64, data []byte) (uint64, error) {
	return l.change(ctx, "definition."+canonical.Token(experiment), after, data)
}

// PublishFilters stores a change of the filters, under the same condition.
func (l *Log) PublishFilters(ctx context.Context, after uint64, data []byte) (uint64, error) {
	return l.change(ctx, "filters", after, data)
}

// change stores a change of the part of the registry that is named.
func (l *Log) change(ctx context.Context, part string, after uint64, data []byte) (uint64, error) {
	if err := l.Full(); err != nil {
		return 0, err
	}
	subject := l.opts.Prefix + registry + part
	ack, err := l.js.Publish(ctx, subject, data, jetstream.WithExpectLastSequencePerSubject(after))
	if err == nil {
		err = l.stored(ack.Sequence)
	}
	if err == nil {
		l.health.note(nil)
		return ack.Sequence, nil
	}
	if refused, ok := errors.AsType[*jetstream.APIError](err); ok && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return 0, fmt.Errorf("%s: %w", part, ErrChanged)
	}
	l.health.note(err)
	return 0, unavailable(err)
}

// PublishReadout stores a readout that a person keeps, and returns its sequence once it is on disk.
func (l *Log) PublishReadout(ctx context.Context, experiment string, data []byte) (uint64, error) {
	return l.put(ctx, ".v1.registry.readout."+canonical.Token(experiment), data)
}

// PublishClock stores a correction of the clock, and returns its sequence once it is on disk.
func (l *Log) PublishClock(ctx context.Context, data []byte) (uint64, error) {
	return l.put(ctx, clocks, data)
}

// put stores one message under a subject after the prefix.
func (l *Log) put(ctx context.Context, subject string, data []byte) (uint64, error) {
	if err := l.Full(); err != nil {
		return 0, err
	}
	ack, err := l.js.Publish(ctx, l.opts.Prefix+subject, data)
	if err == nil {
		err = l.stored(ack.Sequence)
	}
	l.health.note(err)
	if err != nil {
		return 0, unavailable(err)
	}
	return ack.Sequence, nil
}

// Tell stores reports about experiments among the definitions, and returns the stream sequence of the last one. An error
// wraps ErrUnavailable: some may be stored all the same; their ids tell them apart when they are sent again.
func (l *Log) Tell(ctx context.Context, lives []canonical.Life) (uint64, error) {
	messages := make([]message, len(lives))
	for i := range lives {
		messages[i] = message{l.opts.Prefix + ".v1.registry.life." + canonical.Token(lives[i].ExperimentID), lives[i].AppendJSON(nil)}
	}
	return l.lanes.publish(ctx, messages, false)
}
