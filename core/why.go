package core

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

// why says in one sentence how a conversion came to its status in a run.
func (r rules) why(experiment string, v *runView, d *verdict, word string) string {
	switch d.status {
	case Duplicate:
		return whyDuplicate(d.event, d.kept)
	case WaitingAdjustment:
		return fmt.Sprintf("waiting adjustment: no %s with the dedup key %s has arrived; its value counts as soon as one does", d.event.ConversionEvent, d.event.Adjusts)
	case NoExposure:
		return "no exposure: it names this experiment, and the person has no exposure in any run of it; it counts as soon as one arrives"
	case UnknownVariant:
		labels := make([]string, 0, len(v.unknown))
		for _, a := range v.unknown {
			labels = append(labels, fmt.Sprintf("%q", a.variant))
		}
		return "unknown variant: the person met only " + strings.Join(labels, ", ") + ", which the registry does not know"
	}
	return r.whyInTime(experiment, v, d, word)
}

// whyInTime is about statuses that depend on when the conversion was.
func (r rules) whyInTime(experiment string, v *runView, d *verdict, word string) string {
	first, at := v.first(), d.lead().At
	after := spell(at-first.at) + " after the first exposure at " + first.at.String()
	switch d.status {
	case BeforeExposure:
		if at == first.at {
			return "before the exposure: at the time of the first exposure, and before it in the same request"
		}
		return fmt.Sprintf("before the exposure: %s before the first exposure at %s", spell(first.at-at), first.at)
	case AfterRun:
		var run registry.Run
		if x, ok := r.Get(experiment); ok {
			run, _ = x.Run(v.run)
		}
		return fmt.Sprintf("after the run: %s after run %d ended at %s", spell(at-run.EndedAt), v.run, run.EndedAt)
	case OutsideWindow:
		return "outside the window: " + after + "; the window is " + r.windows(experiment, d)
	}
	counted := after + ", within " + r.windows(experiment, d)
	if d.adjusted != nil {
		counted = fmt.Sprintf("adjusts event %s from %s, which was %s", d.adjusted.ID, d.adjusted.Source, counted)
	}
	switch word {
	case Adjustment.String():
		return "adjustment: " + counted
	case FilteredOut:
		return "filtered: the person is a bot or an internal user, as filtered says; else it would count: " + counted
	case CrossoverExcluded:
		return fmt.Sprintf("crossover, excluded: the person met %s; else it would count: %s", met(v.arms), counted)
	case EndedEarlyExcluded:
		return fmt.Sprintf("ended early, excluded: the participation was ended at %s (%s); else it would count: %s", v.end.at, v.end.reason, counted)
	}
	if d.twin {
		counted += "; another source seems to have reported it as well, without a common dedup key"
	}
	return "counted: " + counted
}

func met(arms []arm) string {
	keys := make([]string, 0, len(arms))
	for _, a := range arms {
		keys = append(keys, a.variant)
	}
	return strings.Join(keys, " and ")
}

// windows tells the windows that a conversion was held against: those that it counted by, or, where there is none, all.
func (r rules) windows(experiment string, d *verdict) string {
	x, declared := r.Get(experiment)
	if !declared {
		return spellWindow(registry.DefaultWindow)
	}
	uses := d.uses
	if len(uses) == 0 {
		uses = x.Uses(d.event.ConversionEvent)
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
