package readout

import (
	"math"
	"slices"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

// lastWeek is how far back a pace is measured, in days.
const lastWeek = 7

// progress is how far a run has come on the way to its planned end.
type progress struct {
	*population
	now   canonical.Time // the newest receipt, or the run's end if that was before: what matures, matures by it
	plans []registry.Plan
	rule  registry.StoppingRule // in force
}

// today is the day, since 1970, by which everything is judged.
func (f *progress) today() int64 { return dayOf(f.now) }

// running reports whether more may come.
func (f *progress) running() bool {
	return f.life.Status == registry.Running || f.life.Status == registry.Undeclared
}

// pace is how many persons an arm gets a day, over the last week of whole days, or over as many as there were.
func (f *progress) pace(i int) float64 {
	first, _, ok := f.days()
	if !ok {
		return 0
	}
	yesterday := f.today() - 1
	since := max(first, yesterday-lastWeek+1)
	if since > yesterday {
		return 0
	}
	return float64(f.came[i].through(yesterday)-f.came[i].through(since-1)) / float64(yesterday-since+1)
}

// farthest is the last day that a forecast names, counted from today: a forecast beyond it would mean nothing.
const farthest = 3650

// reaches is the day on which so many of an arm have matured in a metric: known of those who came already, at the last
// week's pace of those who will.
func (f *progress) reaches(m *registry.Metric, i int, users int64) (day int64, ok bool) {
	came := f.came[i]
	for _, a := range came {
		if a.total >= users {
			return matures(m, a.day), true
		}
	}
	pace := f.pace(i)
	if !f.running() || pace <= 0 {
		return 0, false
	}
	wait := math.Ceil(float64(users-came.through(math.MaxInt64)) / pace)
	if !(wait <= farthest) {
		return 0, false
	}
	return matures(m, f.today()-1+int64(wait)), true
}

// allReach is the day on which every needed arm has so many matured users.
func (f *progress) allReach(m *registry.Metric, users int64) (last int64, ok bool) {
	for i := range f.arms {
		if !f.needed(i) {
			continue
		}
		day, known := f.reaches(m, i, users)
		if !known {
			return 0, false
		}
		last = max(last, day)
	}
	return last, len(f.arms) > 1
}

// expected is a day for JSON, if it is known and still to come.
func (f *progress) expected(day int64, ok bool) *string {
	if !ok || !f.running() || day < f.today() {
		return nil
	}
	text := date(day)
	return &text
}

// since is the number of days from the first exposure until now.
func (f *progress) since() (days int64, ok bool) {
	first, _, ok := f.days()
	return max(f.today()-first, 0), ok
}

// smallest is the least of the needed arms' users.
func (f *progress) smallest(rows []Row) int64 {
	least, seen := int64(0), false
	for i, row := range rows {
		if f.needed(i) && (!seen || row.Users < least) {
			least, seen = row.Users, true
		}
	}
	return least
}

// horizon reports whether what was planned has been gathered: matured users in every arm, and whole weeks.
func (f *progress) horizon(basis []Row) bool {
	days, ok := f.since()
	return ok && days >= f.rule.Days && len(f.arms) > 1 && f.smallest(basis) >= f.rule.UnitsPerVariant
}

// planView shows the rule in force and those before it.
func (f *progress) planView() *PlanView {
	n := len(f.plans)
	if n == 0 {
		return nil
	}
	v := &PlanView{Plan: f.plans[n-1], Former: f.plans[:n-1]}
	if v.Former == nil {
		v.Former = []registry.Plan{}
	}
	return v
}

// contestants is the number of treatments that get anybody, at least 1.
func (f *progress) contestants() int {
	n := 0
	for _, i := range f.treatments() {
		if f.arms[i].weight > 0 {
			n++
		}
	}
	return max(n, 1)
}

// required shares the threshold's chance of an error among the treatments (Bonferroni).
func (f *progress) required() float64 {
	threshold, k := f.rule.Threshold, f.contestants()
	if k == 1 {
		return threshold
	}
	return 1 - (1-threshold)/float64(k)
}

// likely reports whether a probability to beat control is what the rule asks for.
func (f *progress) likely(p *float64) bool { return p != nil && *p >= f.required() }

// cheap reports whether an expected loss, relative to the control's mean, is within the rule.
func (f *progress) cheap(loss *float64) bool { return loss != nil && *loss <= f.rule.MaxExpectedLoss }

// relativeLoss is a row's expected loss as a share of the control's mean; nil: unknown, or the control's mean is 0.
func (f *progress) relativeLoss(rows []Row, row *Row) *float64 {
	control := rows[f.control].Mean
	if row == nil || row.Effect == nil || row.ExpectedLoss == nil || control == nil || *control == 0 {
		return nil
	}
	loss := *row.ExpectedLoss / math.Abs(*control)
	return &loss
}

// smallestTreatment is the least of the users of the treatments that get anybody.
func (f *progress) smallestTreatment(rows []Row) float64 {
	least := math.Inf(1)
	for _, i := range f.treatments() {
		if f.needed(i) {
			least = min(least, float64(rows[i].Users))
		}
	}
	if math.IsInf(least, 1) {
		return 0
	}
	return least
}

// weightsOn are the weights by the plan that was in force on a day; nil: they changed on it. Before the first plan the
// first holds: a late declaration says what was so before.
func (f *progress) weightsOn(day int64) []float64 {
	plan := &f.plans[0]
	for i := range f.plans[1:] {
		p := &f.plans[1+i]
		switch at := dayOf(p.FrozenAt); {
		case at == day:
			return nil
		case at < day:
			plan = p
		}
	}
	weights := make([]float64, len(f.arms))
	for i, a := range f.arms {
		if j := slices.IndexFunc(plan.Variants, func(v registry.Allotment) bool { return v.Variant == a.key }); j >= 0 {
			weights[i] = plan.Variants[j].Weight
		}
	}
	return weights
}

// reweighted reports whether the weights changed during the run.
func (f *progress) reweighted() bool {
	return slices.ContainsFunc(f.plans, func(p registry.Plan) bool { return !slices.Equal(p.Variants, f.plans[0].Variants) })
}
