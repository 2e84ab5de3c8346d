package core

import (
	"context"
	"strconv"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

// RowVersion is the version of the association rows' columns.
const RowVersion = 3

// Association is a person in a run with one of the conversions that concern it, or with none. Text that does not apply
// is empty, a time that does not apply is 0.
type Association struct {
	ID              string // the same for the same experiment, run, person and conversion
	ExperimentID    string
	Run             int
	RunStatus       registry.Status
	Variant         string // of the first exposure; "": the person met no variant that the registry knows
	ExposedAt       canonical.Time
	ConvertedAt     canonical.Time
	ConversionEvent string
	Value           canonical.Number
	MetricValue     canonical.Number
	Currency        string
	Key             canonical.Unit // of the person
	AnonymousID     string         // of the conversion, else of the exposure
	Status          string         // of the conversion, by the experiment's policy, bots and internal users left out
	Unfiltered      string         // the same, bots and internal users counted; no column of its own
	DedupStatus     string         // kept or duplicate
	DuplicateOf     string         // event id of the report that is kept
	Adjusts         string         // dedup key of the conversion whose value the row adds to
	Destination     string         // source whose report of the conversion is kept
	SourceTool      string         // source of the first exposure
	Identity        string         // direct, linked or merged: how conversion and exposure are one person's
	Exposures       int64
	Crossover       bool
	EndedEarly      bool
	Filtered        bool   // a bot or an internal user
	ExposureEvent   string // event id of the first exposure
	ConversionID    string // event id of the conversion
	FirstSeq        uint64 // stream sequence of the first delivery of what makes the row: first exposure and conversion
	LastSeq         uint64 // of the newest delivery of these
	Version         uint64 // a stream sequence that grows whenever the row may have changed
}

// Words of the columns.
const (
	kept      = "kept"
	direct    = "direct"
	linked    = "linked"
	merged    = "merged"
	duplicate = "duplicate"
)

// rowMaker makes the rows of one person.
type rowMaker struct {
	*watched
	state     *reader
	verdicts  map[participationRun][]*verdict
	exposures map[moment]*canonical.Event
	users     map[canonical.Unit]string
	version   uint64 // of the person, 0 until it is asked for
}

func (w *watched) rowMaker(state *reader) *rowMaker {
	m := &rowMaker{watched: w, state: state, verdicts: w.verdictsOf(), exposures: map[moment]*canonical.Event{}, users: map[canonical.Unit]string{}}
	for _, p := range w.placed {
		m.exposures[momentOf(p.event)] = p.event
	}
	return m
}

// rows are the person's rows in one run: one for every conversion concerned, or one without.
func (m *rowMaker) rows(experiment string, v *runView) ([]Association, error) {
	if !v.exposed() {
		return nil, nil
	}
	base, exposure := m.base(experiment, v)
	if err := m.deliveries(&base, exposure); err != nil {
		return nil, err
	}
	verdicts := m.verdicts[participationRun{experiment, v.run}]
	if len(verdicts) == 0 {
		base.ID = m.deriveID(&base)
		base.Identity = direct
		return []Association{base}, nil
	}
	rows := make([]Association, 0, len(verdicts))
	for _, d := range verdicts {
		row := base
		if err := m.convert(&row, v, d, exposure); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// base is what all rows of a run share.
func (m *rowMaker) base(experiment string, v *runView) (Association, *canonical.Event) {
	a := Association{ExperimentID: experiment, Run: v.run, RunStatus: registry.Undeclared, Key: m.units[0], EndedEarly: v.end.set(), Filtered: m.labels != 0}
	if x, ok := m.rules.Get(experiment); ok {
		run, _ := x.Run(v.run)
		a.RunStatus = run.Status
	}
	arms := v.arms
	if len(arms) == 0 {
		arms = v.unknown
	} else {
		a.Variant = v.first().variant
	}
	earliest := arms[0].earliest
	for _, arm := range arms {
		a.Exposures += arm.n
		if arm.earliest.before(earliest) {
			earliest = arm.earliest
		}
	}
	a.Crossover = len(v.arms) > 1
	e := m.exposures[earliest]
	a.ExposedAt, a.ExposureEvent, a.SourceTool, a.AnonymousID = e.At, e.ID, e.Source, e.AnonymousID
	return a, e
}

func (m *rowMaker) convert(a *Association, v *runView, d *verdict, exposure *canonical.Event) error {
	e := d.event
	a.ConvertedAt, a.ConversionEvent, a.ConversionID = e.At, e.ConversionEvent, e.ID
	a.Value, a.MetricValue, a.Currency = e.Value, e.MetricValue, e.Currency
	if e.AnonymousID != "" {
		a.AnonymousID = e.AnonymousID
	}
	a.Status = d.status.Under(v.population(m.labels), m.rules.policy(a.ExperimentID), false)
	a.Unfiltered = d.status.Under(v.population(m.labels), m.rules.policy(a.ExperimentID), true)
	a.DedupStatus, a.Destination = kept, e.Source
	if d.kept != nil {
		a.DedupStatus, a.DuplicateOf, a.Destination = duplicate, d.kept.ID, d.kept.Source
	}
	a.Adjusts = e.Adjusts
	a.ID = m.deriveID(a, e.Source, e.ID)
	err := m.widen(a, e)
	if err != nil {
		return err
	}
	a.Identity, err = m.identity(exposure.Unit(), e.Unit())
	return err
}

func (m *rowMaker) deriveID(a *Association, conversion ...string) string {
	return canonical.DeriveID(append([]string{"association", a.ExperimentID, strconv.Itoa(a.Run), a.Key.Kind.String(), a.Key.ID}, conversion...)...)
}

// identity says what it took to see that two units are one person.
func (m *rowMaker) identity(a, b canonical.Unit) (string, error) {
	if a == b {
		return direct, nil
	}
	for _, u := range [...]canonical.Unit{a, b} {
		if _, known := m.users[u]; known {
			continue
		}
		user, err := m.state.userOf(u)
		if err != nil {
			return "", err
		}
		m.users[u] = user
	}
	if m.users[a] == m.users[b] {
		return linked, nil
	}
	return merged, nil
}

// policy is what becomes of crossovers.
func (r rules) policy(experiment string) registry.Crossover {
	if x, ok := r.Get(experiment); ok {
		return x.Crossover
	}
	return registry.Exclude
}

// Exclusions of conversions that would have counted.
const (
	FilteredOut        = "filtered" // a bot's or an internal user's
	CrossoverExcluded  = "crossover_excluded"
	EndedEarlyExcluded = "ended_early_excluded"
)

// Under is the status's word in the API for a person of that population where crossovers are treated by that policy, and
// bots and internal users are counted or not. A duplicate or a late conversion stays what it is, whoever made it.
func (s Status) Under(pop Population, policy registry.Crossover, filtered bool) string {
	keeps := policy == registry.FirstExposure
	counts := s == Counted || s == Adjustment
	if counts && pop&Filtered != 0 && !filtered {
		return FilteredOut
	}
	pop &^= Filtered
	switch {
	case !counts || pop == Clean:
	case pop == Ended, pop == CrossedEnded && keeps:
		return EndedEarlyExcluded
	case !keeps:
		return CrossoverExcluded
	}
	return s.String()
}

// Associations calls begin with the last commit and then each with all rows of an experiment in it, those of one run
// where run is not 0, in the order of the persons' keys: all of them stand for that View. It runs beside Apply and holds
// one person at a time. An error of begin or each ends it.
func (f *Fold) Associations(ctx context.Context, experiment string, run int, begin func(*View) error, each func(*Association) error) error {
	return f.reading(func(v *View, r *reader) error {
		if err := begin(v); err != nil {
			return err
		}
		return r.db.Scan([]byte{keyPerson}, func(_, value []byte) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			p, _, err := decodePerson(value)
			if err != nil || p == nil || !p.in(experiment) {
				return err
			}
			w, err := r.look(p.units, p.size())
			if err != nil {
				return err
			}
			rows, err := w.rowMaker(r).all(experiment, run)
			for i := range rows {
				if err := each(&rows[i]); err != nil {
					return err
				}
			}
			return err
		})
	})
}

// in reports whether the person takes part in the experiment.
func (p *person) in(experiment string) bool {
	for i := range p.parts {
		if p.parts[i].experiment == experiment {
			return true
		}
	}
	return false
}

// all are the person's rows in order of the experiments, runs and conversions. "" and 0 leave out no experiment and no
// run.
func (m *rowMaker) all(experiment string, run int) ([]Association, error) {
	rows := []Association{}
	for i := range m.parts {
		q := &m.parts[i]
		if experiment != "" && q.experiment != experiment {
			continue
		}
		for j := range q.runs {
			if run != 0 && q.runs[j].run != run {
				continue
			}
			more, err := m.rows(q.experiment, &q.runs[j])
			if err != nil {
				return nil, err
			}
			if len(rows) == 0 {
				rows = more // nearly always all there are
				continue
			}
			rows = append(rows, more...)
		}
	}
	return rows, nil
}
