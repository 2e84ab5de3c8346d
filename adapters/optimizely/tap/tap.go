// Package tap tells TrackLayer what Optimizely's Go SDK decides and tracks, for programs that keep sending to Optimizely.
// It wraps the SDK's event processor, because that alone sees whole impressions: the notification centre's decision
// listener is told no rule type, hears of decisions without an impression, and cannot tell an experiment from a targeted
// delivery (go-sdk pkg/decision/flag_notification.go).
//
// It never blocks the caller and never panics into it. What cannot be queued is dropped and counted by the client. It
// imports canonical, sdk/go and the vendor's SDK alone; the server does not import it.
package tap

import (
	"context"
	"sync"

	"github.com/optimizely/go-sdk/v2/pkg/event"

	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
)

// Options are what the SDK's events do not say themselves; they mean what the options of a source of the vendor
// optimizely mean. The zero value is good.
type Options struct {
	Anonymous     bool     // visitor ids are of devices, not of users
	Users         bool     // visitor ids are of users; without either, nothing tells whose they are
	UserAttribute string   // the attribute that holds the user's id, beside a visitor id that is a device's
	Attributes    []string // attributes that are sent besides those of keptNames; all others stay here
	DedupTag      string   // the event tag that holds an order id or the like
	Currency      string   // what revenue is in, ISO 4217
}

// Processor is an event.Processor that hands every event on, and tells TrackLayer of it. Close it, or what waits is lost.
type Processor struct {
	next   event.Processor
	client *tracklayer.Client
	o      Options

	stop  context.CancelFunc
	ended chan struct{} // closed when next has sent what it held
	once  sync.Once
}

// Wrap makes the processor for client.WithEventProcessor. next gets every event as before: the factory starts no
// processor but its own kind (client/factory.go), so Wrap starts it here. Nil: the events go to TrackLayer alone.
func Wrap(next event.Processor, client *tracklayer.Client, o Options) *Processor {
	ctx, stop := context.WithCancel(context.Background())
	p := &Processor{next: next, client: client, o: o, stop: stop, ended: make(chan struct{})}
	starter, ok := next.(interface{ Start(context.Context) })
	if !ok {
		close(p.ended)
		return p
	}
	go func() {
		defer close(p.ended)
		starter.Start(ctx)
	}()
	return p
}

// ProcessEvent implements event.Processor.
func (p *Processor) ProcessEvent(e event.UserEvent) bool {
	p.tell(&e)
	if p.next == nil {
		return true
	}
	return p.next.ProcessEvent(e)
}

// tell sends an event's canonical form. Whatever goes wrong here is no business of the program that decides.
func (p *Processor) tell(e *event.UserEvent) {
	defer func() { _ = recover() }()
	if x, ok := p.o.exposure(e); ok {
		p.client.Send(x)
	}
	if x, ok := p.o.conversion(e); ok {
		p.client.Send(x)
	}
}

// OnEventDispatch implements event.Processor.
func (p *Processor) OnEventDispatch(callback func(event.LogEvent)) (int, error) {
	if p.next == nil {
		return 0, nil
	}
	return p.next.OnEventDispatch(callback)
}

// RemoveOnEventDispatch implements event.Processor.
func (p *Processor) RemoveOnEventDispatch(id int) error {
	if p.next == nil {
		return nil
	}
	return p.next.RemoveOnEventDispatch(id)
}

// Close ends the wrapped processor, which sends what it holds, and sends what waits for TrackLayer. The client stays
// open: its maker closes it.
func (p *Processor) Close(ctx context.Context) error {
	p.once.Do(p.stop)
	select {
	case <-p.ended:
	case <-ctx.Done():
		return ctx.Err()
	}
	return p.client.Flush(ctx)
}
