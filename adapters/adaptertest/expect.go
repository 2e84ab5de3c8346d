package adaptertest

import (
	"encoding/json"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
)

// Expectations compares what an adapter makes of recorded requests with what was noted down when they were recorded, which is
// independent of the want sections. It decodes every golden of a folder that has a section expect, reads that section into a W and
// calls compare. It fails if there are fewer than least of them.
func Expectations[W any](t *testing.T, a adapters.Adapter, dir string, least int, compare func(t *testing.T, name string, want W, b adapters.Batch, err error)) {
	t.Helper()
	compared := 0
	for _, g := range Goldens(t, dir) {
		text := g.Section("expect")
		if text == nil {
			continue
		}
		compared++
		t.Run(g.Name, func(t *testing.T) {
			var want W
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			b, err := g.Decode(a)
			compare(t, g.Name, want, b, err)
		})
	}
	if compared < least {
		t.Errorf("only %d requests have expectations, want %d", compared, least)
	}
}

// OfKind are the events of a kind, in the order of the batch.
func OfKind(b adapters.Batch, k canonical.Kind) []canonical.Event {
	var found []canonical.Event
	for _, e := range b.Events {
		if e.Kind == k {
			found = append(found, e.Event)
		}
	}
	return found
}

// SameAgain checks that a batch that was sent again is the same events, which have ids of their own.
func SameAgain(t *testing.T, first, again adapters.Batch) {
	t.Helper()
	if len(first.Events) == 0 || len(first.Events) != len(again.Events) {
		t.Fatalf("%d events, then %d", len(first.Events), len(again.Events))
	}
	for i := range first.Events {
		if a, b := first.Events[i].AppendBody(nil), again.Events[i].AppendBody(nil); string(a) != string(b) || first.Events[i].ID == "" {
			t.Errorf("sent again it is\n%s\nafter\n%s", b, a)
		}
	}
}
