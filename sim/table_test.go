package sim_test

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/readout"
)

// group is a table of scenarios that are read in the same way.
type group struct {
	title     string
	scenarios []scenario
	outcomes  [][]outcome
	columns   []column
}

// column is a figure of a scenario.
type column struct {
	head string
	cell func(*scenario, []outcome) string
}

// share is how many of all outcomes are so.
func share(all []outcome, is func(*outcome) bool) float64 {
	n := 0
	for i := range all {
		if is(&all[i]) {
			n++
		}
	}
	return float64(n) / float64(len(all))
}

// percentage is a share with its standard error, in per cent.
func percentage(p float64, n int) string {
	return fmt.Sprintf("%.1f ± %.1f", 100*p, 100*math.Sqrt(p*(1-p)/float64(n)))
}

// shareOf is a column of shares.
func shareOf(head string, is func(*scenario, *outcome) bool) column {
	return column{head, func(s *scenario, all []outcome) string {
		return percentage(share(all, func(o *outcome) bool { return is(s, o) }), len(all))
	}}
}

// meanDay is a column of means over the outcomes in which it happened.
func meanDay(head string, when func(*outcome) int) column {
	return column{head, func(_ *scenario, all []outcome) string {
		sum, n := 0, 0
		for i := range all {
			if d := when(&all[i]); d > 0 {
				sum, n = sum+d, n+1
			}
		}
		if n == 0 {
			return "-"
		}
		return fmt.Sprintf("%.1f", float64(sum)/float64(n))
	}}
}

var experiments = column{"experiments", func(_ *scenario, all []outcome) string { return fmt.Sprint(len(all)) }}

func ever(_ *scenario, o *outcome) bool      { return o.eligible > 0 }
func naive(_ *scenario, o *outcome) bool     { return o.naive > 0 }
func won(_ *scenario, o *outcome) bool       { return o.win > 0 }
func harmed(_ *scenario, o *outcome) bool    { return o.harm > 0 }
func unhealthy(_ *scenario, o *outcome) bool { return o.unhealthy > 0 }

// found reports whether a variant was eligible that is better than the control, or one that is not.
func found(better bool) func(*scenario, *outcome) bool {
	return func(s *scenario, o *outcome) bool {
		return o.eligible > 0 && slices.Contains(s.right(), o.leader) == better
	}
}

func noEffectColumns() []column {
	return []column{
		experiments,
		shareOf("eligible by the planned end", func(_ *scenario, o *outcome) bool { return o.inTime }),
		shareOf("eligible at any look", ever),
		shareOf("P ≥ 0.9 at the last look", func(_ *scenario, o *outcome) bool { return o.naiveOnce }),
		shareOf("P ≥ 0.9 at any look", naive),
		shareOf("the same, of matured users", func(_ *scenario, o *outcome) bool { return o.matured > 0 }),
		shareOf("marker of a win", won),
		shareOf("marker of harm", harmed),
		shareOf("unhealthy", unhealthy),
	}
}

func effectColumns() []column {
	return []column{
		experiments,
		shareOf("eligible, and better", found(true)),
		shareOf("eligible, and not better", found(false)),
		meanDay("mean day", func(o *outcome) int { return o.eligible }),
		shareOf("marker of a win", won),
		shareOf("marker of harm", harmed),
		shareOf("drift warned of on day 28", func(_ *scenario, o *outcome) bool { return o.drifts }),
		shareOf("held back by drift alone", func(_ *scenario, o *outcome) bool { return o.drifted > 0 }),
		shareOf("unhealthy", unhealthy),
	}
}

func faultColumns() []column {
	first := func(check string) column {
		return shareOf("first by `"+check+"`", func(_ *scenario, o *outcome) bool { return o.failed == check })
	}
	return []column{
		experiments,
		shareOf("unhealthy on some day", unhealthy),
		shareOf("unhealthy on day 28", func(_ *scenario, o *outcome) bool { return o.status == readout.Unhealthy }),
		meanDay("mean first day", func(o *outcome) int { return o.unhealthy }),
		first("sample_ratio_mismatch"), first("sample_ratio_by_day"), first("crossover"),
		shareOf("eligible at any look", ever),
	}
}

func blockerColumns() []column {
	plain := func(head string, is func(*outcome) bool) column {
		return column{head, func(_ *scenario, all []outcome) string { return fmt.Sprintf("%.1f", 100*share(all, is)) }}
	}
	all := []column{plain("eligible", func(o *outcome) bool { return o.status == readout.EligibleForReview })}
	for _, name := range []string{"min_units_per_variant", "min_conversions", "threshold", "max_expected_loss", "planned_look", "stability", "guardrail"} {
		all = append(all, plain("`"+name+"`", func(o *outcome) bool { return slices.Contains(o.blockers, name) }))
	}
	return append(all, plain("a failed check", func(o *outcome) bool { return o.status == readout.Unhealthy }))
}

// markdown is the group as a table.
func (g *group) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n| scenario |", g.title)
	for _, c := range g.columns {
		fmt.Fprintf(&b, " %s |", c.head)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" ---: |", len(g.columns)) + "\n")
	for i := range g.scenarios {
		fmt.Fprintf(&b, "| `%s` |", g.scenarios[i].name)
		for _, c := range g.columns {
			fmt.Fprintf(&b, " %s |", c.cell(&g.scenarios[i], g.outcomes[i]))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// legend says what the scenarios are.
func legend(groups []group) string {
	var b strings.Builder
	b.WriteString("| scenario | what happens |\n| --- | --- |\n")
	for _, g := range groups {
		for _, s := range g.scenarios {
			fmt.Fprintf(&b, "| `%s` | %s |\n", s.name, s.about)
		}
	}
	return b.String()
}

// report is all tables: each group, and what stood in the way on the last day in all of them.
func report(groups []group) string {
	last := group{title: "What stood in the way on day 28", columns: blockerColumns()}
	parts := []string{legend(groups)}
	for i := range groups {
		parts = append(parts, groups[i].markdown())
		last.scenarios = append(last.scenarios, groups[i].scenarios...)
		last.outcomes = append(last.outcomes, groups[i].outcomes...)
	}
	return strings.Join(append(parts, last.markdown()), "\n")
}
