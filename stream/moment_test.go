package stream_test

import (
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/stream"
)

// TestSeqAt compares the search with a look at every message, across definitions in between and gaps that erasing left.
func TestSeqAt(t *testing.T) {
	l := open(t, stream.Options{})
	if seq, err := l.SeqAt(t.Context(), 1<<40); err != nil || seq != 0 {
		t.Errorf("an empty log: %d %v", seq, err)
	}
	received := map[uint64]canonical.Time{}
	var last, definitions uint64
	publish := func(n int, at canonical.Time) {
		t.Helper()
		events := exposures(int(last), n)
		for i := range events {
			events[i].ReceivedAt = at
		}
		seq, err := l.Publish(t.Context(), events)
		if err != nil {
			t.Fatal(err)
		}
		for i := range uint64(n) {
			received[seq-i] = at
		}
		last = seq
	}
	for hour := range canonical.Time(8) {
		publish(1+int(hour)*3, 1_000_000+hour*3_600_000)
		if hour%3 == 0 {
			seq, err := l.PublishDefinition(t.Context(), "x", definitions, []byte(`{}`))
			if err != nil {
				t.Fatal(err)
			}
			last, definitions = seq, seq
		}
	}
	erased := []uint64{1, 7, 8, 9, last - 1}
	if err := l.Erase(t.Context(), erased); err != nil {
		t.Fatal(err)
	}
	for _, seq := range erased {
		delete(received, seq)
	}
	for hour := range canonical.Time(9) {
		for _, beside := range []canonical.Time{-1, 0, 1} {
			at := 1_000_000 + hour*3_600_000 + beside
			first := last + 1 // of what was received later
			for seq, when := range received {
				if when > at {
					first = min(first, seq)
				}
			}
			got, err := l.SeqAt(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			later, before := false, first-1
			for seq := got + 1; seq < first; seq++ { // only what is no event may lie between
				_, event := received[seq]
				later = later || event
			}
			if got > before || later {
				t.Errorf("at %d: %d, the first later event is %d", at, got, first)
			}
		}
	}
}
