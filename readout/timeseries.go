package readout

import (
	"math"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/registry"
	"github.com/tracklayer/tracklayer/stats"
)

// Timeseries is one metric of a run over time. Its JSON is the API's.
type Timeseries struct {
	ExperimentID    string              `json:"experiment_id"`
	Run             *int                `json:"run"`
	Status          registry.Status     `json:"status"`
	AsOf            AsOf                `json:"as_of"`
	Control         string              `json:"control"`
	Metric          string              `json:"metric"`
	Type            registry.MetricType `json:"type"`
	Direction       string              `json:"direction"`
	Window          registry.Window     `json:"window"`
	Population      string              `json:"population"` // All or MaturedOnly
	CrossoverPolicy string              `json:"crossover_policy"`
	Filtered        string              `json:"filtered"`
	// Days are the figures as they stood at the end of each day, UTC, from the first exposure on.
	Days []SeriesDay `json:"days"`
	// Cohorts are the persons by the day of their first exposure, with whatever they did since.
	Cohorts []SeriesCohort `json:"cohorts"`
	// DaysSinceExposure are the persons by how many days (UTC) after their first exposure they did something, of those
	// alone for whom that day is over.
	DaysSinceExposure []SeriesAge `json:"days_since_exposure"`
}

// Populations of a time series.
const (
	All         = "all"
	MaturedOnly = "matured"
)

// SeriesDay is a day.
type SeriesDay struct {
	Day      string      `json:"day"`
	Complete bool        `json:"complete"` // the day is over
	Variants []DayFigure `json:"variants"`
	// SampleRatio is the p value of the split until then; null: it cannot be judged.
	SampleRatio *float64 `json:"sample_ratio_p_value"`
}

// DayFigure is one variant at the end of a day.
type DayFigure struct {
	Variant        string   `json:"variant"`
	NewUsers       int64    `json:"new_users"` // first exposed on that day, whatever the population
	Users          int64    `json:"users"`
	ConvertedUsers int64    `json:"converted_users"`
	Mean           *float64 `json:"mean"`
	*Contrast               // of a treatment
}

// Contrast is a treatment against the control; intervals are of the relative lift, two-sided, 95%. What is null does not
// exist yet.
type Contrast struct {
	Lift                     *float64    `json:"lift"` // relative
	ProbabilityToBeatControl *float64    `json:"probability_to_beat_control"`
	CredibleInterval         *[2]float64 `json:"credible_interval"`
	ConfidenceInterval       *[2]float64 `json:"confidence_interval"`
	SequentialInterval       *[2]float64 `json:"sequential_interval"`
	// RunningInterval is what the always-valid intervals until then have in common, which never grows; null if they
	// have nothing in common, which an effect that changes with time does.
	RunningInterval *[2]float64 `json:"running_sequential_interval"`
	PValue          *float64    `json:"p_value"`
	// SequentialPValue is the smallest always-valid one until then.
	SequentialPValue *float64 `json:"sequential_p_value"`
	EarlyStop        string   `json:"early_stop_marker,omitempty"` // of the matured alone
}

// SeriesCohort is a day of first exposure.
type SeriesCohort struct {
	Day      string         `json:"day"`
	Matured  bool           `json:"matured"` // every window has closed
	Variants []CohortFigure `json:"variants"`
}

// CohortFigure is one variant of a cohort.
type CohortFigure struct {
	Variant            string      `json:"variant"`
	Users              int64       `json:"users"`
	ConvertedUsers     int64       `json:"converted_users"`
	Mean               *float64    `json:"mean"`
	Difference         *float64    `json:"difference,omitempty"` // from the control, in units of the metric
	StandardError      *float64    `json:"standard_error,omitempty"`
	ConfidenceInterval *[2]float64 `json:"confidence_interval,omitempty"` // of the relative lift
}

// SeriesAge is a number of days since the first exposure.
type SeriesAge struct {
	Day      int64       `json:"day"`
	Variants []AgeFigure `json:"variants"`
}

// AgeFigure is one variant at an age.
type AgeFigure struct {
	Variant string `json:"variant"`
	// Users are those for whom that day is over.
	Users int64 `json:"users"`
	// AtRisk of them had not converted before; FirstConversions did on that day, and Hazard is their share.
	AtRisk           int64    `json:"at_risk"`
	FirstConversions int64    `json:"first_conversions"`
	Hazard           *float64 `json:"hazard"`
	// Sum is what the metric grew by on that day (of a ratio, its numerator), and PerUser that over the Users.
	Sum     *float64 `json:"sum"`
	PerUser *float64 `json:"per_user"`
	// Difference is that of the hazards from the control's, for a proportion; StandardError is its standard error.
	Difference    *float64 `json:"difference,omitempty"`
	StandardError *float64 `json:"standard_error,omitempty"`
}

// mostDays bounds the days of a series, from the newest back. Who came before them is in the figures as of a day, but
// has no day and no cohort of its own.
const mostDays = 400

// SeriesQuestion is which series of a run is asked for.
type SeriesQuestion struct {
	Question
	Metric  string // "": the primary one
	Matured bool   // of the matured alone
}

// Series reads a run over time off a View. It fails as Make does, and with ErrNoMetric if there is no such metric, or
// none is primary.
func Series(v *sums.View, q SeriesQuestion, codeVersion string) (*Timeseries, error) {
	f, m, err := measuredMetric(v, q.Question, q.Metric)
	if err != nil {
		return nil, err
	}
	s := f.of
	t := &Timeseries{
		ExperimentID: q.Experiment, Status: f.life.Status, AsOf: AsOf{s.Seq, s.Revision, codeVersion, v.Due, v.Erasures}, Control: f.def.Control,
		Metric: m.ID, Type: m.Type, Direction: m.Direction, Window: *m.Window, Population: All, CrossoverPolicy: string(f.def.Crossover),
		Filtered: f.filteredWord(), Days: []SeriesDay{}, Cohorts: []SeriesCohort{}, DaysSinceExposure: []SeriesAge{},
	}
	if q.Matured {
		t.Population = MaturedOnly
	}
	if f.life.Number > 0 {
		t.Run = &f.life.Number
	}
	if first, last, ok := f.days(); ok {
		last = max(last, f.today())
		first = max(first, last-mostDays+1)
		t.Days = seriesDays(f, m, first, last, q.Matured)
		t.Cohorts = seriesCohorts(f, m, first, last)
		t.DaysSinceExposure = seriesAges(f, m)
	}
	return t, nil
}

// seriesDays are the figures as they stood at the end of each day.
func seriesDays(f *measured, m *registry.Metric, first, last int64, matured bool) []SeriesDay {
	all := make([]SeriesDay, 0, last-first+1)
	so := make([]running, len(f.arms))
	for day := first; day <= last; day++ {
		s := scope{through: day, asOf: true}
		if matured {
			s = maturedAfter(m, day)
		}
		samples := f.samples(m, s)
		d := SeriesDay{Day: date(day), Complete: day < f.today(), Variants: make([]DayFigure, 0, len(f.arms)), SampleRatio: splitThrough(f.population, day)}
		for i, a := range f.arms {
			var none Reasons
			row := DayFigure{
				Variant: a.key, NewUsers: f.came[i].on(day), Users: samples[i].users, ConvertedUsers: samples[i].converted, Mean: none.number("", samples[i].mean),
			}
			if i != f.control {
				c := comparison{metric: m, control: &samples[f.control], treatment: &samples[i], planned: float64(f.rule.SequentialUsers)}
				row.Contrast = c.contrast(&so[i])
				if matured {
					row.EarlyStop = c.marker(row.SequentialInterval)
				}
			}
			d.Variants = append(d.Variants, row)
		}
		all = append(all, d)
	}
	return all
}

// running is what the looks until now have in common.
type running struct {
	low, high float64
	p         float64
	begun     bool
}

// contrast is what changes from day to day of an effect.
func (c *comparison) contrast(so *running) *Contrast {
	var none Reasons
	moments := stats.CompareMoments(c.control.moments, c.treatment.moments)
	b, fixed, valid := c.belief(moments), c.fixed(moments), c.alwaysValid(moments)
	out := &Contrast{
		Lift: none.number("", moments.Lift()), ProbabilityToBeatControl: none.number("", b.probability),
		CredibleInterval: none.interval("", b.p95()), ConfidenceInterval: none.interval("", fixed.p95()), PValue: none.number("", fixed.p),
		SequentialInterval: none.interval("", valid.p95()), SequentialPValue: none.number("", valid.p),
	}
	so.see(out)
	return out
}

// see narrows what is known by one more look.
func (r *running) see(c *Contrast) {
	if !r.begun {
		r.low, r.high, r.p = math.Inf(-1), math.Inf(1), 1
	}
	if i := c.SequentialInterval; i != nil {
		r.begun = true
		r.low, r.high = math.Max(r.low, i[0]), math.Min(r.high, i[1])
	}
	if p := c.SequentialPValue; p != nil {
		r.begun = true
		r.p = math.Min(r.p, *p)
		smallest := r.p
		c.SequentialPValue = &smallest
	}
	if r.begun && r.low <= r.high && !math.IsInf(r.low, 0) && !math.IsInf(r.high, 0) {
		c.RunningInterval = &[2]float64{r.low, r.high}
	}
}

// splitThrough is the p value of the split of who came until the end of a day.
func splitThrough(f *population, day int64) *float64 {
	if !f.declared { // the weights are unknown
		return nil
	}
	observed, weights := make([]int64, len(f.arms)), make([]float64, len(f.arms))
	for i, a := range f.arms {
		observed[i], weights[i] = f.came[i].through(day), a.weight
	}
	split := stats.SRM(observed, weights, mismatchBelow)
	if !split.MinExpected.OK || split.MinExpected.Value < leastExpected {
		return nil
	}
	var none Reasons
	return none.number("", split.P)
}

// seriesCohorts are the days of first exposure.
func seriesCohorts(f *measured, m *registry.Metric, first, last int64) []SeriesCohort {
	of := make([]map[int64]sums.Sums, len(f.arms))
	for i, a := range f.arms {
		of[i] = map[int64]sums.Sums{}
		for day, sums := range a.Metrics[m.ID].Days(f.who()) {
			of[i][day] = sums
		}
	}
	closed := maturedBy(m, f.now)
	all := []SeriesCohort{}
	for day := first; day <= last; day++ {
		c := SeriesCohort{Day: date(day), Matured: day <= closed.through, Variants: make([]CohortFigure, 0, len(f.arms))}
		samples := make([]sample, len(f.arms))
		var users int64
		for i := range f.arms {
			samples[i] = f.sample(m, f.came[i].on(day), of[i][day])
			users += samples[i].users
		}
		if users == 0 {
			continue
		}
		for i, a := range f.arms {
			var none Reasons
			row := CohortFigure{Variant: a.key, Users: samples[i].users, ConvertedUsers: samples[i].converted, Mean: none.number("", samples[i].mean)}
			if i != f.control {
				one := comparison{metric: m, control: &samples[f.control], treatment: &samples[i]}
				moments := stats.CompareMoments(one.control.moments, one.treatment.moments)
				row.Difference, row.StandardError = none.number("", moments.Diff()), none.number("", moments.DiffSE())
				row.ConfidenceInterval = none.interval("", one.fixed(moments).p95())
			}
			c.Variants = append(c.Variants, row)
		}
		all = append(all, c)
	}
	return all
}

// seriesAges are the days since the first exposure that are over for at least one user, up to the window.
func seriesAges(f *measured, m *registry.Metric) []SeriesAge {
	first, _, _ := f.days()
	oldest := f.today() - 1 - first
	if window := int64(math.Ceil(time.Duration(*m.Window).Hours() / 24)); window > 0 {
		oldest = min(oldest, window)
	}
	oldest = min(oldest, mostDays-1)
	if oldest < 0 {
		return []SeriesAge{}
	}
	arms := make([][]ageSums, len(f.arms))
	for i := range f.arms {
		arms[i] = ages(f, m, i, oldest)
	}
	unit := float64(scale(fieldOf(m)))
	all := make([]SeriesAge, 0, oldest+1)
	for age := int64(0); age <= oldest; age++ {
		s := SeriesAge{Day: age, Variants: make([]AgeFigure, 0, len(f.arms))}
		for i, a := range f.arms {
			g := arms[i][age]
			row := AgeFigure{Variant: a.key, Users: g.users, AtRisk: g.risk, FirstConversions: g.first}
			if g.risk > 0 {
				hazard := float64(g.first) / float64(g.risk)
				row.Hazard = &hazard
			}
			if sum := g.sum.Float() / unit; !f.money[m.ID].mixed() {
				row.Sum = &sum
				if g.users > 0 {
					per := sum / float64(g.users)
					row.PerUser = &per
				}
			}
			if i != f.control {
				var none Reasons
				c := arms[f.control][age]
				moments := stats.CompareMoments(stats.RateMoments(c.risk, c.first), stats.RateMoments(g.risk, g.first))
				row.Difference, row.StandardError = none.number("", moments.Diff()), none.number("", moments.DiffSE())
			}
			s.Variants = append(s.Variants, row)
		}
		all = append(all, s)
	}
	return all
}

// ageSums are an arm's persons at an age.
type ageSums struct {
	users, risk, first int64
	sum                canonical.Sum
}

// ages of an arm, 0 to oldest. A cohort is in an age if that day is over for all of it.
func ages(f *measured, m *registry.Metric, arm int, oldest int64) []ageSums {
	all := make([]ageSums, oldest+1)
	over := f.today() - 1
	for age := range all {
		all[age].users = f.came[arm].through(over - int64(age))
	}
	for g := range f.arms[arm].Metrics[m.ID].Growths(f.who()) {
		if g.Age <= oldest && g.Day+g.Age <= over {
			all[g.Age].sum = all[g.Age].sum.Plus(g.Y)
		}
	}
	at := f.atRisk(m, allCounted, arm, int(oldest))
	for age := range all {
		all[age].risk, all[age].first = at.users[age], at.converted[age]
	}
	return all
}

// fieldOf is the field that the numerator of a metric adds up.
func fieldOf(m *registry.Metric) string {
	if m.Type == registry.Ratio {
		return m.Numerator.Field
	}
	return m.Field
}
