package readout

import (
	"fmt"
	"math"

	"github.com/tracklayer/tracklayer/registry"
	"github.com/tracklayer/tracklayer/stats"
)

// steadyDays is at how many daily snapshots in a row the probability and the loss must hold.
const steadyDays = 3

// looks are the last daily snapshots of a treatment in the primary metric, the newest last, each over those who had
// matured by the end of its day.
func (f *measured) looks(m *registry.Metric, treatment int) []Look {
	all := []Look{}
	first, _, ok := f.days()
	if !ok {
		return all
	}
	yesterday := f.today() - 1
	for day := max(first, yesterday-steadyDays+1); day <= yesterday; day++ {
		all = append(all, f.look(m, treatment, day))
	}
	return all
}

func (f *measured) look(m *registry.Metric, treatment int, day int64) Look {
	l := Look{Day: date(day), Variant: f.arms[treatment].key}
	s := maturedAfter(m, day)
	of := func(i int) *sample {
		one := f.sample(m, f.came[i].through(s.through), s.sums(f.arms[i], m, f.who()))
		return &one
	}
	c := comparison{metric: m, control: of(f.control), treatment: of(treatment), planned: float64(f.rule.SequentialUsers)}
	b := c.belief(stats.CompareMoments(c.control.moments, c.treatment.moments))
	var none Reasons
	l.ProbabilityToBeatControl = none.number("", b.probability)
	if mean := c.control.mean; mean.OK && mean.Value != 0 {
		l.ExpectedLoss = none.number("", b.loss)
	}
	if l.ExpectedLoss != nil {
		relative := *l.ExpectedLoss / math.Abs(c.control.mean.Value)
		l.ExpectedLoss = &relative
	}
	l.Holds = f.likely(l.ProbabilityToBeatControl) && f.cheap(l.ExpectedLoss)
	return l
}

// plannedEnd is the day on which the plan's users and days were there, by the rule in force and not before it was frozen.
func (f *progress) plannedEnd(m *registry.Metric) (day int64, ok bool) {
	first, _, came := f.days()
	reached, ok := f.allReach(m, f.rule.UnitsPerVariant)
	if !came || !ok {
		return 0, false
	}
	day = max(reached, first+f.rule.Days)
	if n := len(f.plans); n > 0 {
		day = max(day, dayOf(f.plans[n-1].FrozenAt))
	}
	return day, day <= f.today()
}

// needPlannedLook requires that the analysis at the planned end found what today's does. Each further analysis after
// the planned end is one more chance of a false positive, so a later finding counts only if the always-valid interval
// agrees.
func (d *decision) needPlannedLook() {
	day, ok := d.plannedEnd(d.metric)
	if d.leader == nil || !ok || !d.HorizonReached {
		return
	}
	if *d.metric.Window != 0 {
		day-- // those who count on a day had matured when it began
	}
	var l Look
	if day >= d.today() {
		l = Look{Day: date(d.today()), Variant: d.leader.Variant, ProbabilityToBeatControl: d.leader.ProbabilityToBeatControl, ExpectedLoss: d.relativeLoss(d.basis, d.leader)}
		l.Holds = d.likely(l.ProbabilityToBeatControl) && d.cheap(l.ExpectedLoss)
	} else {
		l = d.look(d.metric, d.index(d.leader.Variant), day)
	}
	d.PlannedLook = &l
	now := d.likely(d.leader.ProbabilityToBeatControl) && d.cheap(d.relativeLoss(d.basis, d.leader))
	if l.Holds || !now || markerOf(d.leader) == Win {
		return
	}
	found := "no probability was known"
	if l.ProbabilityToBeatControl != nil {
		found = "its probability was " + probability(*l.ProbabilityToBeatControl)
	}
	d.block(Blocker{
		"planned_look", fmt.Sprintf("%s meets the rule today, but did not at the planned end on %s, when %s. Each later analysis is one more chance of a false positive.", d.leader.Variant, l.Day, found),
		"Needs an always-valid interval that excludes no effect; or set a plan for more users now, which stays visible.", nil,
	})
}
