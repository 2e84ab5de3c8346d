package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tracklayer/tracklayer/canonical"
)

// maxListed is how many item indexes a dead letter names; a batch of thousands of bad items has one cause.
const maxListed = 1000

const headerAbout = "Tracklayer-Dead-Letter"

// ErrNoLetter reports that there is no dead letter of that number.
var ErrNoLetter = errors.New("no dead letter has that number")

// DeadLetters lists the dead letters with a number above after in order, at most limit, of one source or, if source is "",
// of all. It reads what is recorded about them and not the requests.
func (l *Log) DeadLetters(ctx context.Context, source string, after uint64, limit int) ([]canonical.DeadLetter, error) {
	token := "*"
	if source != "" {
		token = canonical.Token(source)
	}
	found := []canonical.DeadLetter{}
	err := l.headers(ctx, token, after, limit, func(msg jetstream.Msg, seq uint64) error {
		b, err := aboutLetter(msg.Headers(), seq)
		found = append(found, b)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// headers shows the headers of dead letters.
func (l *Log) headers(ctx context.Context, token string, after uint64, limit int, show func(msg jetstream.Msg, seq uint64) error) error {
	dead, err := l.js.Stream(ctx, l.name(lettersStream))
	if err != nil {
		return unavailable(err)
	}
	consumer, err := dead.CreateConsumer(ctx, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1, FilterSubject: l.opts.Prefix + ".deadletter.v1." + token,
		AckPolicy: jetstream.AckNonePolicy, HeadersOnly: true, MemoryStorage: true, InactiveThreshold: time.Minute, Replicas: 1,
	})
	if err != nil {
		return unavailable(err)
	}
	defer func() {
		_ = dead.DeleteConsumer(context.WithoutCancel(ctx), consumer.CachedInfo().Name) // it ends by itself otherwise
	}()
	const page = 500
	for left := min(uint64(limit), consumer.CachedInfo().NumPending); left > 0; {
		batch, err := consumer.Fetch(int(min(left, page)), jetstream.FetchMaxWait(5*time.Second))
		if err != nil {
			return unavailable(err)
		}
		got := uint64(0)
		for msg := range batch.Messages() {
			meta, err := msg.Metadata()
			if err != nil {
				return unavailable(err)
			}
			if err := show(msg, meta.Sequence.Stream); err != nil {
				return err
			}
			got++
		}
		if err := batch.Error(); err != nil {
			return unavailable(err)
		}
		if got == 0 { // the others were removed meanwhile
			return nil
		}
		left -= min(left, got)
	}
	return nil
}

func aboutLetter(h nats.Header, seq uint64) (canonical.DeadLetter, error) {
	var b canonical.DeadLetter
	err := json.Unmarshal([]byte(h.Get(headerAbout)), &b)
	b.Seq = seq
	if err != nil {
		return b, fmt.Errorf("dead letter %d: what is recorded about it cannot be read: %w", seq, err)
	}
	return b, nil
}

// DeadLetter reads one dead letter, or ErrNoLetter.
func (l *Log) DeadLetter(ctx context.Context, seq uint64) (canonical.DeadLetter, error) {
	dead, err := l.js.Stream(ctx, l.name(lettersStream))
	if err != nil {
		return canonical.DeadLetter{}, unavailable(err)
	}
	msg, err := dead.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return canonical.DeadLetter{}, fmt.Errorf("%w: %d", ErrNoLetter, seq)
	}
	if err != nil {
		return canonical.DeadLetter{}, unavailable(err)
	}
	return readLetter(msg)
}

func readLetter(msg *jetstream.RawStreamMsg) (canonical.DeadLetter, error) {
	b, err := aboutLetter(msg.Header, msg.Sequence)
	b.Request = msg.Data
	return b, err
}

// RemoveDeadLetter removes a dead letter that has been replayed.
func (l *Log) RemoveDeadLetter(ctx context.Context, seq uint64) error {
	dead, err := l.js.Stream(ctx, l.name(lettersStream))
	if err == nil {
		err = dead.DeleteMsg(ctx, seq)
	}
	if err != nil {
		return unavailable(err)
	}
	l.letters.removed(seq)
	return nil
}

// maxLetter is how many bytes of a request are kept. Bodies come compressed, so it holds nearly all of them whole.
const maxLetter = 1 << 20

// StoreDeadLetter stores a dead letter, whose Seq it does not read, and returns once it is on disk. If its source has more than its share, the oldest letters of
// that source go; another source's never do. An error wraps ErrUnavailable.
func (l *Log) StoreDeadLetter(ctx context.Context, d canonical.DeadLetter) error {
	if len(d.Items) > maxListed {
		d.Items = d.Items[:maxListed]
	}
	if room := min(l.MaxMessage(), maxLetter); int64(len(d.Request)) > room {
		d.Request, d.Cut = d.Request[:room], true // better half a letter than a request that can never be answered
	}
	d.Seq = 0 // the message has its own
	about, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("describe a dead letter: %w", err)
	}
	token := canonical.Token(d.Source)
	msg := &nats.Msg{
		Subject: l.opts.Prefix + ".deadletter.v1." + token,
		Header:  nats.Header{headerAbout: {string(about)}},
		Data:    d.Request,
	}
	ack, err := l.js.PublishMsg(ctx, msg)
	if err == nil {
		err = l.dirs.sync(l.name(lettersStream))
	}
	l.health.note(err)
	if err != nil {
		return unavailable(err)
	}
	l.dropLetters(ctx, d.Source, l.letters.added(token, ack.Sequence, int64(len(about)+len(d.Request))))
	return nil
}

// dropLetters removes the letters of a source that are past its share. One that cannot be removed now stays until it is
// too old.
func (l *Log) dropLetters(ctx context.Context, source string, seqs []uint64) {
	if len(seqs) == 0 {
		return
	}
	if l.opts.LettersDropped != nil {
		l.opts.LettersDropped(source, len(seqs))
	}
	if l.letters.mayLog(source) {
		l.opts.Logger.Warn("dead letters are dropped: the source has more than its share, its oldest go first; fix what sends them",
			"source", source, "share_bytes", l.letters.bytes, "share_letters", maxLetters)
	}
	dead, err := l.js.Stream(ctx, l.name(lettersStream))
	if err != nil {
		return
	}
	for _, seq := range seqs {
		_ = dead.DeleteMsg(ctx, seq) // another process may have removed it
	}
}

// letters is an account of the dead letters of every source, by the token of its subject. What another process stores is
// seen at the next start.
type letters struct {
	mu     sync.Mutex
	bytes  int64 // that a source may have
	by     map[string]*shelf
	logged map[string]time.Time
}

// shelf is one source's letters, the oldest first.
type shelf struct {
	all  []letterSize
	size int64
}

type letterSize struct {
	seq  uint64
	size int64
}

// maxLetters is how many letters a source may have.
const maxLetters = 20_000

// added notes a letter and returns those that must go, which are no longer in the account.
func (ls *letters) added(token string, seq uint64, size int64) (over []uint64) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	s := ls.by[token]
	if s == nil {
		s = &shelf{}
		ls.by[token] = s
	}
	s.all, s.size = append(s.all, letterSize{seq, size}), s.size+size
	for len(s.all) > 1 && (s.size > ls.bytes || len(s.all) > maxLetters) {
		over = append(over, s.all[0].seq)
		s.size -= s.all[0].size
		s.all = s.all[1:]
	}
	return over
}

// removed notes that a letter is gone.
func (ls *letters) removed(seq uint64) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, s := range ls.by {
		if i := slices.IndexFunc(s.all, func(k letterSize) bool { return k.seq == seq }); i >= 0 {
			s.size -= s.all[i].size
			s.all = slices.Delete(s.all, i, i+1)
			return
		}
	}
}

// mayLog allows one line per source and minute.
func (ls *letters) mayLog(source string) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if now := time.Now(); now.Sub(ls.logged[source]) > time.Minute {
		ls.logged[source] = now
		return true
	}
	return false
}

// countLetters makes the account of what is there. A source's share is such that those of all together leave a quarter of
// the stream free: what goes from the stream itself is the oldest letter of whichever source.
func (l *Log) countLetters(ctx context.Context) error {
	room := int64(deadLetterBytes)
	if dead, err := l.js.Stream(ctx, l.name(lettersStream)); err != nil {
		return err
	} else if n := dead.CachedInfo().Config.MaxBytes; n > 0 {
		room = n
	}
	l.letters = &letters{bytes: room * 3 / 4 / int64(max(l.opts.LetterSources, 1)), by: map[string]*shelf{}, logged: map[string]time.Time{}}
	over := map[string][]uint64{}
	err := l.headers(ctx, "*", 0, math.MaxInt, func(msg jetstream.Msg, seq uint64) error {
		size, _ := strconv.ParseInt(msg.Headers().Get(nats.MsgSize), 10, 64) // the server writes it
		token := msg.Subject()[strings.LastIndexByte(msg.Subject(), '.')+1:]
		if gone := l.letters.added(token, seq, size+int64(len(msg.Headers().Get(headerAbout)))); len(gone) > 0 {
			b, err := aboutLetter(msg.Headers(), seq)
			if err != nil {
				b.Source = token
			}
			over[b.Source] = append(over[b.Source], gone...)
		}
		return nil
	})
	for source, seqs := range over {
		l.dropLetters(ctx, source, seqs)
	}
	return err
}
