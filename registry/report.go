package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tracklayer/tracklayer/canonical"
)

// Note is a report of a source about an experiment, and what became of it.
type Note struct {
	At     canonical.Time     `json:"at"`
	Source string             `json:"source"`
	By     string             `json:"by,omitempty"`
	Kind   canonical.LifeKind `json:"kind"`
	Text   string             `json:"text"`
	Acted  bool               `json:"acted"`             // the registry followed it
	Why    string             `json:"why_not,omitempty"` // if it did not
	// Unverified: anyone may have written it.
	Unverified bool `json:"unverified,omitempty"`
}

// Bounds of what reports may fill. Older notes and ids give way.
const (
	keptNotes   = 200 // of one experiment
	keptReports = 10_000

	// Unverified notes never replace others, and past these bounds they are dropped.
	maxUnverified   = 20    // of one experiment
	maxUnverifiedIn = 1_000 // experiments with notes, for one that is not declared
)

const whyUnverified = "the request was not signed and had no admin key, so anyone may have written it"

// reports are what sources reported: the notes, and the ids by which a report that comes again is known.
type reports struct {
	notes map[string][]Note // by experiment
	seen  map[string]struct{}
	order []string // of seen, the oldest first
}

// Notes are what sources reported about an experiment, declared or not, the oldest first. It is not to be written to.
func (r Registry) Notes(experiment string) []Note { return r.reports.notes[experiment] }

// Noted are the experiments that sources reported something about, in byte order.
func (r Registry) Noted() []string { return slices.Sorted(maps.Keys(r.reports.notes)) }

// report follows a report as far as it is certain what it means, and keeps it as a note. The experiment is nil where the
// registry stays as it is but for the note. A report that came before changes nothing.
func (r Registry) report(l canonical.Life) (Registry, *Experiment) {
	if l.Unverified {
		return r.remark(l), nil
	}
	key := l.Source + "\x00" + l.ID
	if _, again := r.reports.seen[key]; again {
		return r, nil
	}
	next := r
	next.Revision++
	next.reports = r.reports.with(key)
	id := r.Resolve(l.Source, l.ExperimentID, l.SourceExperiment)
	note := Note{At: l.At, Source: l.Source, By: l.By, Kind: l.Kind, Text: l.Text}
	var changed *Experiment
	switch e, declared := r.Get(id); {
	case l.Kind == canonical.Remarked:
	case !declared:
		note.Why = "the experiment is not declared"
	default:
		change, err := e.follow(l)
		if err != nil {
			note.Why = err.Error()
			break
		}
		changed, note.Acted = compile(*change, e.Seq), true // Seq is where the next definition must follow
		next = next.with(changed)
	}
	notes := append(slices.Clone(next.reports.notes[id]), note)
	next.reports.notes[id] = notes[max(0, len(notes)-keptNotes):]
	return next, changed
}

// remark keeps an unverified report as a note. It neither counts as known, so that the genuine one is acted on, nor takes
// the place of another note.
func (r Registry) remark(l canonical.Life) Registry {
	id := r.Resolve(l.Source, l.ExperimentID, l.SourceExperiment)
	note := Note{At: l.At, Source: l.Source, By: l.By, Kind: l.Kind, Text: l.Text, Why: whyUnverified, Unverified: true}
	before := r.reports.notes[id]
	unverified := 0
	for _, n := range before {
		if n.Unverified {
			unverified++
		}
	}
	_, declared := r.Get(id)
	crowded := !declared && len(before) == 0 && len(r.reports.notes) >= maxUnverifiedIn
	if crowded || unverified >= maxUnverified || len(before) >= keptNotes || slices.Contains(before, note) {
		return r
	}
	next := r
	next.Revision++
	if next.reports.notes = maps.Clone(r.reports.notes); next.reports.notes == nil {
		next.reports.notes, next.reports.seen = map[string][]Note{}, map[string]struct{}{}
	}
	next.reports.notes[id] = append(slices.Clone(before), note)
	return next
}

// IsUnverified reports whether a change is a report that anyone may have written.
func IsUnverified(data []byte) bool {
	var c struct {
		Life *canonical.Life `json:"life"`
	}
	return json.Unmarshal(data, &c) == nil && c.Life != nil && c.Life.Unverified
}

// with is a copy that knows the report.
func (p reports) with(key string) reports {
	next := reports{notes: maps.Clone(p.notes), seen: maps.Clone(p.seen), order: append(slices.Clone(p.order), key)}
	if next.notes == nil {
		next.notes, next.seen = map[string][]Note{}, map[string]struct{}{}
	}
	next.seen[key] = struct{}{}
	if len(next.order) > keptReports {
		delete(next.seen, next.order[0])
		next.order = next.order[1:]
	}
	return next
}

// follow is the change that a report asks for. It fails, with a sentence, where the present state does not allow it.
func (e *Experiment) follow(l canonical.Life) (*Change, error) {
	s := Step{Now: l.ReceivedAt, At: &l.At, By: "source " + l.Source, Reason: l.Text}
	if l.By != "" && len(s.By)+len(l.By)+2 <= 200 {
		s.By += ": " + l.By
	}
	switch l.Kind {
	case canonical.Started:
		return e.Start(s)
	case canonical.Stopped:
		return e.Stop(s)
	case canonical.Broken:
		if l.Variant != "" {
			key, known := e.Variant(l.Source, l.Variant, "")
			if !known {
				return nil, fmt.Errorf("no variant is known as %q", l.Variant)
			}
			s.Variant = &key
		}
		return e.EndEarly(s)
	}
	return nil, errors.New("it says nothing that the registry could follow")
}
