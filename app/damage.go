package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/history"
	"github.com/tracklayer/tracklayer/store"
	"github.com/tracklayer/tracklayer/stream"
)

// damage is what is known to be lost.
type damage struct {
	bell    chan struct{} // rings if a sequence was passed over
	missing atomic.Int64

	mu     sync.Mutex
	text   string
	ranges []core.Range
	absent uint64 // sequences without a message at the last look at all of them
	looked bool

	unreadable time.Time // when a record that cannot be read was last logged
	skipped    int
}

// again is a state that is made again from the log.
type again struct {
	target atomic.Uint64 // 0: none is
}

// seen looks at records that are about to be folded.
func (p *Program) seen(records []canonical.Record) {
	if last := records[len(records)-1].Seq; last-p.fold.Seq() != uint64(len(records)) {
		select {
		case p.damage.bell <- struct{}{}:
		default:
		}
	}
	for i := range records {
		if records[i].Err != nil {
			p.unreadable(&records[i])
		}
	}
}

// unreadable logs, once a minute, that a record of the log is none of what the log holds.
func (p *Program) unreadable(r *canonical.Record) {
	d := &p.damage
	if time.Since(d.unreadable) < time.Minute {
		d.skipped++
		return
	}
	p.log.Error("a record of the log cannot be read; it is counted as unreadable", "stream_seq", r.Seq, "error", r.Err, "not_logged", d.skipped)
	d.unreadable, d.skipped = time.Now(), 0
}

// lookEvery is how often the log is asked whether it still has everything.
const lookEvery = time.Minute

// watchDamage compares what the log and the state hold with the receipts of erasures, until ctx ends.
func (p *Program) watchDamage(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := p.lookForDamage(ctx); err != nil && ctx.Err() == nil {
			p.log.Warn("it cannot be checked whether the log is whole; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-p.damage.bell:
		case <-tick.C:
		}
	}
}

// lookForDamage finds the sequences that nothing explains. A receipt may come after the gap that it explains, but it was
// on the log before its messages left it, so the state is asked once it has reached the log's end.
func (p *Program) lookForDamage(ctx context.Context) error {
	absent, last, err := p.events.Absent(ctx)
	if err != nil {
		return err
	}
	if _, err := p.fold.Wait(ctx, last); err != nil {
		return err
	}
	lost, err := p.fold.Lost()
	if err != nil {
		return err
	}
	d := &p.damage
	gone := d.ranges // of the log
	if absent != d.absent || !d.looked {
		if gone, err = missingOnLog(ctx, p.events, p.fold, absent); err != nil {
			return err
		}
	}
	cut, accepted := p.events.Lost()
	all := core.Subtract(core.Union(core.Union(lost, gone), rangesOf(cut)), rangesOf(accepted))
	d.mu.Lock()
	d.absent, d.looked, d.ranges = absent, true, gone
	before := d.text
	d.text = ""
	if len(all) > 0 {
		d.text = fmt.Sprintf("%d records are missing on the log (%s) and no erasure explains it", core.Count(all), history.Ranges(all))
	}
	text := d.text
	d.mu.Unlock()
	d.missing.Store(core.Count(all))
	if text != "" && text != before {
		p.log.Error("damaged: records are missing on the log and no erasure explains it; do not rebuild, give the log back from a backup. Numbers may be too small; what this state has counted before the damage is still counted",
			"records", core.Count(all), "stream_seqs", history.Ranges(all), "never_counted", core.Count(lost))
	}
	return nil
}

// missingOnLog are the sequences without a message that no receipt of the state explains.
func missingOnLog(ctx context.Context, log *stream.Log, fold *core.Fold, absent uint64) ([]core.Range, error) {
	if absent == 0 {
		return nil, nil
	}
	gone, err := log.AbsentRanges(ctx)
	if err != nil {
		return nil, err
	}
	erased, err := fold.ErasedSequences()
	if err != nil {
		return nil, err
	}
	return core.Without(rangesOf(gone), erased), nil
}

func rangesOf(list []stream.Range) []core.Range {
	ranges := make([]core.Range, len(list))
	for i, r := range list {
		ranges[i] = core.Range(r)
	}
	slices.SortFunc(ranges, func(a, b core.Range) int {
		if a.From < b.From {
			return -1
		}
		return 1
	})
	return ranges
}

// folding says how far a state is that is made again from the log, "" if none is.
func (p *Program) foldingAgain() string {
	target := p.again.target.Load()
	if target == 0 {
		return ""
	}
	if seq := p.fold.Seq(); seq < target {
		return fmt.Sprintf("folding again %d of %d records", seq, target)
	}
	if p.again.target.Swap(0) != 0 {
		p.log.Info("the state was made again from the log", "records", target)
	}
	return ""
}

// notes are what an operator should know of a program that is ready.
func (p *Program) notes() (notes []string) {
	if p.ingest != nil {
		if crowded := p.ingest.Crowded(); len(crowded) > 0 {
			notes = append(notes, "events from "+strings.Join(crowded, ", ")+" are ignored because they bring too many new names; GET /v1/ledger says of what (limits.experiments, limits.variants, limits.conversion_names)")
		}
	}
	if p.fold == nil {
		return notes
	}
	notes = append(notes, p.warnings()...)
	if text, _ := p.late(); text != "" {
		notes = append(notes, text)
	}
	return notes
}

// warnings are what is wrong with the numbers, and what to do.
func (p *Program) warnings() (all []string) {
	if text := p.foldingAgain(); text != "" {
		all = append(all, text+"; readouts answer 503 until it is done, events are taken")
	}
	p.damage.mu.Lock()
	text := p.damage.text
	p.damage.mu.Unlock()
	if text != "" {
		all = append(all, "damaged: "+text+"; give the log back from a backup")
	}
	if text := p.aheadOfClock(); text != "" {
		all = append(all, text)
	}
	return all
}

// banner is what every page says at its top: what is wrong, and what to do.
func (p *Program) banner() (all []string) {
	if err := p.events.Full(); err != nil {
		all = append(all, err.Error()+"; events are refused until there is space: free some, or lower limits.disk_reserve")
	} else if err := p.events.Refused(); err != nil {
		all = append(all, "events cannot be stored: "+err.Error()+"; /readyz and the log of the program say more")
	}
	if err := p.clock.check(); err != nil {
		all = append(all, err.Error())
	}
	if err := p.lag.err(); err != nil {
		all = append(all, "nothing is counted: "+err.Error()+"; nothing is lost, and the log of the program says more")
	}
	all = append(all, p.warnings()...)
	if text, over := p.late(); over {
		all = append(all, text)
	}
	for i, text := range all {
		all[i] = strings.ToUpper(text[:1]) + text[1:] + "."
	}
	return all
}

// RestartError reports a failure that a new Program with the same configuration gets past: a damaged state is set aside
// and made again from the log, and a log that takes no writes is opened again.
type RestartError struct{ cause error }

// Error implements error.
func (e *RestartError) Error() string { return e.cause.Error() }

// Unwrap returns the cause.
func (e *RestartError) Unwrap() error { return e.cause }

// broken decides what follows from a state that cannot be written or read any more. A damaged one is set aside by a start
// within the process.
func (p *Program) broken(err error) {
	p.lag.broke(err)
	if !store.IsDamage(err) && !core.IsUnreadable(err) {
		p.fail(fmt.Errorf("the state cannot be written; nothing is lost, the log is replayed at the next start: %w", err))
		return
	}
	if written := os.WriteFile(suspectPath(p.cfg), []byte(err.Error()), 0o600); written != nil {
		p.fail(errors.Join(fmt.Errorf("the state is damaged; remove %s, it is made again from the log at the next start: %w", statePath(p.cfg), err), written))
		return
	}
	p.log.Error("the state is damaged; it is set aside and made again", "error", err)
	p.fail(&RestartError{err})
}

func (p *Program) fail(err error) {
	select {
	case p.failed <- err:
	default: // another part has failed already, and one reason is enough
	}
}

const (
	watchEvery   = time.Second
	restartAfter = 3 * time.Second // of failing writes with space on the disk
	deadAfter    = time.Minute
)

// watchWrites asks for a start within the process if writes fail although the disk has space: the embedded server keeps
// a write error until it is opened again. It also looks for damage that Pebble found in the background.
func (p *Program) watchWrites(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	asked := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if p.db != nil {
			if err := p.db.Fault(); err != nil && errors.Is(err, store.ErrDamaged) && !asked {
				asked = true
				p.broken(err)
			}
		}
		if !p.cfg.NATS.URL.IsZero() {
			continue
		}
		since, err := p.events.Failing()
		if err == nil || p.events.Full() != nil {
			p.stuck.Store(0)
			continue
		}
		p.stuck.CompareAndSwap(0, time.Now().UnixNano())
		began := time.Unix(0, p.stuck.Load())
		if time.Since(began) >= restartAfter && !asked {
			asked = true
			p.log.Error("the log takes no writes although the disk has space; it is opened again", "failing_since", since.UTC().Format(time.RFC3339), "error", err)
			p.fail(&RestartError{fmt.Errorf("the log takes no writes: %w", err)})
		}
	}
}

// dead reports that writes have failed for long although the disk has space, which only another process may fix.
func (p *Program) dead() bool {
	began := p.stuck.Load()
	return began != 0 && time.Since(time.Unix(0, began)) >= deadAfter
}
