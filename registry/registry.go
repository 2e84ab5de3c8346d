package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sort"

	"github.com/tracklayer/tracklayer/canonical"
)

// Status is where an experiment stands in its life.
type Status string

// Statuses of an experiment and of its runs. Undeclared experiments exist because exposures name them.
const (
	Draft      Status = "draft"
	Running    Status = "running"
	Stopped    Status = "stopped"     // ended as planned, nothing decided yet
	EndedEarly Status = "ended_early" // its data, or those of some variants, are not to be trusted
	Decided    Status = "decided"     // ended, and people said what follows
	Undeclared Status = "undeclared"
)

// Change is what the log keeps of one edit: the whole definition as it is from then on, with who made it and when.
type Change struct {
	Definition
	Revision  int            `json:"revision"` // of this experiment, from 1
	Runs      []Run          `json:"runs"`
	Decisions []Outcome      `json:"decisions,omitempty"` // in the order in which they were taken
	At        canonical.Time `json:"changed_at"`
	By        string         `json:"changed_by,omitempty"`
	Key       string         `json:"key,omitempty"` // fingerprint of the key that it was made with; "": none was needed, or a source reported it
	What      string         `json:"change"`
}

// Experiment is a declared experiment as of its newest change. It never changes; a change makes a new one.
type Experiment struct {
	Change
	Seq      uint64               `json:"-"` // of the newest definition on the log
	metrics  map[string][]Use     // by conversion event
	labels   map[string]string    // variant key by itself
	aliases  map[[2]string]string // variant key by source and what it calls it
	variants []string             // keys in the order of the definition
	byMetric map[string]*Metric
	plans    map[int][]Plan // by run
}

// Use is a metric that a conversion event goes into, and on which side.
type Use struct {
	Metric      *Metric
	Field       string // "", value or metric_value: what is added, 1 for ""
	Denominator bool   // the ratio's lower side
	// Cap limits one person's total, in the units in which it is summed; zero: no limit.
	Cap canonical.Sum
	// Paired: the metric is measured together with others, see Definition.Paired.
	Paired bool
}

// Registry is all declared experiments as of one place on the log. The zero value is empty. It is a value that is
// replaced, not mutated: Apply returns the next one.
type Registry struct {
	Revision    int // how many changes were applied
	experiments map[string]*Experiment
	names       map[[2]string]string // source and what it calls an experiment -> our id
	history     map[string][]*Experiment
	filters     []*FilterRevision // the oldest first
	reports     reports
	archives    archives
}

// ErrChange is wrapped by every change that cannot be applied.
var ErrChange = errors.New("not a change of the registry")

// Apply reads one change from the log: a definition, a source's report about an experiment, or the filters. A change that
// cannot be read leaves the registry as it is and is an error: the caller counts it and goes on. The experiment is nil
// where none is another one now.
func (r Registry) Apply(data []byte, seq uint64) (Registry, *Experiment, error) {
	if f, mine, err := filtersOf(data); mine {
		if err != nil {
			return r, nil, fmt.Errorf("%w: %w", ErrChange, err)
		}
		return r.filterBy(f, seq), nil, nil
	}
	var c struct {
		Life    *canonical.Life `json:"life"`
		Archive *Archive        `json:"archive"`
		Change
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return r, nil, fmt.Errorf("%w: %w", ErrChange, err)
	}
	if c.Life != nil {
		if err := c.Life.Validate(); err != nil {
			return r, nil, fmt.Errorf("%w: %w", ErrChange, err)
		}
		next, e := r.report(*c.Life)
		return next, e, nil
	}
	if c.Archive != nil {
		next, err := r.archive(*c.Archive, seq)
		if err != nil {
			return r, nil, fmt.Errorf("%w: %w", ErrChange, err)
		}
		return next, nil, nil
	}
	if err := c.Normalize(); err != nil {
		return r, nil, fmt.Errorf("%w: %w", ErrChange, err)
	}
	e := compile(r.rebase(c.Change), seq)
	next := r.with(e)
	next.Revision++
	return next, e, nil
}

// rebase puts a definition on top of what reports changed while it was being made. Where it leaves the runs as it found
// them, they are what the reports made of them; if a person changed them, that goes before the reports.
func (r Registry) rebase(c Change) Change {
	now, declared := r.Get(c.ID)
	if !declared || c.Revision > now.Revision {
		return c
	}
	for _, before := range r.history[c.ID] {
		if before.Revision == c.Revision-1 && reflect.DeepEqual(before.Runs, c.Runs) {
			c.Runs = now.Runs
		}
	}
	c.Revision = now.Revision + 1
	return c
}

// with is a copy of the registry in which the experiment is as given. It counts no revision.
func (r Registry) with(e *Experiment) Registry {
	e.plan(r.experiments[e.ID])
	next := r
	next.experiments, next.history, next.names = maps.Clone(r.experiments), maps.Clone(r.history), map[[2]string]string{}
	if next.experiments == nil {
		next.experiments, next.history = map[string]*Experiment{}, map[string][]*Experiment{}
	}
	next.experiments[e.ID] = e
	next.history[e.ID] = slices.Concat(r.history[e.ID], []*Experiment{e})
	for _, id := range sortedKeys(next.experiments) {
		for source, list := range next.experiments[id].Aliases {
			for _, alias := range list {
				if _, taken := next.names[[2]string{source, alias}]; !taken {
					next.names[[2]string{source, alias}] = id
				}
			}
		}
	}
	return next
}

func compile(c Change, seq uint64) *Experiment {
	e := &Experiment{
		Change: c, Seq: seq, metrics: map[string][]Use{}, labels: map[string]string{}, aliases: map[[2]string]string{}, byMetric: map[string]*Metric{},
	}
	paired := e.Paired()
	for i := range e.Metrics {
		m := &e.Metrics[i]
		e.byMetric[m.ID] = m
		switch m.Type {
		case Ratio:
			e.use(m.Numerator.Event, Use{Metric: m, Field: m.Numerator.Field})
			e.use(m.Denominator.Event, Use{Metric: m, Field: m.Denominator.Field, Denominator: true})
		case Mean:
			e.use(m.Event, Use{Metric: m, Field: m.Field})
			e.use(m.Event, Use{Metric: m, Denominator: true})
		default:
			e.use(m.Event, Use{Metric: m, Field: m.Field, Cap: m.cap(), Paired: slices.Contains(paired, m)})
		}
	}
	for _, v := range e.Variants {
		e.variants = append(e.variants, v.Key)
		e.labels[v.Key] = v.Key
		for source, list := range v.Aliases {
			for _, alias := range list {
				e.aliases[[2]string{source, alias}] = v.Key
			}
		}
	}
	return e
}

func (e *Experiment) use(event string, u Use) { e.metrics[event] = append(e.metrics[event], u) }

// Get finds a declared experiment by our id.
func (r Registry) Get(id string) (*Experiment, bool) {
	e, ok := r.experiments[id]
	return e, ok
}

// History is every change of an experiment that was ever applied, the oldest first. It is not to be written to.
func (r Registry) History(id string) []*Experiment { return r.history[id] }

// All is every declared experiment in byte order of the ids.
func (r Registry) All() []*Experiment {
	all := slices.Collect(maps.Values(r.experiments))
	sort.Slice(all, func(i, j int) bool { return all[i].ID < all[j].ID })
	return all
}

// Resolve turns what an event calls its experiment into our id. An experiment that is declared under the event's own
// name wins over an alias; a name that is not declared stands for itself.
func (r Registry) Resolve(source, experiment, sourceExperiment string) string {
	if _, ok := r.experiments[experiment]; ok || len(r.names) == 0 {
		return experiment
	}
	if id, ok := r.names[[2]string{source, experiment}]; ok {
		return id
	}
	if sourceExperiment != "" {
		if id, ok := r.names[[2]string{source, sourceExperiment}]; ok {
			return id
		}
	}
	return experiment
}

// Taken reports which experiment a source's name for d means already, so that no name means two.
func (r Registry) Taken(d *Definition) error {
	var c checker
	for _, source := range sortedKeys(d.Aliases) {
		for i, alias := range d.Aliases[source] {
			if id, ok := r.names[[2]string{source, alias}]; ok && id != d.ID {
				c.that(false, fmt.Sprintf("/aliases/%s/%d", escape(source), i), "%q of %s is experiment %q already", alias, source, id)
			}
		}
	}
	if len(c.faults) > 0 {
		return c.faults
	}
	return nil
}

// Variant turns what an event calls its variant into our key; false: the registry does not know it.
func (e *Experiment) Variant(source, label, sourceVariant string) (string, bool) {
	if key, ok := e.labels[label]; ok {
		return key, true
	}
	if key, ok := e.aliases[[2]string{source, label}]; ok {
		return key, true
	}
	if sourceVariant != "" {
		if key, ok := e.aliases[[2]string{source, sourceVariant}]; ok {
			return key, true
		}
	}
	return label, false
}

// Uses are the metrics that a conversion event goes into.
func (e *Experiment) Uses(event string) []Use { return e.metrics[event] }

// VariantKeys are the variants in the order of the definition.
func (e *Experiment) VariantKeys() []string { return e.variants }

// Metric finds a metric by its id.
func (e *Experiment) Metric(id string) (*Metric, bool) {
	m, ok := e.byMetric[id]
	return m, ok
}
