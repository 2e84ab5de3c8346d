package stream_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/stream"
)

// TestReplay: exactly the messages that are still there come, and then it returns, whatever was erased.
func TestReplay(t *testing.T) {
	srv, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(srv.Shutdown)
	if !srv.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not start")
	}
	l := open(t, stream.Options{URL: srv.ClientURL()})
	if _, err := l.Publish(t.Context(), exposures(0, 20)); err != nil {
		t.Fatal(err)
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
	events, err := js.Stream(t.Context(), "TL_EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	for _, seq := range []uint64{5, 10, 11, 19, 20} {
		if err := events.DeleteMsg(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		from, to uint64
		n        int
		last     uint64
	}{{1, 4, 4, 4}, {0, 5, 4, 4}, {1, 10, 8, 9}, {10, 11, 0, 0}, {10, 12, 1, 12}, {1, 20, 15, 18}, {19, 20, 0, 0}, {21, 30, 0, 0}} {
		for _, limit := range []int{1, 3, 500} {
			n, last := 0, uint64(0)
			err := l.Replay(t.Context(), c.from, c.to, limit, func(records []canonical.Record) error {
				n, last = n+len(records), records[len(records)-1].Seq
				return nil
			})
			if err != nil || n != c.n || last != c.last {
				t.Errorf("%d to %d by %d: %d records up to %d, %v", c.from, c.to, limit, n, last, err)
			}
		}
	}
	enough := errors.New("enough")
	if err := l.Replay(t.Context(), 1, 9, 2, func([]canonical.Record) error { return enough }); !errors.Is(err, enough) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = l.Replay(ctx, 1, 9, 1, func([]canonical.Record) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Error("cut off, and taken for whole:", err)
	}
}
