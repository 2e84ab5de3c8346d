package app

import (
	"sync/atomic"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/registry"
)

// declared tells the ingest endpoints what the newest state has: what is declared, and what was counted already.
type declared struct {
	fold *core.Fold
	read atomic.Pointer[metricEvents]
}

// metricEvents is the conversion events that the metrics of declared experiments read.
type metricEvents struct {
	revision int // of the registry
	events   map[string]struct{}
}

// Declared implements webhooks.Experiments.
func (d *declared) Declared(source, experiment, sourceExperiment string) bool {
	r := &d.fold.View().Registry
	_, known := r.Get(r.Resolve(source, experiment, sourceExperiment))
	return known
}

// Variant implements webhooks.Experiments.
func (d *declared) Variant(e *canonical.Event) bool {
	v := d.fold.View()
	id := v.Registry.Resolve(e.Source, e.ExperimentID, e.SourceExperiment)
	label := e.Variant
	if x, declared := v.Registry.Get(id); declared {
		known := false
		if label, known = x.Variant(e.Source, e.Variant, e.SourceVariant); known {
			return true
		}
	}
	return v.Labeled(id, label)
}

// Conversion implements webhooks.Experiments.
func (d *declared) Conversion(event string) bool {
	v := d.fold.View()
	m := d.read.Load()
	if m == nil || m.revision != v.Registry.Revision {
		m = &metricEvents{v.Registry.Revision, eventsOf(v.Registry)}
		d.read.Store(m)
	}
	if _, known := m.events[event]; known {
		return true
	}
	_, known := v.Seen.Get(event)
	return known
}

func eventsOf(r registry.Registry) map[string]struct{} {
	events := map[string]struct{}{}
	for _, x := range r.All() {
		for i := range x.Metrics {
			for _, part := range x.Metrics[i].Parts() {
				events[part.Event] = struct{}{}
			}
		}
	}
	return events
}

// Named implements webhooks.Experiments.
func (d *declared) Named(yield func(source, experiment, sourceExperiment string)) {
	for n := range d.fold.View().Names() {
		yield(n.Source, n.Experiment, n.Own)
	}
}
