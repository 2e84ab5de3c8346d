package core

import (
	"maps"
	"slices"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/registry"
)

// label notes what an event says about who made it. It concerns every run that the person is in.
func (f *Fold) label(p *entry, e *canonical.Event) error {
	if labels := f.rules.Filters().Labels(e); labels&^p.person.Labels != 0 {
		return f.change(p, "", func() { p.person.Labels |= labels })
	}
	return nil
}

// refilter takes a change of the filters, which may concern all persons.
func (f *Fold) refilter(next registry.Registry) error {
	return f.reread(next, slices.Sorted(maps.Keys(f.aggs)), nil, true)
}

// TracedLabel is one reason why a person is filtered: the earliest event that says so.
type TracedLabel struct {
	Label string `json:"label"` // bot or internal
	Why   string `json:"why"`   // one sentence
	Report
}

// labelled tells what the person's events are labelled with, each label once.
func (w *watched) labelled() []TracedLabel {
	all := []TracedLabel{}
	var told registry.Label
	for i := range w.facts {
		e := &w.facts[i]
		if w.rules.Filters().Labels(e)&^told == 0 {
			continue
		}
		for _, m := range w.rules.Filters().Matches(e) {
			if m.Label&told == 0 {
				told |= m.Label
				all = append(all, TracedLabel{m.Label.String(), "event " + e.ID + " from " + e.Source + ": " + m.Why, reportOf(person.MomentOf(e))})
			}
		}
	}
	return all
}
