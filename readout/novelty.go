package readout

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/tracklayer/tracklayer/registry"
	"github.com/tracklayer/tracklayer/stats"
)

const (
	noveltyBelow     = 0.01 // p of a slope
	noveltyDays      = 4    // at least, for a slope that is more than a guess
	noveltyUsers     = 10   // of an arm on a day
	noveltyConverted = 10   // of both arms at an age
	noveltyAges      = 28   // days since exposure, if the metric has no window
)

// novelty asks whether the effect of a treatment fades or grows: by days since the exposure, among those who had not
// converted before, and by the day of the first exposure. Both are of the matured users alone, of whom every age was
// seen, and both have uncorrelated days, as a cumulative series has not.
func (f *measured) novelty(m *registry.Metric, treatment int, rows []Row, mde *float64) *Novelty {
	control := rows[f.control]
	if treatment < 0 || control.Mean == nil || *control.Mean == 0 {
		return nil
	}
	n := &Novelty{Variant: f.arms[treatment].key}
	s := maturedBy(m, f.now)
	if m.Type == registry.Proportion {
		n.ByHazard = slope(f.hazards(m, s, treatment))
	}
	if *m.Window != 0 { // without one the older days have had more time, and would differ for that alone
		n.ByCohort = slope(f.cohorts(m, s, treatment, rows))
	}
	if n.ByHazard == nil && n.ByCohort == nil {
		return nil
	}
	for _, t := range [...]*NoveltyTest{n.ByHazard, n.ByCohort} {
		n.Suspected = n.Suspected || t.drifts() && mde != nil && t.apart() > *mde
	}
	return n
}

func (n *Novelty) drifts() bool { return n.ByHazard.drifts() || n.ByCohort.drifts() }

func (t *NoveltyTest) drifts() bool { return t != nil && t.PValue != nil && *t.PValue < noveltyBelow }

// apart is how far the late days are from the early ones.
func (t *NoveltyTest) apart() float64 {
	if t.Early == nil || t.Late == nil {
		return 0
	}
	return math.Abs(*t.Late - *t.Early)
}

// sentence says what each test found.
func (n *Novelty) sentence() string {
	var parts []string
	for _, t := range [...]struct {
		by   string
		test *NoveltyTest
	}{{"days since exposure", n.ByHazard}, {"day of exposure", n.ByCohort}} {
		if t.test == nil || t.test.PValue == nil {
			continue
		}
		text := fmt.Sprintf("by %s p = %s", t.by, short(*t.test.PValue))
		if t.test.Early != nil && t.test.Late != nil {
			text += fmt.Sprintf(", early %s, late %s", signed(*t.test.Early), signed(*t.test.Late))
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// slope fits a line to the daily effects; nil if there are too few.
func slope(effects []stats.DailyEffect) *NoveltyTest {
	if len(effects) < noveltyDays {
		return nil
	}
	first, last := effects[0].Day, effects[len(effects)-1].Day
	r := stats.Novelty(effects, first+(last-first+1)/2)
	var none Reasons
	t := &NoveltyTest{Days: len(effects)}
	t.Slope, t.PValue = none.number("", r.Slope), none.number("", r.SlopeP)
	t.Early, t.Late = none.number("", r.Early), none.number("", r.Late)
	return t
}

// atRisk is, by days since the exposure, how many of an arm had not converted before and were seen on that day, and how
// many converted on it.
type atRisk struct{ users, converted []int64 }

func (f *measured) atRisk(m *registry.Metric, s scope, i, ages int) atRisk {
	r := atRisk{make([]int64, ages+2), make([]int64, ages+1)}
	yesterday := f.today() - 1
	seen := func(day int64) int64 { return min(int64(ages), yesterday-day) } // the last age
	for _, a := range f.came[i] {
		if last := seen(a.day); a.day <= s.through && last >= 0 {
			r.users[0] += a.n
			r.users[last+1] -= a.n
		}
	}
	for g := range f.arms[i].Metrics[m.ID].Growths(f.who()) {
		if last := seen(g.Day); g.Day <= s.through && g.Age <= last {
			r.converted[g.Age] += g.Users
			r.users[g.Age+1] -= g.Users
			r.users[last+1] += g.Users
		}
	}
	for age := 1; age < len(r.users); age++ {
		r.users[age] += r.users[age-1]
	}
	return r
}

// hazards are the effects on the share that converts on a day among those who had not, relative to that of both arms
// together, which also gives the error: so no day counts for more because of what happened on it.
func (f *measured) hazards(m *registry.Metric, s scope, treatment int) []stats.DailyEffect {
	ages := noveltyAges
	if w := time.Duration(*m.Window).Milliseconds(); w > 0 {
		ages = int(min((w+dayMillis-1)/dayMillis, 366))
	}
	c, t := f.atRisk(m, s, f.control, ages), f.atRisk(m, s, treatment, ages)
	var all []stats.DailyEffect
	for age := range c.converted {
		converted, nc, nt := c.converted[age]+t.converted[age], float64(c.users[age]), float64(t.users[age])
		if converted < noveltyConverted || nc < noveltyUsers || nt < noveltyUsers {
			continue
		}
		both := float64(converted) / (nc + nt)
		if both >= 1 {
			continue
		}
		all = append(all, stats.DailyEffect{
			Day:    age,
			Effect: (float64(t.converted[age])/nt - float64(c.converted[age])/nc) / both,
			SE:     math.Sqrt((1 - both) / both * (1/nc + 1/nt)),
		})
	}
	return all
}

// cohorts are the effects among those first exposed on a day, relative to the control's mean of all days. Their errors
// come from the spread over all days, so that no day counts for more because of what happened on it.
func (f *measured) cohorts(m *registry.Metric, s scope, treatment int, rows []Row) []stats.DailyEffect {
	control, other := &rows[f.control], &rows[treatment]
	if control.Variance == nil || other.Variance == nil {
		return nil
	}
	unit := math.Abs(*control.Mean)
	of := func(i int) map[int64]float64 {
		means := map[int64]float64{}
		for day, sums := range f.arms[i].Metrics[m.ID].Days(f.who()) {
			if one := f.sample(m, f.came[i].on(day), sums); day <= s.through && one.mean.OK {
				means[day] = one.mean.Value
			}
		}
		return means
	}
	mc, mt := of(f.control), of(treatment)
	var all []stats.DailyEffect
	for _, a := range f.came[f.control] {
		nt := f.came[treatment].on(a.day)
		if a.day > s.through || a.n < noveltyUsers || nt < noveltyUsers {
			continue
		}
		se := math.Sqrt(*control.Variance/float64(a.n)+*other.Variance/float64(nt)) / unit
		if !(se > 0) || math.IsInf(se, 0) {
			continue
		}
		all = append(all, stats.DailyEffect{Day: int(a.day), Effect: (mt[a.day] - mc[a.day]) / unit, SE: se})
	}
	return all
}
