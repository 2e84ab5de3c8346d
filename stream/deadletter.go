package stream

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/tracklayer/tracklayer/canonical"
)

// DeadLetter is a request of which something could not be decoded, kept as it came so that a mended adapter can have
// another try.
type DeadLetter struct {
	Source     string         `json:"source"`
	ReceivedAt canonical.Time `json:"received_at"`
	Reason     string         `json:"reason"`             // of the first fault, with its field
	Rejected   int            `json:"rejected,omitempty"` // how many items of the request
	Items      []int          `json:"items,omitempty"`    // which; none: the whole request
	Request    []byte         `json:"-"`                  // HTTP/1.1 text, its headers by allow-list
}

// maxListed is how many item indexes a dead letter names; a batch of thousands of bad items has one cause.
const maxListed = 1000

// Bury stores dead letters and returns once they are on disk. An error wraps ErrUnavailable.
func (l *Log) Bury(ctx context.Context, d DeadLetter) error {
	if len(d.Items) > maxListed {
		d.Items = d.Items[:maxListed]
	}
	about, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("describe a dead letter: %w", err)
	}
	msg := &nats.Msg{
		Subject: l.opts.Prefix + ".deadletter.v1." + canonical.Token(d.Source),
		Header:  nats.Header{"Tracklayer-Dead-Letter": {string(about)}},
		Data:    d.Request,
	}
	_, err = l.js.PublishMsg(ctx, msg)
	l.health.note(err)
	if err != nil {
		return unavailable(err)
	}
	return nil
}
