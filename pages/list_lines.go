package pages

import (
	"cmp"
	"html/template"
	"slices"
	"strings"
	"sync"

	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/readout"
)

// line is one experiment in the list.
type line struct {
	ID, Name, Owner string
	Path            string
	Badge           badge
	Declared        bool
	Exposed         int64
	Last            string // day of the newest first exposure; "": none
	Metric          string // the primary one; "": none
	Variant         string // that leads
	Lift            figure
	Mini            template.HTML
	Beat            figure
}

// lines keeps what the list says of each experiment until something about it changes.
type lines struct {
	mu  sync.Mutex
	all map[string]keptLine
}

type keptLine struct {
	state stamped
	line  line
}

func newLines() *lines { return &lines{all: map[string]keptLine{}} }

// Bounds of the list. Anyone can name an experiment, so what is made of undeclared ones is what a page shows.
const (
	shownLines    = 200 // experiments at a time
	maxUndeclared = 200 // undeclared experiments that are sorted by what needs people first; more are in the order of their ids
)

// linesOf are all declared experiments, what needs people first, and then the undeclared ones: all, or, if there are very
// many, the first by id. What cannot be read at the moment is left out.
func (p *listPages) linesOf(q *request) []line {
	v := p.opts.State.View()
	listing := v.Listing()
	undeclared, _ := listing.Undeclared.After("", "", maxUndeclared)
	p.lines.mu.Lock()
	defer p.lines.mu.Unlock()
	next := make(map[string]keptLine, len(p.lines.all))
	declared := sorted(p.made(q, v, listing.Declared.Keys(), p.lines.all, next))
	all := append(declared, sorted(p.made(q, v, undeclared, p.lines.all, next))...)
	p.lines.all = next
	return all
}

// sorted puts first what needs people first.
func sorted(all []line) []line {
	slices.SortStableFunc(all, func(a, b line) int {
		return cmp.Or(cmp.Compare(place(a.Badge), place(b.Badge)), strings.Compare(b.Last, a.Last), strings.Compare(a.ID, b.ID))
	})
	return all
}

// made are the lines of the experiments, from those that were kept as far as nothing about them changed; next keeps them.
func (p *listPages) made(q *request, v *sums.View, ids []string, kept, next map[string]keptLine) []line {
	var all []line
	for _, id := range ids {
		s, ok := v.Experiment(id)
		if !ok || s.Lost {
			continue
		}
		k, known := kept[id]
		if !known || k.state != stampOf(s) {
			one, err := p.lineOf(q, s)
			if err != nil {
				p.opts.Log.WarnContext(q.Context(), "an experiment is not in the list", "experiment", id, "error", err)
				continue
			}
			k = keptLine{stampOf(s), one}
		}
		next[id] = k
		all = append(all, k.line)
	}
	return all
}

func (p *listPages) lineOf(q *request, s *sums.Snapshot) (line, error) {
	r, _, err := p.readout(q, s.ID, nil)
	if err != nil {
		return line{}, err
	}
	one := line{ID: s.ID, Path: pathOf(s.ID), Badge: badgeOf(r), Declared: s.Experiment != nil, Exposed: exposedUsers(r), Last: readout.Summarize(s).LastDay}
	if s.Experiment != nil {
		one.Name, one.Owner = s.Experiment.Name, s.Experiment.Owner
	}
	m := r.Primary()
	if m == nil {
		return one, nil
	}
	one.Metric = m.Metric
	if row := leaderOf(r, m.Variants); row != nil {
		one.Variant = row.Variant
		one.Lift = from(row.Lift.Relative, signed, row.Lift.Reasons, "relative")
		one.Beat = from(row.ProbabilityToBeatControl, probability, row.Reasons, "probability_to_beat_control")
		levels := intervalsOf(row.Effect).Credible
		if r.Decision.ShowFirst == "sequential_interval" {
			levels = intervalsOf(row.Effect).Sequential
		}
		one.Mini = mini(row.Lift.Relative, levels)
	}
	return one, nil
}
