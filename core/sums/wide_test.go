package sums_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/core/sums"
)

// TestWideIntegersAreReadAsTheyWere holds them to their shortened form.
func TestWideIntegersAreReadAsTheyWere(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var words [4]uint64
		for i := range words {
			words[i] = rapid.SampledFrom([]uint64{0, 1, 0x7f, 0x80, 0xff, 1 << 63, ^uint64(0)}).Draw(rt, "word")
		}
		b := sums.EncodeWide(sums.Wide(words))
		got, rest, ok := sums.DecodeWide(append(bytes.Clone(b), 1))
		if !ok || got != sums.Wide(words) || rest != 1 {
			rt.Fatalf("%x became %x: %x", words, b, got)
		}
	})
}
