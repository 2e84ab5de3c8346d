package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tracklayer/tracklayer/canonical"
)

// ErrChanged reports that somebody else changed the definition in between: read it again and decide anew.
var ErrChanged = errors.New("the definition was changed in between")

// PublishDefinition stores a change of one experiment's definition. It is taken only where the newest change of that
// experiment on the log still has the sequence after (0: there is none), so that of two editors at once one is told.
func (l *Log) PublishDefinition(ctx context.Context, experiment string, after uint64, data []byte) (uint64, error) {
	subject := l.opts.Prefix + definitions + canonical.Token(experiment)
	ack, err := l.js.Publish(ctx, subject, data, jetstream.WithExpectLastSequencePerSubject(after))
	if err == nil {
		l.health.note(nil)
		return ack.Sequence, nil
	}
	if refused := (*jetstream.APIError)(nil); errors.As(err, &refused) && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return 0, fmt.Errorf("experiment %q: %w", experiment, ErrChanged)
	}
	l.health.note(err)
	return 0, unavailable(err)
}

// PublishReadout stores a readout that somebody keeps, and returns its sequence once it is on disk.
func (l *Log) PublishReadout(ctx context.Context, experiment string, data []byte) (uint64, error) {
	ack, err := l.js.Publish(ctx, l.opts.Prefix+".v1.registry.readout."+canonical.Token(experiment), data)
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
