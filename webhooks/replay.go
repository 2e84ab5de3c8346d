package webhooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
)

// Replayed is what another try at a dead letter came to.
type Replayed struct {
	Accepted  int      `json:"accepted"`
	Rejected  int      `json:"rejected"`          // items that still cannot be counted
	Reasons   []string `json:"reasons,omitempty"` // of these
	StreamSeq uint64   `json:"stream_seq"`
}

// Replay gives a dead letter another try: the items of it that were rejected, or all of it where the request could not
// be read, are decoded by today's adapter and published as if they had come when they first came. Who sent it was asked
// then. Ids that have to be drawn are derived from its Seq, so that a replay repeated after a crash counts nothing twice.
// A request that still cannot be read wraps adapters.ErrUnreadable; one that cannot be stored adapters.ErrBusy.
func (d *Ingest) Replay(ctx context.Context, letter canonical.DeadLetter) (Replayed, error) {
	e, err := adapters.ReadRequest(bytes.NewReader(letter.Request), letter.ReceivedAt)
	if err != nil {
		return Replayed{}, err
	}
	if e.Body, err = Decompress(strings.Join(e.Header.Values("Content-Encoding"), ","), e.Body, d.Limits.Body); err != nil {
		return Replayed{}, err
	}
	batch, err := d.redecode(letter.Source, e)
	if err != nil {
		return Replayed{}, err
	}
	concerns := func(index int) bool { return len(letter.Items) == 0 || slices.Contains(letter.Items, index) }
	var result Replayed
	var events []canonical.Event
	for _, ev := range batch.Events {
		if !concerns(ev.Index) || d.ignores(&ev.Event) != "" {
			continue
		}
		if err := ev.Complete(letter.ReceivedAt, d.Random); err != nil {
			return Replayed{}, fmt.Errorf("%w: draw an id: %w", adapters.ErrBusy, err)
		}
		if ev.IDOrigin == canonical.FromServer {
			ev.ID = canonical.DeriveID("dead letter", letter.Source, strconv.FormatUint(letter.Seq, 10), strconv.Itoa(len(events)))
		}
		events = append(events, ev.Event)
	}
	for _, r := range batch.Rejected {
		if concerns(r.Index) {
			result.Rejected++
			result.Reasons = append(result.Reasons, fault{r.Index, r.Field, r.Reason}.String())
		}
	}
	if result.Accepted = len(events); len(events) == 0 {
		return result, nil
	}
	if result.StreamSeq, err = d.Publisher.Publish(ctx, events); err != nil {
		return Replayed{}, fmt.Errorf("%w: publish: %w", adapters.ErrBusy, err)
	}
	return result, nil
}

// redecode reads a kept request by its source's words of today.
func (d *Ingest) redecode(name string, e adapters.Envelope) (adapters.Batch, error) {
	if s := d.sources[name]; s != nil {
		return Decode(s.Source, e, d.Log)
	}
	if name != apiSource {
		return adapters.Batch{}, fmt.Errorf("%w: there is no source %q any more; configure it again to replay its letters", adapters.ErrUnreadable, name)
	}
	asLines, err := isLines(e.Header.Values("Content-Type"))
	if err != nil {
		return adapters.Batch{}, errors.Join(adapters.ErrUnreadable, err)
	}
	p := newParcel()
	defer p.free()
	if p.source, err = d.sourceNamed(e.RawQuery); err != nil {
		return adapters.Batch{}, errors.Join(adapters.ErrUnreadable, err)
	}
	if err := d.read(p, e.Body, asLines, e.ReceivedAt); err != nil {
		return adapters.Batch{}, err
	}
	batch := adapters.Batch{Items: len(p.items)}
	events, faults, skipped := p.events, p.faults, p.skipped
	for i := range p.items {
		if len(skipped) > 0 && skipped[0].index == i {
			batch.Ignore(skipped[0].reason)
			skipped = skipped[1:]
			continue
		}
		if len(faults) > 0 && faults[0].index == i {
			batch.Rejected = append(batch.Rejected, adapters.Rejection{Index: i, Field: faults[0].field, Reason: faults[0].detail})
			faults = faults[1:]
			continue
		}
		batch.Events = append(batch.Events, adapters.Decoded{Index: i, Event: events[0]})
		events = events[1:]
	}
	return batch, nil
}
