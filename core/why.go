package core

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/registry"
)

// why says in one sentence how a conversion came to its status in a run.
func why(r person.Rules, experiment string, v *person.Run, d *person.Verdict, word string) string {
	switch d.Status {
	case person.Duplicate:
		return whyDuplicate(d.Event, d.Kept)
	case person.WaitingAdjustment:
		return fmt.Sprintf("waiting adjustment: no %s with the dedup key %s has arrived; its value counts as soon as one does", d.Event.ConversionEvent, d.Event.Adjusts)
	case person.NoExposure:
		return "no exposure: it names this experiment, and the person has no exposure in any run of it; it counts as soon as one arrives"
	case person.UnknownVariant:
		labels := make([]string, 0, len(v.Unknown))
		for _, a := range v.Unknown {
			labels = append(labels, fmt.Sprintf("%q", a.Variant))
		}
		return "unknown variant: the person met only " + strings.Join(labels, ", ") + ", which the registry does not know"
	}
	return whyInTime(r, experiment, v, d, word)
}

// whyInTime is about statuses that depend on when the conversion was.
func whyInTime(r person.Rules, experiment string, v *person.Run, d *person.Verdict, word string) string {
	first, at := v.First(), d.Lead().At
	after := spell(at-first.At) + " after the first exposure at " + first.At.String()
	switch d.Status {
	case person.BeforeExposure:
		if at == first.At {
			return "before the exposure: at the time of the first exposure, and before it in the same request"
		}
		return fmt.Sprintf("before the exposure: %s before the first exposure at %s", spell(first.At-at), first.At)
	case person.AfterRun:
		var run registry.Run
		if x, ok := r.Get(experiment); ok {
			run, _ = x.Run(v.Run)
		}
		return fmt.Sprintf("after the run: %s after run %d ended at %s", spell(at-run.EndedAt), v.Run, run.EndedAt)
	case person.OutsideWindow:
		return "outside the window: " + after + "; the window is " + windows(r, experiment, d)
	}
	counted := after + ", within " + windows(r, experiment, d)
	if d.Adjusted != nil {
		counted = fmt.Sprintf("adjusts event %s from %s, which was %s", d.Adjusted.ID, d.Adjusted.Source, counted)
	}
	switch word {
	case person.Adjustment.String():
		return "adjustment: " + counted
	case person.FilteredOut:
		return "filtered: the person is a bot or an internal user, as filtered says; else it would count: " + counted
	case person.CrossoverExcluded:
		return fmt.Sprintf("crossover, excluded: the person met %s; else it would count: %s", met(v.Arms), counted)
	case person.EndedEarlyExcluded:
		return fmt.Sprintf("ended early, excluded: the participation was ended at %s (%s); else it would count: %s", v.End.At, v.End.Reason, counted)
	}
	if d.Twin {
		counted += "; another source seems to have reported it as well, without a common dedup key"
	}
	return "counted: " + counted
}

func met(arms []person.Arm) string {
	keys := make([]string, 0, len(arms))
	for _, a := range arms {
		keys = append(keys, a.Variant)
	}
	return strings.Join(keys, " and ")
}

// windows tells the windows that a conversion was held against: those that it counted by, or, where there is none, all.
func windows(r person.Rules, experiment string, d *person.Verdict) string {
	x, declared := r.Get(experiment)
	if !declared {
		return spellWindow(registry.DefaultWindow)
	}
	uses := d.Uses
	if len(uses) == 0 {
		uses = x.Uses(d.Event.ConversionEvent)
	}
	if len(uses) == 0 {
		return spellWindow(*x.Window) + " (the experiment's own: no metric uses this event)"
	}
	if len(uses) == 1 {
		return spellWindow(*uses[0].Metric.Window)
	}
	by := map[registry.Window][]string{}
	var order []registry.Window
	for _, u := range uses {
		w := *u.Metric.Window
		if by[w] == nil {
			order = append(order, w)
		}
		if !slices.Contains(by[w], u.Metric.ID) {
			by[w] = append(by[w], u.Metric.ID)
		}
	}
	if len(order) == 1 {
		return spellWindow(order[0])
	}
	parts := make([]string, 0, len(order))
	for _, w := range order {
		parts = append(parts, spellWindow(w)+" for "+strings.Join(by[w], ", "))
	}
	return strings.Join(parts, "; ")
}

func spellWindow(w registry.Window) string {
	d := time.Duration(w)
	switch {
	case d == 0:
		return "a window without limit"
	case d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return spell(canonical.Time(d.Milliseconds()))
}

// spell writes a span by its two largest units.
func spell(span canonical.Time) string {
	units := [...]struct {
		name string
		size canonical.Time
	}{{"d", 86_400_000}, {"h", 3_600_000}, {"min", 60_000}, {"s", 1000}, {"ms", 1}}
	for i, u := range units {
		if span < u.size {
			continue
		}
		text := strconv.FormatInt(int64(span/u.size), 10) + " " + u.name
		if rest := span % u.size; i+1 < len(units) && rest >= units[i+1].size {
			text += " " + strconv.FormatInt(int64(rest/units[i+1].size), 10) + " " + units[i+1].name
		}
		return text
	}
	return "0 s"
}

// whyDuplicate says which report is kept and what speaks for it, in the order in which preferred asks.
func whyDuplicate(e, kept *canonical.Event) string {
	reason := "its id sorts first"
	switch {
	case kept.Channel.Rank() < e.Channel.Rank():
		reason = fmt.Sprintf("channel %s goes before %s", channelWord(kept.Channel), channelWord(e.Channel))
	case kept.At < e.At:
		reason = fmt.Sprintf("it is earlier, at %s", kept.At)
	case kept.ID == e.ID:
		reason = "its source sorts first"
	}
	return fmt.Sprintf("duplicate of event %s from %s: same %s %s; that one is kept because %s", kept.ID, kept.Source, e.ConversionEvent, e.DedupKey, reason)
}

func channelWord(c canonical.Channel) string {
	if c == "" {
		return "unstated"
	}
	return string(c)
}
