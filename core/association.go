package core

import (
	"context"
	"strconv"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
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
	verdicts  map[participationRun][]*person.Verdict
	exposures map[person.Moment]*canonical.Event
	users     map[canonical.Unit]string
	version   uint64 // of the person, 0 until it is asked for
}

func (w *watched) rowMaker(state *reader) *rowMaker {
	m := &rowMaker{watched: w, state: state, verdicts: w.verdictsOf(), exposures: map[person.Moment]*canonical.Event{}, users: map[canonical.Unit]string{}}
	for _, p := range w.Placed {
		m.exposures[person.MomentOf(p.Event)] = p.Event
	}
	return m
}

// rows are the person's rows in one run: one for every conversion concerned, or one without.
func (m *rowMaker) rows(experiment string, v *person.Run) ([]Association, error) {
	if !v.Exposed() {
		return nil, nil
	}
	base, exposure := m.base(experiment, v)
	if err := m.deliveries(&base, exposure); err != nil {
		return nil, err
	}
	verdicts := m.verdicts[participationRun{experiment, v.Run}]
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
func (m *rowMaker) base(experiment string, v *person.Run) (Association, *canonical.Event) {
	a := Association{ExperimentID: experiment, Run: v.Run, RunStatus: registry.Undeclared, Key: m.Units[0], EndedEarly: v.End.Set(), Filtered: m.Labels != 0}
	if x, ok := m.rules.Get(experiment); ok {
		run, _ := x.Run(v.Run)
		a.RunStatus = run.Status
	}
	arms := v.Arms
	if len(arms) == 0 {
		arms = v.Unknown
	} else {
		a.Variant = v.First().Variant
	}
	earliest := arms[0].Earliest
	for _, arm := range arms {
		a.Exposures += arm.N
		if arm.Earliest.Before(earliest) {
			earliest = arm.Earliest
		}
	}
	a.Crossover = len(v.Arms) > 1
	e := m.exposures[earliest]
	a.ExposedAt, a.ExposureEvent, a.SourceTool, a.AnonymousID = e.At, e.ID, e.Source, e.AnonymousID
	return a, e
}

func (m *rowMaker) convert(a *Association, v *person.Run, d *person.Verdict, exposure *canonical.Event) error {
	e := d.Event
	a.ConvertedAt, a.ConversionEvent, a.ConversionID = e.At, e.ConversionEvent, e.ID
	a.Value, a.MetricValue, a.Currency = e.Value, e.MetricValue, e.Currency
	if e.AnonymousID != "" {
		a.AnonymousID = e.AnonymousID
	}
	a.Status = d.Status.Under(v.Population(m.Labels), m.rules.Policy(a.ExperimentID), false)
	a.Unfiltered = d.Status.Under(v.Population(m.Labels), m.rules.Policy(a.ExperimentID), true)
	a.DedupStatus, a.Destination = kept, e.Source
	if d.Kept != nil {
		a.DedupStatus, a.DuplicateOf, a.Destination = duplicate, d.Kept.ID, d.Kept.Source
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

// Associations calls begin with the last commit and then each with all rows of an experiment in it, those of one run
// where run is not 0, in the order of the persons' keys: all of them stand for that View. It runs beside Apply and holds
// one person at a time. An error of begin or each ends it.
func (f *Fold) Associations(ctx context.Context, experiment string, run int, begin func(*sums.View) error, each func(*Association) error) error {
	return f.reading(func(v *sums.View, r *reader) error {
		if err := begin(v); err != nil {
			return err
		}
		return eachRecord(r.db.Scan([]byte{keyPerson}), func(_, value []byte) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			p, _, err := person.Decode(value)
			if err != nil || p == nil || !p.In(experiment) {
				return err
			}
			w, err := r.look(p.Units, p.Size())
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

// all are the person's rows in order of the experiments, runs and conversions. "" and 0 leave out no experiment and no
// run.
func (m *rowMaker) all(experiment string, run int) ([]Association, error) {
	rows := []Association{}
	for i := range m.Parts {
		q := &m.Parts[i]
		if experiment != "" && q.Experiment != experiment {
			continue
		}
		for j := range q.Runs {
			if run != 0 && q.Runs[j].Run != run {
				continue
			}
			more, err := m.rows(q.Experiment, &q.Runs[j])
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
