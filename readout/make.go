package readout

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/registry"
)

// What Make cannot answer.
var (
	ErrNoExperiment = errors.New("no experiment has this id")
	ErrNoRun        = errors.New("the experiment has no such run")
	ErrNoMetric     = errors.New("the experiment has no such metric")
	ErrRecomputing  = errors.New("the experiment is being recomputed, and what it was before is not known any more")
)

// Make reads an experiment's run, 0 for the newest, off a View, without bots and internal users. It fails with
// ErrNoExperiment, ErrNoRun or ErrRecomputing.
func Make(v *core.View, experiment string, run int, codeVersion string) (*Readout, error) {
	return MakeCounting(v, experiment, run, false, codeVersion)
}

// MakeCounting is Make, where filtered persons, that is bots and internal users, are counted or not.
func MakeCounting(v *core.View, experiment string, run int, filtered bool, codeVersion string) (*Readout, error) {
	f, err := frameOf(v, experiment, run, filtered)
	if err != nil {
		return nil, err
	}
	s, found := f.of, f.life
	r := &Readout{
		ExperimentID:    experiment,
		Status:          found.Status,
		Invalid:         found.Invalid(),
		AsOf:            AsOf{s.Seq, s.Revision, codeVersion, v.Due, v.Erasures},
		Control:         f.def.Control,
		CrossoverPolicy: string(f.def.Crossover),
		Filtered:        f.filteredWord(),
		Variants:        f.variants(),
		Metrics:         f.metrics(),
		OtherPolicy:     f.otherPolicy(),
		Crossovers:      f.pairs(),
		EarlyStop:       f.earlyStop(),
		UnknownVariants: f.unknown(),
		OutsideRun:      s.Aggregate.OutsideRun,
		Conversions:     f.conversions(),
		VariantMismatch: f.run.Mismatched,
		refundsLost:     f.run.Refunds,
	}
	if found.Number > 0 {
		r.Run = &found.Number
	}
	if r.Invalid {
		r.InvalidReason = found.EndedReason
	}
	if p := f.primary(); p != nil {
		r.PrimaryMetric = &p.ID
	}
	r.Checks = f.checks(r)
	r.Decision = f.decide(r)
	if s.Experiment != nil {
		r.Decision.Outcome = s.Experiment.Outcome(found.Number)
	}
	r.bound(s)
	return r, nil
}

// frameOf finds an experiment's run, or says why there is nothing to read.
func frameOf(v *core.View, experiment string, run int, filtered bool) (*frame, error) {
	s, ok := v.Experiment(experiment)
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrNoExperiment, experiment)
	}
	if s.Lost {
		return nil, fmt.Errorf("%w: %q", ErrRecomputing, experiment)
	}
	found, ok := find(s, run)
	if !ok {
		return nil, fmt.Errorf("%w: %q has no run %d", ErrNoRun, experiment, run)
	}
	f := newFrame(s, found)
	f.seen = v.Seen
	f.count(filtered)
	return f, nil
}

// find is the run that was asked for. A draft without runs has a readout as well: nothing, and why.
func find(s *core.Snapshot, run int) (registry.Run, bool) {
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

// frame is a run with what it is read by.
type frame struct {
	def      *registry.Definition
	declared bool
	of       *core.Snapshot
	whole    *core.Aggregate
	life     registry.Run
	run      *core.RunAggregate
	arms     []arm
	control  int              // index into arms, -1: there is none
	filtered bool             // bots and internal users are counted
	came     []arrivals       // who is counted, by arm
	money    map[string]money // by metric over value
	seen     core.Table[core.Seen]
	now      canonical.Time // the newest receipt, or the run's end where that was before: what matures, matures by it
	plans    []registry.Plan
	rule     registry.StoppingRule // in force
}

// arm is a variant with its aggregate, which is empty where nobody came.
type arm struct {
	*core.VariantAggregate
	key    string
	weight float64
}

func newFrame(s *core.Snapshot, run registry.Run) *frame {
	f := &frame{of: s, whole: s.Aggregate, life: run, run: s.Aggregate.Runs[run.Number], control: -1}
	if f.run == nil {
		f.run = &core.RunAggregate{}
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
			counted = &core.VariantAggregate{}
		}
		a := arm{counted, v.Key, *v.Weight}
		if v.Key == f.def.Control {
			f.control = i
		}
		f.arms = append(f.arms, a)
	}
	return f
}

// count sets whether filtered persons are counted.
func (f *frame) count(filtered bool) {
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

// treatments are the indices of all arms but the control.
func (f *frame) treatments() []int {
	var all []int
	for i := range f.arms {
		if i != f.control {
			all = append(all, i)
		}
	}
	return all
}

// primary is the metric that decides, nil where none does.
func (f *frame) primary() *registry.Metric {
	for i := range f.def.Metrics {
		if m := &f.def.Metrics[i]; m.Role == registry.Primary {
			return m
		}
	}
	return nil
}

// Summary is the least to know of an experiment, of its newest run.
type Summary struct {
	Status       registry.Status
	Run          int // 0: none
	ExposedUsers int64
	LastDay      string // on which somebody who counts was exposed for the first time, "2026-11-20"; "" for nobody
}

// Summarize reads a Summary off a snapshot. It costs nothing like a Readout.
func Summarize(s *core.Snapshot) Summary {
	run, _ := find(s, 0)
	f := newFrame(s, run)
	f.count(false)
	sum := Summary{Status: run.Status, Run: run.Number}
	for i := range f.arms {
		sum.ExposedUsers += f.users(i)
	}
	if _, last, ok := f.days(); ok {
		sum.LastDay = date(last)
	}
	return sum
}
