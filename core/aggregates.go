package core

// aggregates are the aggregates of all experiments, to be written to.
type aggregates struct {
	aggs  map[string]*Aggregate
	dirty map[string]struct{} // experiments whose aggregate changed since the last commit
}

// aggregate is the aggregate of an experiment, fit to be written to.
func (s *aggregates) aggregate(experiment string) *Aggregate {
	a := s.aggs[experiment]
	switch {
	case a == nil:
		a = &Aggregate{}
		s.aggs[experiment] = a
	case a.handed:
		a = a.fork()
		s.aggs[experiment] = a
	}
	s.dirty[experiment] = struct{}{}
	return a
}

// contribute adds what a person contributes to the aggregate of the experiment (sign 1), or subtracts it (sign -1). ""
// stands for all experiments.
func (s *aggregates) contribute(sign int64, p *person, experiment string) {
	for i := range p.parts {
		if q := &p.parts[i]; experiment == "" || q.experiment == experiment {
			s.aggregate(q.experiment).add(sign, q, p)
		}
	}
}
