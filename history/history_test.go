package history

import (
	"slices"
	"testing"
)

// TestSuperfluousCopies: of copies that come at even distances the newest stays, and the gaps grow with the age.
func TestSuperfluousCopies(t *testing.T) {
	var kept []uint64
	for seq := uint64(1); seq <= 1000; seq++ {
		if kept = append(kept, seq); len(kept) > 6 {
			i := superfluous(kept)
			kept = slices.Delete(kept, i, i+1)
		}
		if kept[len(kept)-1] != seq {
			t.Fatalf("the newest is gone: %v", kept)
		}
	}
	widest := uint64(0)
	for i := len(kept) - 1; i > 0; i-- {
		gap := kept[i] - kept[i-1]
		if 2*gap < widest {
			t.Errorf("a newer gap is far wider than an older one: %v", kept)
		}
		widest = max(widest, gap)
	}
	if kept[0] > 600 || widest < 100 {
		t.Errorf("the distant past is gone: %v", kept)
	}
	if superfluous([]uint64{9}) != 0 {
		t.Error("the only one")
	}
}
