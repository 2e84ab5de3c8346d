package core

import (
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
)

// aggregates are the aggregates of all experiments, to be written to.
type aggregates struct {
	aggs  map[string]*sums.Aggregate
	dirty map[string]struct{} // experiments whose aggregate changed since the last commit
}

// aggregate is the aggregate of an experiment, fit to be written to.
func (s *aggregates) aggregate(experiment string) *sums.Aggregate {
	a := s.aggs[experiment]
	switch {
	case a == nil:
		a = &sums.Aggregate{}
		s.aggs[experiment] = a
	case a.HandedOut():
		a = a.Fork()
		s.aggs[experiment] = a
	}
	s.dirty[experiment] = struct{}{}
	return a
}

// contribute adds what a person contributes to the aggregate of the experiment (sign 1), or subtracts it (sign -1). ""
// stands for all experiments.
func (s *aggregates) contribute(sign int64, p *person.Person, experiment string) {
	for i := range p.Parts {
		if q := &p.Parts[i]; experiment == "" || q.Experiment == experiment {
			s.aggregate(q.Experiment).Add(sign, q, p)
		}
	}
}
