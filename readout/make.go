package readout

import (
	"errors"

	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/registry"
)

// What Make cannot answer.
var (
	ErrNoExperiment = errors.New("no experiment has this id")
	ErrNoRun        = errors.New("the experiment has no such run")
	ErrNoMetric     = errors.New("the experiment has no such metric")
	ErrRecomputing  = errors.New("the experiment is being recomputed, and its state before is no longer known")
)

// Question is which run of which experiment is asked about. Every question that is answered from a View has one.
type Question struct {
	Experiment string
	Run        int  // 0: the newest
	Filtered   bool // bots and internal users are counted
}

// Make reads a run off a View. It fails with ErrNoExperiment, ErrNoRun or ErrRecomputing.
func Make(v *sums.View, q Question, codeVersion string) (*Readout, error) {
	f, err := measuredRun(v, q)
	if err != nil {
		return nil, err
	}
	s, found := f.of, f.life
	r := &Readout{
		ExperimentID:    q.Experiment,
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
	r.Checks = checker{f}.checks(r)
	r.Decision = decide(f, r)
	if s.Experiment != nil {
		r.Decision.Outcome = s.Experiment.Outcome(found.Number)
	}
	r.bound(s)
	return r, nil
}

// Summary is the least to know of an experiment, of its newest run.
type Summary struct {
	Status       registry.Status
	Run          int // 0: none
	ExposedUsers int64
	LastDay      string // on which a counted user was first exposed, "2026-11-20"; "": no user
}

// Summarize reads a Summary off a snapshot. It costs nothing like a Readout.
func Summarize(s *sums.Snapshot) Summary {
	run, _ := find(s, 0)
	f := measure(s, run)
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
