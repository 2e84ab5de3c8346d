package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestReadoutAsText: what a terminal shows of a readout is what it says.
func TestReadoutAsText(t *testing.T) {
	for file, words := range map[string][]string{
		"effect.json": {
			"\nb increased purchase from 10.0% to 15.8%: +58.4% (95% interval +25.4% to +100.1%)",
			"purchase, matured users, which the decision is based on (window 168h, first exposed through 2026-11-22)",
			"always valid", "+11.09 … +134.38 %", "decision: eligible_for_review\n  plan 1, frozen at ", ": 100 matured users per variant, 7 days, threshold 0.9, expected loss at most 1 %",
			"read first: credible_interval: The planned end is reached",
		},
		"money_few.json": {
			"\nStill running: day 0 of 7, 0 of 100 matured users", "(window 168h, no user yet)", "read first: sequential_interval",
			"  min_days: At least 7 days", "    next step: Keep it running in full weeks.", " Expected on 2026-11-27.",
		},
	} {
		body, err := os.ReadFile("../../readout/testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := printReadout(&out, body); err != nil {
			t.Fatal(err)
		}
		for _, w := range words {
			if !strings.Contains(out.String(), w) {
				t.Errorf("%s does not say %q:\n%s", file, w, &out)
			}
		}
	}
	if err := printReadout(&bytes.Buffer{}, []byte("[]")); err == nil {
		t.Error("a list is no readout")
	}
}
