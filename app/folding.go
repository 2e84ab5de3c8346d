package app

import (
	"context"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/sums"
)

// foldForever consumes the log. Where the log cannot be read it tries again: the state is whole and only grows old,
// which readiness tells. Where the state cannot be written the program fails: memory and disk differ.
func (p *Program) foldForever(ctx context.Context) {
	for wait := 100 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		var broken error
		err := p.events.Consume(ctx, p.fold.Seq()+1, foldBatch, func(records []canonical.Record) error {
			p.seen(records)
			broken = p.fold.Apply(records)
			p.lag.alive()
			p.past.Folded()
			wait = 100 * time.Millisecond
			return broken
		})
		switch {
		case broken != nil:
			p.broken(broken)
			return
		case err != nil && ctx.Err() == nil:
			p.lag.broke(err)
			p.log.Warn("the log cannot be read; trying again", "error", err, "wait", wait.String())
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
		}
	}
}

// recomputeStep is how many persons are recomputed between two looks at the log.
const recomputeStep = 500

// recomputeForever works off what changes of definitions ask for, beside the counting. It rests after every step, longer
// after one that took long, so that counting has most of the time.
func (p *Program) recomputeForever(ctx context.Context) {
	for {
		if _, err := p.fold.Until(ctx, (*sums.View).Unsettled); err != nil {
			return
		}
		began := time.Now()
		if _, err := p.fold.Recompute(recomputeStep); err != nil {
			p.broken(err)
			return
		}
		took := time.Since(began)
		rest := took / 8
		if took > longStep {
			rest = 4 * took
		}
		select {
		case <-time.After(rest):
		case <-ctx.Done():
			return
		}
	}
}

// longStep is what only a person with very many events takes.
const longStep = 200 * time.Millisecond
