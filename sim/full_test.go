//go:build sim

package sim_test

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"
)

// claimed are the experiments of the scenario that the claim is judged by first: at 11 % a standard error of 0.5 points.
// The others have a share of them, in tenths.
const claimed = 4000

var (
	update = flag.Bool("update", false, "rewrite the tables of docs/simulation.md")
	count  = flag.Int("experiments", claimed, "of the first scenario; the others have a share of it, and with few of them chance alone may break the claim")
)

const (
	begin = "<!-- tables: make sim -->\n"
	end   = "<!-- end of the tables -->\n"
	most  = 0.11 // the claim
)

// TestSimulation is the claim: without an effect at most 11 % of the experiments are ever eligible for review, though
// a reader looks every day, and goes on after the planned end. The tables of the page are what it finds, to the digit.
func TestSimulation(t *testing.T) {
	groups := groupsOf(t)
	for i := range groups {
		for _, s := range groups[i].scenarios {
			began := time.Now()
			outcomes := s.run(t, max(1, *count*s.tenths/10))
			groups[i].outcomes = append(groups[i].outcomes, outcomes)
			t.Logf("%s: %d experiments in %s", s.name, len(outcomes), time.Since(began).Round(time.Second))
		}
	}
	for i, s := range groups[0].scenarios {
		all := groups[0].outcomes[i]
		if p := share(all, func(o *outcome) bool { return o.eligible > 0 }); p > most {
			t.Errorf("%s: %s %% were eligible at one of the looks without an effect", s.name, percentage(p, len(all)))
		}
	}
	compare(t, report(groups))
}

// compare holds the tables against those of the page, where the numbers of experiments are the same.
func compare(t *testing.T, tables string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	old, after, closed := strings.Cut(rest, end)
	switch {
	case !ok || !closed:
		t.Fatalf("%s has no place for the tables, between %q and %q", page, begin, end)
	case *update:
		if err := os.WriteFile(page, []byte(before+begin+"\n"+tables+"\n"+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
	case *count != claimed:
		t.Logf("not compared with %s, which has %d experiments of the claim:\n%s", page, claimed, tables)
	case old != "\n"+tables+"\n":
		t.Errorf("%s has other tables; see what changed, then run with -update. Now they are:\n%s", page, tables)
	}
}
