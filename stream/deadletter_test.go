package stream_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/stream"
)

// TestAFloodDropsItsOwnLettersOnly: the letters of one source never cost another one its own, and a restart keeps the account.
func TestAFloodDropsItsOwnLettersOnly(t *testing.T) {
	dropped := map[string]int{}
	opts := stream.Options{
		Dir: t.TempDir(), MaxStore: 256 << 20, LetterSources: 4, // 6 MiB a source
		LettersDropped: func(source string, n int) { dropped[source] += n },
	}
	l := open(t, opts)
	letter := func(source string, size int) {
		t.Helper()
		if err := l.StoreDeadLetter(t.Context(), canonical.DeadLetter{Source: source, Reason: "r", Request: bytes.Repeat([]byte("x"), size)}); err != nil {
			t.Fatal(err)
		}
	}
	numbers := func(source string) (seqs []uint64) {
		t.Helper()
		found, err := l.DeadLetters(t.Context(), source, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if f.Source != source || f.Reason != "r" || f.Request != nil {
				t.Errorf("%+v", f)
			}
			seqs = append(seqs, f.Seq)
		}
		return seqs
	}
	letter("shop", 1000)
	letter("shop", 1000)
	for range 20 {
		letter("flood", 2<<20) // cut to 1 MiB
	}
	if got := numbers("shop"); !slices.Equal(got, []uint64{1, 2}) {
		t.Errorf("the other source has %v", got)
	}
	kept := numbers("flood")
	if len(kept) != 5 || kept[4] != 22 || dropped["flood"] != 15 || dropped["shop"] != 0 {
		t.Errorf("the flood has %v, dropped %v", kept, dropped)
	}
	if one, err := l.DeadLetter(t.Context(), 22); err != nil || !one.Cut || len(one.Request) != 1<<20 {
		t.Errorf("a letter of 2 MiB: %v, %d bytes, %v", one.Cut, len(one.Request), err)
	}
	if erased, doubts, err := l.EraseDeadLetters(t.Context(), [][]byte{[]byte("nobody")}, nil); err != nil || erased != 0 || doubts != 5 {
		t.Errorf("letters that are cut cannot be searched: %d erased, %d to review, %v", erased, doubts, err)
	}
	l.Close()
	l = open(t, opts)
	letter("flood", 1<<20)
	if again := numbers("flood"); len(again) != 5 || again[4] != 23 || len(numbers("shop")) != 2 {
		t.Errorf("after a restart: %v", again)
	}
}
