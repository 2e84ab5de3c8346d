package readout

import (
	"fmt"
	"slices"

	"github.com/tracklayer/tracklayer/registry"
)

const (
	silentDays    = 2   // without a first exposure
	volumeShare   = 0.5 // of the median of the week before
	volumeUsers   = 20  // that median, at least: fewer users vary that much by themselves
	reachableDays = 56  // to the planned users, at most: eight weeks
)

// silence looks for a running run that gets no new users, by the log's own clock.
func (f checker) silence() Check {
	c := Check{Check: "exposure_silence", Status: OK}
	by, last := f.newcomers()
	quiet := f.today() - last
	switch {
	case len(by) == 0:
		c.Status, c.Detail = NotEnoughData, "No user has been exposed yet."
	case !f.running():
		c.Detail = fmt.Sprintf("The run has ended; the last first exposure was on %s.", date(last))
	case quiet < silentDays:
		c.Detail = fmt.Sprintf("The newest first exposure was on %s.", date(last))
	default:
		c.Status = Warning
		c.Detail = fmt.Sprintf("No new user was exposed for %s, since %s, although the run is running. Check that the flag is on and its events arrive; if the experiment is over, stop the run.", days(quiet), date(last))
	}
	return c
}

// volume compares the last whole day with the week before it.
func (f checker) volume() Check {
	c := Check{Check: "exposure_volume", Status: NotEnoughData, Detail: fmt.Sprintf("The last day cannot be judged yet: the week before needs %d users or more on most days.", volumeUsers)}
	if !f.running() {
		c.Status, c.Detail = OK, "The run has ended."
		return c
	}
	by, _ := f.newcomers()
	first, _, ok := f.days()
	yesterday := f.today() - 1
	if !ok || first > yesterday-lastWeek {
		return c
	}
	var week []int64
	for day := yesterday - lastWeek; day < yesterday; day++ {
		week = append(week, by[day])
	}
	slices.Sort(week)
	median, n := week[len(week)/2], by[yesterday]
	if median < volumeUsers {
		return c
	}
	c.Status, c.Detail = OK, fmt.Sprintf("%s first exposed on %s; the median of the week before is %s.", many(n, "user was", "users were"), date(yesterday), whole(median))
	if float64(n) < volumeShare*float64(median) {
		c.Status = Warning
		c.Detail += " That is less than half: check for lost exposures, or a smaller share of users in the experiment."
	}
	return c
}

// planChanged says when the stopping rule was changed after the start: what was chosen after looking is worth less.
func planChanged(plans []registry.Plan) Check {
	c := Check{Check: "plan_changed", Status: OK}
	switch n := len(plans); n {
	case 0:
		c.Status, c.Detail = NotEnoughData, "No plan was frozen: the run has not started, or the experiment is not set up."
	case 1:
		c.Detail = "The plan is the one that was frozen at the start."
	default:
		c.Status = Warning
		c.Detail = fmt.Sprintf("The stopping rule was changed during the run: %d plans, the one in force from %s. A rule that is chosen after seeing results is less reliable; the earlier plans are listed with it. To be safe, start a new run.",
			n, date(dayOf(plans[n-1].FrozenAt)))
	}
	return c
}

// traffic asks whether the planned users can come in time.
func (f checker) traffic(m *registry.Metric, rows []Row) Check {
	c := Check{Check: "traffic", Status: NotEnoughData, Detail: "The pace cannot be judged yet: no whole day has passed since the first exposure."}
	first, _, ok := f.days()
	switch {
	case !f.running():
		c.Status, c.Detail = OK, "The run has ended."
		return c
	case f.horizon(rows):
		c.Status, c.Detail = OK, "The planned number of users is reached."
		return c
	case !ok || first >= f.today():
		return c
	}
	end, known := f.allReach(m, f.rule.UnitsPerVariant)
	if known && end-first <= reachableDays {
		c.Status, c.Detail = OK, fmt.Sprintf("At the last week's pace every variant has the planned %s on %s.", users(f.rule.UnitsPerVariant), date(end))
		return c
	}
	when := "at the last week's pace they are never reached"
	if known {
		when = "at the last week's pace they are reached on " + date(end)
	}
	c.Status = Warning
	c.Detail = fmt.Sprintf("The planned %s per variant are not reached within %d weeks of the start: %s. Plan for a larger effect", users(f.rule.UnitsPerVariant), reachableDays/7, when)
	if k := f.contestants(); k > 1 {
		c.Detail += fmt.Sprintf(", compare fewer than %d treatments in a new run, or let a bandit allocation shift users to those that do well", k)
	} else {
		c.Detail += " or include more users, in a new run"
	}
	c.Detail += "."
	return c
}
