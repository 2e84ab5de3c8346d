package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrUnavailable is wrapped by every failure to write or read durably: the caller must answer 503 and the sender must
// try again. What was not acknowledged may or may not be on the log; what was acknowledged is.
var ErrUnavailable = errors.New("the event log cannot take a durable write now")

// Options say where the log is.
type Options struct {
	URL       string // of an external NATS; empty: a server embedded in this process
	CredsFile string // for URL
	Dir       string // where the embedded server keeps its files
	Prefix    string // first token of every subject, and of the streams' names
	Replicas  int    // of the streams on a cluster; 0 means 1
	MaxStore  int64  // bytes the embedded server may use; 0: what the disk gives
	Reserve   int64  // bytes of the disk that stay free, below which nothing is written; 0: by the size of the disk
	Logger    *slog.Logger

	LetterSources  int                                 // how many sources divide the room for dead letters; 0: 1
	LettersDropped func(source string, letters int)    // is called when a source has more than its share; nil: nothing is
	Unpack         func(request []byte) ([]byte, bool) // the request of a dead letter as text, false if not all of it can be read; nil: as it is
}

// Log is an open event log. It is safe for concurrent use.
type Log struct {
	opts    Options
	srv     *server.Server // nil for an external NATS
	conns   []*nats.Conn   // one a publishing lane, and the last for everything else
	js      jetstream.JetStream
	stream  jetstream.Stream
	lanes   *lanes
	health  health
	letters *letters
	room    *room // nil for an external NATS, as the two below
	dirs    dirs
	keeper  *keeper
}

// minServer is the first release with atomic batches.
const minServer = "2.12.0"

// lanesCount is how many batches may be under way at once: while one waits for the disk the next one fills.
const lanesCount = 2

// maxPayload holds the largest request body as a dead letter, with room for its headers.
const maxPayload = 8 << 20

// Open connects, starting the embedded server where there is no URL, and makes sure that the streams are there and
// are what the durability of the whole depends on. On any error nothing is left running.
func Open(ctx context.Context, opts Options) (*Log, error) {
	if opts.Prefix == "" || strings.ContainsAny(opts.Prefix, ".*> \t") {
		return nil, fmt.Errorf("the prefix %q must be one subject token", opts.Prefix)
	}
	opts.Replicas = max(opts.Replicas, 1)
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Log{opts: opts}
	if err := l.open(ctx); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Log) open(ctx context.Context) error {
	if l.opts.URL == "" {
		if err := l.embed(); err != nil {
			return err
		}
	}
	for range lanesCount + 1 {
		nc, err := l.connect()
		if err != nil {
			return fmt.Errorf("connect to NATS: %w", err)
		}
		l.conns = append(l.conns, nc)
	}
	nc := l.conns[lanesCount]
	if err := checkServer(nc); err != nil {
		return err
	}
	var err error
	if l.js, err = jetstream.New(nc); err != nil {
		return fmt.Errorf("open JetStream: %w", err)
	}
	for _, cfg := range l.streams() {
		s, err := l.ensure(ctx, cfg)
		if err != nil {
			return fmt.Errorf("stream %s: %w", cfg.Name, err)
		}
		if l.stream == nil {
			l.stream = s
		}
	}
	if err := l.countLetters(ctx); err != nil {
		return fmt.Errorf("count the dead letters: %w", err)
	}
	if l.opts.URL != "" && l.opts.Replicas < 3 {
		l.opts.Logger.Warn("the external NATS keeps fewer than 3 replicas: an acknowledged event survives a power cut only where its sync_interval is always",
			"replicas", l.opts.Replicas)
	}
	if l.srv != nil {
		if err := l.guard(ctx); err != nil {
			return err
		}
	}
	l.lanes, err = newLanes(l.conns[:lanesCount], l)
	return err
}

// guard watches over the embedded server's disk.
func (l *Log) guard(ctx context.Context) (err error) {
	l.room = watchRoom(l.opts.Dir, l.opts.Reserve, l.opts.Logger)
	var names []string
	for _, s := range l.streams() {
		names = append(names, s.Name)
	}
	if l.dirs, err = openDirs(l.opts.Dir, names...); err != nil {
		return fmt.Errorf("sync the folders of the log: %w", err)
	}
	return l.openMark(ctx)
}

func (l *Log) embed() error {
	room := l.opts.MaxStore
	if room == 0 {
		room = roomFor(l.opts.Dir)
	}
	srv, err := server.NewServer(&server.Options{
		ServerName:        l.opts.Prefix,
		DontListen:        true,
		NoSigs:            true,
		JetStream:         true,
		StoreDir:          l.opts.Dir,
		SyncAlways:        true,
		MaxPayload:        maxPayload,
		JetStreamMaxStore: room,
	})
	if err != nil {
		return fmt.Errorf("embedded NATS: %w", err)
	}
	srv.SetLoggerV2(serverLog{l.opts.Logger}, false, false, false)
	l.srv = srv
	srv.Start()
	if !srv.ReadyForConnections(time.Minute) {
		return errors.New("embedded NATS: not ready after a minute")
	}
	if !srv.JetStreamEnabled() {
		return fmt.Errorf("embedded NATS: JetStream did not start in %s; the log says why", l.opts.Dir)
	}
	return nil
}

func (l *Log) connect() (*nats.Conn, error) {
	options := []nats.Option{
		nats.Name("tracklayer"), nats.MaxReconnects(-1), nats.ReconnectWait(500 * time.Millisecond),
		nats.ReconnectBufSize(-1), // what cannot be sent now is an error now, not a surprise later
	}
	if l.srv != nil {
		return nats.Connect("", append(options, nats.InProcessServer(l.srv))...)
	}
	if l.opts.CredsFile != "" {
		options = append(options, nats.UserCredentials(l.opts.CredsFile))
	}
	return nats.Connect(l.opts.URL, options...)
}

func checkServer(nc *nats.Conn) error {
	if v := nc.ConnectedServerVersion(); !atLeast(v, minServer) {
		return fmt.Errorf("NATS server %s has no atomic batch publish; %s or later is needed", v, minServer)
	}
	if n := nc.MaxPayload(); n < 1<<20 {
		return fmt.Errorf("NATS max_payload is %d bytes; at least 1 MiB is needed, %d for dead letters of full size", n, maxPayload)
	}
	return nil
}

// atLeast compares the three numbers of two versions.
func atLeast(have, want string) bool {
	numbers := func(v string) (n [3]int) {
		v, _, _ = strings.Cut(strings.TrimPrefix(v, "v"), "-")
		for i, part := range strings.SplitN(v, ".", 3) {
			n[i], _ = strconv.Atoi(part) // a part that is no number counts as 0
		}
		return n
	}
	h, w := numbers(have), numbers(want)
	for i := range h {
		if h[i] != w[i] {
			return h[i] > w[i]
		}
	}
	return true
}

// The streams, as they are called after the prefix.
const (
	eventsStream  = "EVENTS"
	lettersStream = "DEADLETTERS"
	probeStream   = "PROBE"
)

func (l *Log) name(suffix string) string { return strings.ToUpper(l.opts.Prefix) + "_" + suffix }

// streams are the three streams, the events' first. No message carries an id of NATS's: its window of duplicates costs
// memory, forgets, and keeps the first body in silence, so lasting dedup is the core's work.
func (l *Log) streams() []jetstream.StreamConfig {
	base := jetstream.StreamConfig{
		Storage:    jetstream.FileStorage,
		Retention:  jetstream.LimitsPolicy,
		Discard:    jetstream.DiscardNew, // a full log refuses; it never forgets
		Replicas:   l.opts.Replicas,
		Duplicates: 100 * time.Millisecond,
	}
	events, dead, probe := base, base, base
	events.Name, events.Subjects = l.name(eventsStream), []string{l.opts.Prefix + ".v1.>"}
	events.Description = "the event log: every accepted event and every definition"
	events.AllowAtomicPublish, events.AllowDirect = true, true
	dead.Name, dead.Subjects = l.name(lettersStream), []string{l.opts.Prefix + ".deadletter.v1.*"}
	dead.Description = "requests that could not be decoded, as they came"
	dead.Discard, dead.MaxBytes, dead.MaxAge, dead.AllowDirect = jetstream.DiscardOld, deadLetterBytes, 90*24*time.Hour, true
	probe.Name, probe.Subjects = l.name(probeStream), []string{l.opts.Prefix + ".probe"}
	probe.Description = "asks the disk whether it still takes writes"
	probe.MaxMsgs, probe.Discard = 1, jetstream.DiscardOld
	return []jetstream.StreamConfig{events, dead, probe}
}

// deadLetterBytes bounds what broken senders can make us keep.
const deadLetterBytes = 1 << 30

// ensure creates the stream, or checks that the one there is fit.
func (l *Log) ensure(ctx context.Context, want jetstream.StreamConfig) (jetstream.Stream, error) {
	if l.srv != nil { // the server reserves what a stream may use, and a small disk has room for the events first
		want.MaxBytes = min(want.MaxBytes, l.srv.JetStreamConfig().MaxStore/8)
	}
	s, err := l.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return l.js.CreateStream(ctx, want)
	}
	if err != nil {
		return nil, err
	}
	have := s.CachedInfo().Config
	if faults := unfit(have, want); len(faults) > 0 {
		return nil, fmt.Errorf("is not fit for an event log: %s; fix it with `nats stream edit`, or use another prefix", strings.Join(faults, "; "))
	}
	return s, nil
}

// unfit says in which settings a stream would lose or refuse events.
func unfit(have, want jetstream.StreamConfig) (faults []string) {
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	check(have.Storage == jetstream.FileStorage, "storage must be file")
	check(have.Retention == jetstream.LimitsPolicy, "retention must be limits")
	check(strings.Join(have.Subjects, " ") == strings.Join(want.Subjects, " "), "subjects must be %v, are %v", want.Subjects, have.Subjects)
	check(have.Replicas >= want.Replicas, "replicas must be at least %d, are %d", want.Replicas, have.Replicas)
	if want.AllowAtomicPublish {
		check(have.AllowAtomicPublish, "allow_atomic must be on")
		check(have.Discard == jetstream.DiscardNew, "discard must be new, or old events are forgotten in silence")
		check(have.MaxAge == 0 && have.MaxMsgs <= 0 && have.MaxMsgsPerSubject <= 0, "max_age, max_msgs and max_msgs_per_subject must be unlimited")
		check(!have.NoAck && !have.Sealed, "no_ack and sealed must be off")
	}
	return faults
}

// Close stops taking publishes, lets those under way end, and closes the connections and the embedded server.
func (l *Log) Close() {
	if l.lanes != nil {
		l.lanes.close()
	}
	l.keeper.close()
	l.room.close()
	for _, nc := range l.conns {
		nc.Close()
	}
	if l.srv != nil {
		l.srv.Shutdown()
		l.srv.WaitForShutdown()
	}
}

// LastSeq is the sequence of the newest message on the log, 0 where it is empty.
func (l *Log) LastSeq(ctx context.Context) (uint64, error) {
	info, err := l.stream.Info(ctx)
	if err != nil {
		return 0, unavailable(err)
	}
	return info.State.LastSeq, nil
}

func unavailable(err error) error {
	if outOfFiles() {
		return &filesError{err}
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// serverLog hands the embedded server's warnings and errors to slog; its chatter stays silent.
type serverLog struct{ log *slog.Logger }

func (s serverLog) Noticef(format string, v ...any) {
	s.log.Debug("nats", "message", fmt.Sprintf(format, v...))
}
func (s serverLog) Debugf(string, ...any) {}
func (s serverLog) Tracef(string, ...any) {}
func (s serverLog) Warnf(format string, v ...any) {
	s.log.Warn("nats", "message", fmt.Sprintf(format, v...))
}

func (s serverLog) Errorf(format string, v ...any) {
	s.log.Error("nats", "message", fmt.Sprintf(format, v...))
}

func (s serverLog) Fatalf(format string, v ...any) {
	s.log.Error("nats", "message", fmt.Sprintf(format, v...))
}
