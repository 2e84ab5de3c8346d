package readout

import (
	"fmt"
	"math"

	"github.com/tracklayer/tracklayer/registry"
)

// lastWeek is how far back a pace is measured, in days.
const lastWeek = 7

// today is the day, since 1970, by which everything is judged.
func (f *frame) today() int64 { return dayOf(f.now) }

// running reports whether more may come.
func (f *frame) running() bool {
	return f.life.Status == registry.Running || f.life.Status == registry.Undeclared
}

// needed are the arms that the plan needs: the control, and whoever has a weight.
func (f *frame) needed(i int) bool { return f.arms[i].weight > 0 || i == f.control }

// pace is how many persons an arm gets a day, over the last week of whole days, or over as many as there were.
func (f *frame) pace(i int) float64 {
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

// farthest is the last day that a forecast names, counted from today: what is farther off nobody can tell.
const farthest = 3650

// reaches is the day on which so many of an arm have matured in a metric: known of those who came already, at the last
// week's pace of those who will.
func (f *frame) reaches(m *registry.Metric, i int, users int64) (day int64, ok bool) {
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
func (f *frame) allReach(m *registry.Metric, users int64) (last int64, ok bool) {
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

// expected is a day for JSON, where it is known and still to come.
func (f *frame) expected(day int64, ok bool) *string {
	if !ok || !f.running() || day < f.today() {
		return nil
	}
	text := date(day)
	return &text
}

// since is the number of days from the first exposure until now.
func (f *frame) since() (days int64, ok bool) {
	first, _, ok := f.days()
	return max(f.today()-first, 0), ok
}

// smallest is the least of the needed arms' users.
func (f *frame) smallest(rows []Row) int64 {
	least, seen := int64(0), false
	for i, row := range rows {
		if f.needed(i) && (!seen || row.Users < least) {
			least, seen = row.Users, true
		}
	}
	return least
}

// horizon reports whether what was planned has been gathered: matured users in every arm, and whole weeks.
func (f *frame) horizon(basis []Row) bool {
	days, ok := f.since()
	return ok && days >= f.rule.Days && len(f.arms) > 1 && f.smallest(basis) >= f.rule.UnitsPerVariant
}

// overrun asks whether people go on looking after the planned end, when each further look is another chance of a false
// alarm.
func (f *frame) overrun(m *registry.Metric, rows []Row) Check {
	c := Check{Check: "overrun", Status: OK, Detail: "The planned end is not reached yet."}
	reached, ok := f.plannedEnd(m)
	switch {
	case !f.running():
		c.Detail = "The run has ended."
		return c
	case !ok || !f.horizon(rows):
		return c
	}
	c.Detail = fmt.Sprintf("The planned end was reached on %s.", date(reached))
	if past := f.today() - reached; past >= lastWeek {
		c.Status = Warning
		c.Detail = fmt.Sprintf("The planned end was reached on %s, %s ago. What shows only now is opened by the always-valid interval alone: decide, or stop the run.", date(reached), days(past))
	}
	return c
}

// planView shows the rule in force and those before it.
func (f *frame) planView() *PlanView {
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
