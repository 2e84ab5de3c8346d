package core

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/registry"
)

// ErrNoUnit reports an id that no event has named.
var ErrNoUnit = errors.New("no event has named this id")

// Trace says why a person is, or is not, counted: all of its ids and events, and what became of them.
type Trace struct {
	AsOf   AsOf         `json:"as_of"`
	Unit   UnitRef      `json:"unit"`   // that was asked for
	Person UnitRef      `json:"person"` // the person's key
	Units  []TracedUnit `json:"units"`
	// Left says what is left out because the person has too many events to be listed; "": nothing.
	Left        string             `json:"left_out,omitempty"`
	Filtered    []TracedLabel      `json:"filtered"` // why the person is a bot or an internal user; empty: it is neither
	Events      []TracedEvent      `json:"-"`        // in order of time; see AppendJSON
	Experiments []TracedExperiment `json:"experiments"`
	Rows        []Association      `json:"-"`
}

// AsOf is the state that a Trace stands for.
type AsOf struct {
	Seq      uint64 `json:"stream_seq"`
	Revision int    `json:"registry_revision"`
	Erasures int64  `json:"erasures,omitempty"` // persons erased so far
}

// TracedEvent is one event and the number of other bodies that came under its id.
type TracedEvent struct {
	Event     *canonical.Event
	Conflicts int
}

// AppendJSON writes the trace. The two long lists write themselves, which json.Marshal would check over again.
func (t *Trace) AppendJSON(dst []byte) ([]byte, error) {
	head, err := json.Marshal(t)
	if err != nil {
		return dst, err
	}
	dst = slices.Grow(dst, len(head)+350*len(t.Events)+850*len(t.Rows))
	dst = append(append(dst, head[:len(head)-1]...), `,"events":[`...)
	for i, e := range t.Events {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(e.Event.AppendJSON(append(dst, `{"event":`...)), `,"conflicts":`...)
		dst = append(strconv.AppendInt(dst, int64(e.Conflicts), 10), '}')
	}
	dst = append(dst, `],"associations":[`...)
	for i := range t.Rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = t.Rows[i].AppendJSON(dst)
	}
	return append(dst, "]}"...), nil
}

// TracedExperiment is the person in one experiment.
type TracedExperiment struct {
	ID         string             `json:"experiment_id"`
	Declared   bool               `json:"declared"`
	Policy     registry.Crossover `json:"crossover_policy"`
	OutsideRun int64              `json:"outside_run"` // exposures outside every run
	Runs       []TracedRun        `json:"runs"`
	Waiting    []TracedConversion `json:"without_exposure"` // conversions that name the experiment, without an exposure
}

// TracedRun is the verdict about the person in one run.
type TracedRun struct {
	Run         int                `json:"run"`
	Status      registry.Status    `json:"status"`
	Population  string             `json:"population"` // clean, filtered, crossover, ended_early, unknown_variant, not_exposed
	Variant     *string            `json:"variant"`    // of the first exposure; nil: no known one
	ExposedAt   *canonical.Time    `json:"exposed_at"`
	Met         []Met              `json:"exposures"` // by variant
	Ended       *TracedEnd         `json:"ended_early"`
	Conversions []TracedConversion `json:"conversions"`
}

// Met is a variant that the person was exposed to.
type Met struct {
	Variant   string `json:"variant"`
	Known     bool   `json:"known"`
	Exposures int64  `json:"exposures"`
	First     Report `json:"first"`
}

// TracedEnd is the earliest early end.
type TracedEnd struct {
	Reason string `json:"reason"`
	Report
}

// TracedConversion is what became of one conversion.
type TracedConversion struct {
	Report
	Event       string   `json:"conversion_event"`
	Status      string   `json:"status"`
	Why         string   `json:"why"`     // one sentence
	Metrics     []string `json:"metrics"` // that it counts in
	DuplicateOf *Report  `json:"duplicate_of,omitempty"`
	Adjusts     *Report  `json:"adjusts,omitempty"`          // the conversion whose value it adds to
	Mismatch    bool     `json:"variant_mismatch,omitempty"` // it claims another variant than the one recorded
}

// Trace finds the person of an id as of the last commit and says what became of all of its events. It runs beside Apply.
// An id that no event has named is ErrNoUnit.
func (f *Fold) Trace(u canonical.Unit) (t *Trace, err error) {
	err = f.reading(func(v *sums.View, r *reader) error {
		t, err = r.trace(v, u)
		return err
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// traced is how many events a trace lists at the most: a stuck sender can make millions.
var traced int64 = 50_000

func (r *reader) trace(v *sums.View, u canonical.Unit) (*Trace, error) {
	e, err := r.named(u)
	if err != nil {
		return nil, err
	}
	if e.person == nil {
		return nil, ErrNoUnit
	}
	units := e.person.Units
	t := &Trace{AsOf: AsOf{v.Seq, v.Registry.Revision, v.Erasures}, Unit: refOf(u), Person: refOf(units[0]), Filtered: []TracedLabel{}, Experiments: []TracedExperiment{}}
	if t.Units, err = r.tracedUnits(units); err != nil {
		return nil, err
	}
	if n := e.person.Size(); n > traced {
		t.Left = fmt.Sprintf("About %d events: they, what became of each conversion, and the rows are left out here. The rows of an experiment can be had under /v1/experiments/{id}/associations.", n)
		m := (&watched{Person: e.person, rules: person.Rules{Registry: v.Registry}}).rowMaker(r)
		for i := range e.person.Parts {
			t.Experiments = append(t.Experiments, m.experiment(&e.person.Parts[i]))
		}
		return t, nil
	}
	w, err := r.look(units, e.person.Size())
	if err != nil {
		return nil, err
	}
	t.Filtered = w.labelled()
	if t.Events, err = w.events(r); err != nil {
		return nil, err
	}
	m := w.rowMaker(r)
	for i := range w.Parts {
		t.Experiments = append(t.Experiments, m.experiment(&w.Parts[i]))
	}
	t.Rows, err = m.all("", 0)
	return t, err
}

func (w *watched) events(state *reader) ([]TracedEvent, error) {
	all := make([]TracedEvent, 0, len(w.facts))
	for i := range w.facts {
		r, err := w.record(state, &w.facts[i])
		if err != nil {
			return nil, err
		}
		all = append(all, TracedEvent{Event: &w.facts[i], Conflicts: max(len(r.hashes)-1, 0)})
	}
	return all, nil
}

func (m *rowMaker) experiment(q *person.Participation) TracedExperiment {
	_, declared := m.rules.Get(q.Experiment)
	t := TracedExperiment{
		ID: q.Experiment, Declared: declared, Policy: m.rules.Policy(q.Experiment), OutsideRun: q.Outside,
		Runs: []TracedRun{}, Waiting: m.conversions(q.Experiment, &person.Run{}),
	}
	for i := range q.Runs {
		t.Runs = append(t.Runs, m.run(q.Experiment, &q.Runs[i]))
	}
	return t
}

// run tells the verdict about the person in a run.
func (m *rowMaker) run(experiment string, v *person.Run) TracedRun {
	t := TracedRun{
		Run: v.Run, Status: registry.Undeclared, Population: v.Word(m.Labels), Met: []Met{}, Conversions: m.conversions(experiment, v),
	}
	if x, declared := m.rules.Get(experiment); declared {
		run, _ := x.Run(v.Run)
		t.Status = run.Status
	}
	for _, a := range v.Arms {
		t.Met = append(t.Met, Met{a.Variant, true, a.N, reportOf(a.Earliest)})
	}
	for _, a := range v.Unknown {
		t.Met = append(t.Met, Met{a.Variant, false, a.N, reportOf(a.Earliest)})
	}
	if len(v.Arms) > 0 {
		first := v.First()
		t.Variant, t.ExposedAt = &first.Variant, &first.At
	}
	if v.End.Set() {
		t.Ended = &TracedEnd{v.End.Reason, reportOf(v.End.Moment)}
	}
	return t
}

// reportOf is the event that a moment is of.
func reportOf(m person.Moment) Report { return Report{m.ID, m.Source, m.At} }

// conversions tells what became of every conversion that concerns the run.
func (m *rowMaker) conversions(experiment string, v *person.Run) []TracedConversion {
	verdicts := m.verdicts[participationRun{experiment, v.Run}]
	all := make([]TracedConversion, 0, len(verdicts))
	for _, d := range verdicts {
		c := TracedConversion{Report: reportOf(person.MomentOf(d.Event)), Event: d.Event.ConversionEvent, Metrics: []string{}, Mismatch: d.Mismatch}
		c.Status = d.Status.Under(v.Population(m.Labels), m.rules.Policy(experiment), false)
		if d.Kept != nil {
			r := reportOf(person.MomentOf(d.Kept))
			c.DuplicateOf = &r
		}
		if d.Adjusted != nil {
			r := reportOf(person.MomentOf(d.Adjusted))
			c.Adjusts = &r
		}
		if c.Status == person.Counted.String() || c.Status == person.Adjustment.String() {
			c.Metrics = metricsOf(m.rules, experiment, d)
		}
		c.Why = why(m.rules, experiment, v, d, c.Status)
		all = append(all, c)
	}
	return all
}

// metricsOf are the metrics that a conversion was counted in.
func metricsOf(r person.Rules, experiment string, d *person.Verdict) []string {
	if _, declared := r.Get(experiment); !declared {
		if d.Event.Adjusts != "" {
			return []string{}
		}
		return []string{d.Event.ConversionEvent}
	}
	ids := []string{}
	for _, u := range d.Uses {
		if n := len(ids); n == 0 || ids[n-1] != u.Metric.ID { // a mean uses its event on both sides
			ids = append(ids, u.Metric.ID)
		}
	}
	return ids
}
