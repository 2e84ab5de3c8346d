package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

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
	Cut        bool           `json:"cut,omitempty"`      // the request is not whole: it was larger than NATS takes
	Request    []byte         `json:"-"`                  // HTTP/1.1 text, its headers by allow-list
}

// maxListed is how many item indexes a dead letter names; a batch of thousands of bad items has one cause.
const maxListed = 1000

const headerAbout = "Tracklayer-Dead-Letter"

// ErrNoLetter reports that there is no dead letter of that number.
var ErrNoLetter = errors.New("no dead letter has that number")

// Buried is a dead letter with its number.
type Buried struct {
	Seq uint64 `json:"seq"`
	DeadLetter
}

// DeadLetters reads the dead letters with a number above after in order, at most limit, of one source or, where source
// is "", of all.
func (l *Log) DeadLetters(ctx context.Context, source string, after uint64, limit int) ([]Buried, error) {
	token := "*"
	if source != "" {
		token = canonical.Token(source)
	}
	dead, err := l.js.Stream(ctx, l.name("DEADLETTERS"))
	if err != nil {
		return nil, unavailable(err)
	}
	letters := []Buried{}
	for len(letters) < limit {
		msg, err := dead.GetMsg(ctx, after+1, jetstream.WithGetMsgSubject(l.opts.Prefix+".deadletter.v1."+token))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err != nil {
			return nil, unavailable(err)
		}
		letter, err := readLetter(msg)
		if err != nil {
			return nil, err
		}
		letters = append(letters, letter)
		after = msg.Sequence
	}
	return letters, nil
}

// DeadLetter reads one dead letter, or ErrNoLetter.
func (l *Log) DeadLetter(ctx context.Context, seq uint64) (Buried, error) {
	dead, err := l.js.Stream(ctx, l.name("DEADLETTERS"))
	if err != nil {
		return Buried{}, unavailable(err)
	}
	msg, err := dead.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Buried{}, fmt.Errorf("%w: %d", ErrNoLetter, seq)
	}
	if err != nil {
		return Buried{}, unavailable(err)
	}
	return readLetter(msg)
}

func readLetter(msg *jetstream.RawStreamMsg) (Buried, error) {
	b := Buried{Seq: msg.Sequence}
	if err := json.Unmarshal([]byte(msg.Header.Get(headerAbout)), &b.DeadLetter); err != nil {
		return b, fmt.Errorf("dead letter %d: what is said about it cannot be read: %w", msg.Sequence, err)
	}
	b.Request = msg.Data
	return b, nil
}

// Unbury removes a dead letter that has been replayed.
func (l *Log) Unbury(ctx context.Context, seq uint64) error {
	dead, err := l.js.Stream(ctx, l.name("DEADLETTERS"))
	if err == nil {
		err = dead.DeleteMsg(ctx, seq)
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// Bury stores dead letters and returns once they are on disk. An error wraps ErrUnavailable.
func (l *Log) Bury(ctx context.Context, d DeadLetter) error {
	if len(d.Items) > maxListed {
		d.Items = d.Items[:maxListed]
	}
	if room := l.MaxMessage(); int64(len(d.Request)) > room {
		d.Request, d.Cut = d.Request[:room], true // better half a letter than a request that can never be answered
	}
	about, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("describe a dead letter: %w", err)
	}
	msg := &nats.Msg{
		Subject: l.opts.Prefix + ".deadletter.v1." + canonical.Token(d.Source),
		Header:  nats.Header{headerAbout: {string(about)}},
		Data:    d.Request,
	}
	_, err = l.js.PublishMsg(ctx, msg)
	l.health.note(err)
	if err != nil {
		return unavailable(err)
	}
	return nil
}
