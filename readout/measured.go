package readout

import (
	"fmt"
	"slices"

	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/registry"
)

// measured is a run with the numbers of its metrics.
type measured struct {
	*progress
	of    *sums.Snapshot
	money map[string]money // by metric over value
	seen  sums.Table[sums.Seen]
}

// arm is a variant with its aggregate, which is empty if it has no users.
type arm struct {
	*sums.VariantAggregate
	key    string
	weight float64
}

// measure joins a run with its definition, and counts nothing yet.
func measure(s *sums.Snapshot, run registry.Run) *measured {
	f := &measured{of: s, progress: &progress{population: &population{
		whole: s.Aggregate, life: run, run: s.Aggregate.Runs[run.Number], control: -1,
	}}}
	if f.run == nil {
		f.run = &sums.RunAggregate{}
	}
	if s.Experiment != nil {
		f.def, f.declared = &s.Experiment.Definition, true
	} else {
		d := Undeclared(s)
		f.def = &d
	}
	f.now = s.Watermark
	if end := run.EndedAt; end != 0 && end < f.now {
		f.now = end
	}
	f.rule = f.def.StoppingRule()
	if s.Experiment != nil {
		f.plans = s.Experiment.Plans(run.Number)
	}
	if n := len(f.plans); n > 0 {
		f.rule = f.plans[n-1].StoppingRule
	}
	for i, v := range f.def.Variants {
		counted, known := f.run.Variants.Get(v.Key)
		if !known {
			counted = &sums.VariantAggregate{}
		}
		a := arm{counted, v.Key, *v.Weight}
		if v.Key == f.def.Control {
			f.control = i
		}
		f.arms = append(f.arms, a)
	}
	return f
}

// measuredRun finds an experiment's run, or says why there is nothing to read.
func measuredRun(v *sums.View, q Question) (*measured, error) {
	s, ok := v.Experiment(q.Experiment)
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrNoExperiment, q.Experiment)
	}
	if s.Lost {
		return nil, fmt.Errorf("%w: %q", ErrRecomputing, q.Experiment)
	}
	found, ok := find(s, q.Run)
	if !ok {
		return nil, fmt.Errorf("%w: %q has no run %d", ErrNoRun, q.Experiment, q.Run)
	}
	f := measure(s, found)
	f.seen = v.Seen
	f.count(q.Filtered)
	return f, nil
}

// find is the run that was asked for. A draft without runs has a readout as well: nothing, and why.
func find(s *sums.Snapshot, run int) (registry.Run, bool) {
	if s.Experiment == nil {
		return registry.Run{Number: 1, Status: registry.Undeclared}, run == 0 || run == 1
	}
	runs := s.Experiment.Runs
	if run == 0 {
		if len(runs) == 0 {
			return registry.Run{Status: registry.Draft}, true
		}
		run = slices.MaxFunc(runs, func(a, b registry.Run) int { return a.Number - b.Number }).Number
	}
	return s.Experiment.Run(run)
}

// count sets whether filtered persons are counted.
func (f *measured) count(filtered bool) {
	f.filtered = filtered
	f.came = f.came[:0]
	for _, a := range f.arms {
		f.came = append(f.came, a.arrivals(f.who()))
	}
	f.money = map[string]money{}
	for i := range f.def.Metrics {
		if m := &f.def.Metrics[i]; m.OverValue() {
			f.money[m.ID] = f.moneyOf(m, f.who())
		}
	}
}

// sample is a metric in an arm, without figures if its amounts cannot be added up.
func (f *measured) sample(m *registry.Metric, users int64, all sums.Sums) sample {
	s := sampleOf(m, users, all)
	if f.money[m.ID].mixed() {
		s.blank(reasonMixed)
	}
	return s
}

// summable are the metrics whose amounts can be added up.
func (f *measured) summable(metrics []*registry.Metric) []*registry.Metric {
	return slices.DeleteFunc(slices.Clone(metrics), func(m *registry.Metric) bool { return f.money[m.ID].mixed() })
}

// measuredMetric finds a run and one of its metrics, "" for the primary one.
func measuredMetric(v *sums.View, q Question, metric string) (*measured, *registry.Metric, error) {
	f, err := measuredRun(v, q)
	if err != nil {
		return nil, nil, err
	}
	m := f.primary()
	if metric != "" {
		m = f.metricOf(metric)
	}
	if m == nil {
		return nil, nil, fmt.Errorf("%w: %q", ErrNoMetric, metric)
	}
	return f, m, nil
}
