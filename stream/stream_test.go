package stream_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/stream"
)

func open(t testing.TB, opts stream.Options) *stream.Log {
	t.Helper()
	if opts.Dir == "" && opts.URL == "" {
		opts.Dir = t.TempDir()
	}
	if opts.Prefix == "" {
		opts.Prefix = "tl"
	}
	l, err := stream.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func exposure(i int) canonical.Event {
	return canonical.Event{
		Kind: canonical.Exposed, ID: "e-" + strconv.Itoa(i), Source: "api", SchemaVersion: 1, ExperimentID: "checkout-redesign", Variant: "control",
		UserID: "user-" + strconv.Itoa(i), At: 1795339273031, ReceivedAt: 1795339273032,
	}
}

func exposures(from, n int) []canonical.Event {
	events := make([]canonical.Event, n)
	for i := range events {
		events[i] = exposure(from + i)
	}
	return events
}

// drain reads the log until n records came.
func drain(t testing.TB, l *stream.Log, from uint64, n int) []canonical.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var got []canonical.Record
	err := l.Consume(ctx, from, 500, func(batch []canonical.Record) error {
		if got = append(got, batch...); len(got) >= n {
			cancel()
		}
		return nil
	})
	if err != nil || len(got) < n {
		t.Fatalf("read %d of %d records: %v", len(got), n, err)
	}
	return got
}

func TestEveryAcknowledgedEventIsOnTheLogOnceAndWhole(t *testing.T) {
	l := open(t, stream.Options{})
	sizes := []int{1, 1, 2, 7, 100, 999, 1000, 1001, 2500}
	var group sync.WaitGroup
	var mu sync.Mutex
	ack := map[string]uint64{} // the newest event of a request -> the sequence it was told
	next := 0
	for round := range 3 {
		for _, n := range sizes {
			from := next
			next += n
			group.Add(1)
			go func() {
				defer group.Done()
				seq, err := l.Publish(t.Context(), exposures(from, n))
				if err != nil {
					t.Errorf("round %d, %d events: %v", round, n, err)
					return
				}
				mu.Lock()
				ack["e-"+strconv.Itoa(from+n-1)] = seq
				mu.Unlock()
			}()
		}
	}
	group.Wait()
	seen := map[string]uint64{}
	for i, r := range drain(t, l, 1, next) {
		if r.Err != nil || r.Seq != uint64(i+1) {
			t.Fatalf("record %d: %+v", i, r)
		}
		if seen[r.Event.ID] != 0 {
			t.Fatalf("%s is on the log twice", r.Event.ID)
		}
		seen[r.Event.ID] = r.Seq
	}
	if len(seen) != next {
		t.Fatalf("%d events on the log, want %d", len(seen), next)
	}
	for id, seq := range ack {
		if seen[id] > seq || seq == 0 {
			t.Errorf("%s lies at %d, beyond the %d that was acknowledged", id, seen[id], seq)
		}
	}
}

func TestEventsSurviveAReopen(t *testing.T) {
	dir := t.TempDir()
	l := open(t, stream.Options{Dir: dir})
	if _, err := l.Publish(t.Context(), exposures(0, 250)); err != nil {
		t.Fatal(err)
	}
	l.Close()
	l = open(t, stream.Options{Dir: dir})
	if seq, err := l.LastSeq(t.Context()); err != nil || seq != 250 {
		t.Fatalf("after a reopen the log ends at %d (%v)", seq, err)
	}
	if got := drain(t, l, 201, 50); got[0].Seq != 201 || got[0].Event.ID != "e-200" {
		t.Fatalf("from 201: %+v", got[0])
	}
}

func TestDefinitionsComeInOrderAmongEvents(t *testing.T) {
	l := open(t, stream.Options{})
	if _, err := l.Publish(t.Context(), exposures(0, 2)); err != nil {
		t.Fatal(err)
	}
	seq, err := l.PublishDefinition(t.Context(), "a.b *", 0, []byte(`{"revision":1}`))
	if err != nil || seq != 3 {
		t.Fatalf("definition at %d: %v", seq, err)
	}
	if _, err := l.PublishDefinition(t.Context(), "a.b *", 0, []byte(`{"revision":1}`)); !errors.Is(err, stream.ErrChanged) {
		t.Fatalf("two editors at once: %v", err)
	}
	if seq, err = l.PublishDefinition(t.Context(), "a.b *", seq, []byte(`{"revision":2}`)); err != nil || seq != 4 {
		t.Fatalf("the next revision at %d: %v", seq, err)
	}
	if seq, err = l.PublishFilters(t.Context(), 0, []byte(`{"filters":{}}`)); err != nil || seq != 5 {
		t.Fatalf("filters at %d: %v", seq, err)
	}
	if _, err := l.PublishFilters(t.Context(), 0, []byte(`{"filters":{}}`)); !errors.Is(err, stream.ErrChanged) {
		t.Fatalf("two editors of the filters at once: %v", err)
	}
	got := drain(t, l, 1, 5)
	if string(got[4].Definition) != `{"filters":{}}` {
		t.Fatalf("filters %+v", got[4])
	}
	if string(got[2].Definition) != `{"revision":1}` || string(got[3].Definition) != `{"revision":2}` || got[1].Definition != nil {
		t.Fatalf("records %+v", got)
	}
}

// TestAFullLogRefusesAndLosesNothing fills the room the server may use. Everything acknowledged must be there, and
// readiness must say what is wrong.
func TestAFullLogRefusesAndLosesNothing(t *testing.T) {
	l := open(t, stream.Options{MaxStore: 4 << 20})
	acked := 0
	var err error
	for i := 0; i < 1000; i++ {
		if _, err = l.Publish(t.Context(), exposures(i*100, 100)); err != nil {
			break
		}
		acked += 100
	}
	if !errors.Is(err, stream.ErrUnavailable) || acked == 0 {
		t.Fatalf("after %d events: %v", acked, err)
	}
	if err := l.Ready(t.Context()); !errors.Is(err, stream.ErrUnavailable) {
		t.Fatalf("ready on a full disk: %v", err)
	}
	for i, r := range drain(t, l, 1, acked)[:acked] {
		if want := "e-" + strconv.Itoa(i); r.Event.ID != want {
			t.Fatalf("record %d is %s, want %s", i, r.Event.ID, want)
		}
	}
}

func TestAWatchedQueueNeverGrowsWithoutEnd(t *testing.T) {
	l := open(t, stream.Options{})
	var busy, stored atomic.Int64
	var group sync.WaitGroup
	for i := range 200 {
		group.Add(1)
		go func() {
			defer group.Done()
			switch _, err := l.Publish(t.Context(), exposures(i*1000, 1000)); {
			case errors.Is(err, stream.ErrUnavailable):
				busy.Add(1)
			case err != nil:
				t.Error(err)
			default:
				stored.Add(1000)
			}
		}()
	}
	group.Wait()
	if busy.Load() == 0 || stored.Load() == 0 {
		t.Fatalf("200,000 events at once: %d requests told to wait, %d events stored", busy.Load(), stored.Load())
	}
	if seq, err := l.LastSeq(t.Context()); err != nil || int64(seq) != stored.Load() {
		t.Fatalf("%d on the log, %d acknowledged (%v)", seq, stored.Load(), err)
	}
}

func TestExternalServer(t *testing.T) {
	srv, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	defer srv.Shutdown()
	if !srv.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server did not start")
	}
	l := open(t, stream.Options{URL: srv.ClientURL()})
	if _, err := l.Publish(t.Context(), exposures(0, 10)); err != nil {
		t.Fatal(err)
	}
	if got := drain(t, l, 1, 10); got[9].Event.ID != "e-9" {
		t.Fatalf("%+v", got[9])
	}

	nc, err := nats.Connect(srv.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "BAD_EVENTS", Subjects: []string{"bad.v1.>"}, Storage: jetstream.MemoryStorage, MaxAge: time.Hour,
	}); err != nil {
		t.Fatal(err)
	}
	_, err = stream.Open(t.Context(), stream.Options{URL: srv.ClientURL(), Prefix: "bad"})
	if err == nil {
		t.Fatal("a stream in memory that forgets after an hour was taken for a log")
	}
	for _, fault := range []string{"storage must be file", "allow_atomic must be on", "discard must be new", "max_age"} {
		if !strings.Contains(err.Error(), fault) {
			t.Errorf("%q does not say %q", err, fault)
		}
	}

	srv.Shutdown()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := l.Publish(ctx, exposures(10, 5)); !errors.Is(err, stream.ErrUnavailable) {
		t.Fatalf("publish to a dead server: %v", err)
	}
	if err := l.Ready(ctx); !errors.Is(err, stream.ErrUnavailable) {
		t.Fatalf("ready with a dead server: %v", err)
	}
}

// BenchmarkPublish is events a second through the group commit, by clients and events a request.
func BenchmarkPublish(b *testing.B) {
	for _, c := range []struct{ clients, batch int }{{1, 1}, {1, 2}, {1, 3}, {1, 5}, {1, 10}, {1, 100}, {8, 1}, {8, 100}, {64, 1}, {64, 100}, {2, 1000}, {4, 1000}} {
		b.Run(fmt.Sprintf("clients=%d/batch=%d", c.clients, c.batch), func(b *testing.B) {
			l := open(b, stream.Options{})
			events := exposures(0, c.batch)
			var left atomic.Int64
			left.Store(int64(b.N))
			var group sync.WaitGroup
			b.ResetTimer()
			for range c.clients {
				group.Add(1)
				go func() {
					defer group.Done()
					for left.Add(-int64(c.batch)) > -int64(c.batch) {
						if _, err := l.Publish(b.Context(), events); err != nil {
							b.Error(err)
							return
						}
					}
				}()
			}
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// TestTheLimitCountsWhatIsThere: a restart on a disk that the log fills to a good part must not refuse events.
func TestTheLimitCountsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	l := open(t, stream.Options{Dir: dir})
	if _, err := l.Publish(t.Context(), exposures(0, 5000)); err != nil {
		t.Fatal(err)
	}
	first := l.Room()
	l.Close()
	l = open(t, stream.Options{Dir: dir})
	if again := l.Room(); first == 0 || float64(again) < 0.5*float64(first) {
		t.Fatalf("the log may take %d bytes after a restart, %d before", again, first)
	}
}
