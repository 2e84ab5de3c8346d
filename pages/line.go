package pages

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/registry"
)

// badge is where an experiment stands, in a word.
type badge struct {
	Key  string // draft, collecting, no_data, unhealthy, days_left, eligible_for_review, stopped, ended_early, decided, undeclared
	Text string
}

// badges are the keys in the order in which the list is sorted: what people should look at first.
var badges = []badge{
	{"unhealthy", "Unhealthy"},
	{string(readout.EligibleForReview), "Eligible for review"},
	{"days_left", "Days left"},
	{"collecting", "Collecting"},
	{"no_data", "No data"},
	{"undeclared", "Undeclared"},
	{"stopped", "Stopped"},
	{"draft", "Draft"},
	{"decided", "Decided"},
	{"ended_early", "Ended early"},
}

// badgeOf reads a badge off a readout.
func badgeOf(r *readout.Readout) badge {
	status := string(r.Decision.Status)
	switch {
	case status != string(readout.Collecting) && (r.Status != registry.Undeclared || status == string(readout.Unhealthy)):
		return badge{status, sentence(status)}
	case r.Status == registry.Undeclared:
		return badge{"undeclared", "Undeclared"}
	case exposedUsers(r) == 0:
		return badge{"no_data", "No data"}
	}
	if m := r.Primary(); m != nil && m.Power != nil && m.Power.DaysLeft != nil && *m.Power.DaysLeft > 0 {
		return badge{"days_left", "About " + many(*m.Power.DaysLeft, "day", "days") + " left"}
	}
	return badge{status, "Collecting"}
}

func exposedUsers(r *readout.Readout) (n int64) {
	for _, v := range r.Variants {
		n += v.ExposedUsers
	}
	return n
}

// leaderOf is the row of the treatment that leads in a metric: the one the decision names, else the first.
func leaderOf(r *readout.Readout, rows []readout.Row) *readout.Row {
	var first *readout.Row
	for i := range rows {
		row := &rows[i]
		if row.Effect == nil {
			continue
		}
		if r.Decision.LeadingVariant != nil && row.Variant == *r.Decision.LeadingVariant {
			return row
		}
		if first == nil {
			first = row
		}
	}
	return first
}

// intervalsOf are a treatment's intervals; those at 95 % alone where the readout has no others.
func intervalsOf(e *readout.Effect) readout.Intervals {
	of := e.Intervals
	for _, one := range []struct {
		levels *readout.Levels
		whole  *[2]float64
	}{{&of.Credible, e.CredibleInterval}, {&of.Confidence, e.ConfidenceInterval}, {&of.Sequential, e.SequentialInterval}} {
		if one.levels.P95 == nil {
			one.levels.P95 = one.whole
		}
	}
	return of
}

// line is one experiment in the list.
type line struct {
	ID, Name, Owner string
	Path            string
	Badge           badge
	Declared        bool
	Exposed         int64
	Last            string // day of the newest first exposure; "": nobody
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
func (p *Pages) linesOf(q *request) []line {
	v := p.State.View()
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
func (p *Pages) made(q *request, v *core.View, ids []string, kept, next map[string]keptLine) []line {
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
				p.Log.WarnContext(q.Context(), "an experiment is not in the list", "experiment", id, "error", err)
				continue
			}
			k = keptLine{stampOf(s), one}
		}
		next[id] = k
		all = append(all, k.line)
	}
	return all
}

func place(b badge) int {
	return slices.IndexFunc(badges, func(one badge) bool { return one.Key == b.Key })
}

func (p *Pages) lineOf(q *request, s *core.Snapshot) (line, error) {
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

// readout asks for a readout, and says which bytes it is.
func (p *Pages) readout(q *request, id string, ask url.Values) (*readout.Readout, string, error) {
	target := apiPath(id, "/readout")
	if len(ask) > 0 {
		target += "?" + ask.Encode()
	}
	a, err := p.call(q, http.MethodGet, target, nil)
	if err != nil {
		return nil, "", err
	}
	r := &readout.Readout{}
	if err := decode(a.body.Bytes(), r); err != nil {
		return nil, "", fmt.Errorf("read the readout of %q: %w", id, err)
	}
	return r, versionOf(withoutAsOf(a.body.Bytes())), nil
}

// withoutAsOf is a readout's text without what it stands for: events of other experiments move that, and change nothing
// that is shown.
func withoutAsOf(text []byte) []byte {
	before, rest, found := bytes.Cut(text, []byte(`"as_of":{`))
	_, after, closed := bytes.Cut(rest, []byte("}"))
	if !found || !closed {
		return text
	}
	return slices.Concat(before, after)
}

const undeclaredBadge = "undeclared"

// Cursors of the list: a place among the experiments whose lines are all known, or an id among those that are too many.
const (
	cursorLine = "n/"
	cursorID   = "u/"
)

func listVersion(all []line, of core.Listing) string {
	var b strings.Builder
	fmt.Fprintln(&b, of.Declared.Len(), of.Undeclared.Len(), of.Archived.Len())
	for _, l := range all {
		fmt.Fprintf(&b, "%q %q %q %q %d %q %v\n", l.ID, l.Name, l.Owner, l.Badge.Text, l.Exposed, l.Last, l.Lift)
	}
	return versionOf([]byte(b.String()))
}
