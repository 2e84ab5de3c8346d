package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Range is a range of stream sequences, both ends in it.
type Range struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

// mark is a small file beside the folder of the embedded server. It says how far the log has reached at least, so that a
// log whose end was cut, by damage or by an older copy, is not taken for the whole.
type mark struct {
	Stream   string  `json:"stream"`
	LastSeq  uint64  `json:"last_seq"`           // was on the disk when the file was written
	Lost     []Range `json:"lost,omitempty"`     // were acknowledged once and are gone, or other messages have their sequences
	Accepted []Range `json:"accepted,omitempty"` // missing messages that an operator has accepted as lost
}

// keeper writes the mark.
type keeper struct {
	path    string
	reached atomic.Uint64 // the newest sequence that was acknowledged
	stop    chan struct{}
	done    chan struct{}
	once    sync.Once
	mu      sync.Mutex
	mark    mark
}

// markEvery is how old the mark may be while events come in.
const markEvery = 5 * time.Second

// MarkPath is the file that says how far the log in a folder has reached.
func MarkPath(dir string) string { return filepath.Clean(dir) + ".mark" }

// Reached returns how far the log in a folder had reached at least, 0 if that is not known. It does not open the log.
func Reached(dir string) (uint64, error) {
	m, err := readMark(MarkPath(dir))
	return m.LastSeq, err
}

func readMark(path string) (m mark, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		return mark{}, fmt.Errorf("%s, which says how far the log has reached, cannot be read: %w", path, err)
	}
	return m, nil
}

// openMark compares the log with what its mark says and goes on writing the mark.
func (l *Log) openMark(ctx context.Context) error {
	k := &keeper{path: MarkPath(l.opts.Dir), stop: make(chan struct{}), done: make(chan struct{})}
	m, err := readMark(k.path)
	if err != nil { // it is one more witness, not the log
		l.opts.Logger.Error("the end of the log cannot be checked; a new file is written", "error", err)
	}
	if m.Stream != l.name(eventsStream) {
		m = mark{Stream: l.name(eventsStream)}
	}
	last, err := l.LastSeq(ctx)
	if err != nil {
		return err
	}
	if last < m.LastSeq {
		lost := Range{last + 1, m.LastSeq}
		l.opts.Logger.Error("the end of the log is missing: these messages were acknowledged and are not on the disk any more; stop TrackLayer and give the log back from a backup, or accept the loss with tracklayer rebuild --force",
			"dir", l.opts.Dir, "from_seq", lost.From, "to_seq", lost.To, "records", lost.To-lost.From+1)
		if !slices.Contains(m.Lost, lost) {
			m.Lost = append(m.Lost, lost)
		}
	}
	m.LastSeq = last
	k.mark = m
	k.reached.Store(last)
	l.keeper = k
	if last > 0 || len(m.Lost) > 0 {
		if err := k.write(); err != nil {
			close(k.done)
			return err
		}
	}
	go k.forever()
	return nil
}

// note remembers an acknowledged sequence.
func (k *keeper) note(seq uint64) {
	if k == nil {
		return
	}
	for {
		old := k.reached.Load()
		if seq <= old || k.reached.CompareAndSwap(old, seq) {
			return
		}
	}
}

func (k *keeper) forever() {
	defer close(k.done)
	tick := time.NewTicker(markEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			k.catchUp()
		case <-k.stop:
			k.catchUp()
			return
		}
	}
}

// catchUp writes the mark if the log has gone on. A failure is no loss: the mark only stays older.
func (k *keeper) catchUp() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if seq := k.reached.Load(); seq > k.mark.LastSeq {
		before := k.mark.LastSeq
		k.mark.LastSeq = seq
		if k.write() != nil {
			k.mark.LastSeq = before
		}
	}
}

func (k *keeper) close() {
	if k == nil {
		return
	}
	k.once.Do(func() { close(k.stop) })
	<-k.done
}

// write replaces the file. The caller holds the lock or is alone.
func (k *keeper) write() error {
	data, err := json.Marshal(k.mark)
	if err != nil {
		return err
	}
	fresh := k.path + ".new"
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write down how far the log has reached: %w", err)
	}
	_, err = f.Write(append(data, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write down how far the log has reached: %w", err)
	}
	if err := os.Rename(fresh, k.path); err != nil {
		return fmt.Errorf("write down how far the log has reached: %w", err)
	}
	return syncDir(filepath.Dir(k.path))
}

// Lost returns the messages that were acknowledged once and were missing at the end of the log at a start, and the
// missing messages that an operator has accepted as lost.
func (l *Log) Lost() (lost, accepted []Range) {
	if l.keeper == nil {
		return nil, nil
	}
	l.keeper.mu.Lock()
	defer l.keeper.mu.Unlock()
	return slices.Clone(l.keeper.mark.Lost), slices.Clone(l.keeper.mark.Accepted)
}

// Accept writes down that an operator has accepted that messages are lost. What was cut off the end is accepted with it.
func (l *Log) Accept(missing []Range) error {
	if l.keeper == nil {
		return nil
	}
	k := l.keeper
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mark.Lost, k.mark.Accepted = nil, missing
	k.mark.LastSeq = k.reached.Load()
	return k.write()
}

// Absent returns how many sequences up to the newest one have no message: erased ones and lost ones.
func (l *Log) Absent(ctx context.Context) (n, last uint64, err error) {
	info, err := l.stream.Info(ctx)
	if err != nil {
		return 0, 0, unavailable(err)
	}
	return info.State.LastSeq - info.State.Msgs, info.State.LastSeq, nil
}

// AbsentRanges returns which sequences up to the newest one have no message.
func (l *Log) AbsentRanges(ctx context.Context) (ranges []Range, err error) {
	info, err := l.stream.Info(ctx, jetstream.WithDeletedDetails(true))
	if err != nil {
		return nil, unavailable(err)
	}
	state := info.State
	if state.Msgs == 0 && state.LastSeq > 0 {
		return []Range{{1, state.LastSeq}}, nil
	}
	if state.FirstSeq > 1 {
		ranges = append(ranges, Range{1, state.FirstSeq - 1})
	}
	for _, seq := range state.Deleted {
		if n := len(ranges); n > 0 && ranges[n-1].To+1 == seq {
			ranges[n-1].To = seq
			continue
		}
		ranges = append(ranges, Range{seq, seq})
	}
	return ranges, nil
}
