package core

import (
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

// conversion is a report of one, with what else is known of it.
type conversion struct {
	event *canonical.Event
	// kept is the report that counts: event itself if no other one is preferred. For an adjustment it is the report of the
	// conversion that is adjusted, nil while none is known.
	kept *canonical.Event
	twin bool
}

// lead is the report by whose names and time the conversion is attributed.
func (c *conversion) lead() *canonical.Event {
	if c.kept == nil {
		return c.event
	}
	return c.kept
}

func (c *conversion) duplicate() bool { return c.event.Adjusts == "" && c.kept != c.event }

// convert attributes one conversion of the person: to the experiment that it names, or to every run the person is
// exposed in whose metrics use its event. A duplicate, of which another report is kept, concerns the runs that the kept
// one concerns, and counts in none; an adjustment concerns the runs of what it adjusts. Whether the person was ever
// exposed to what it names is a matter of its own name.
func (r rules) convert(p *person, c conversion) {
	if c.event.ExperimentID != "" {
		experiment := r.experiment(c.event)
		if q := p.part(experiment); !q.exposed() {
			q.noExposure++
			r.watch.judged(verdict{experiment: experiment, event: c.event, status: NoExposure})
		}
	}
	if lead := c.lead(); lead.ExperimentID != "" {
		r.attribute(p.part(r.experiment(lead)), c)
		return
	}
	for i := range p.parts {
		r.attribute(&p.parts[i], c)
	}
}

// attribute gives a conversion its status in every run of the experiment that the person is exposed in.
func (r rules) attribute(q *participation, c conversion) {
	x, declared := r.Get(q.experiment)
	lead := c.lead()
	named := lead.ExperimentID != ""
	var uses []registry.Use
	if declared {
		if uses = x.Uses(lead.ConversionEvent); len(uses) == 0 && !named {
			return
		}
	}
	for i := range q.runs {
		v := &q.runs[i]
		if !v.exposed() {
			continue
		}
		decided := verdict{experiment: q.experiment, run: v.run, event: c.event}
		switch {
		case c.duplicate():
			decided.status, decided.kept = Duplicate, c.kept
			if c.event.Value.Micros < 0 && c.kept.Value.Micros >= 0 {
				v.refunds++
			}
		case c.kept == nil:
			decided.status = WaitingAdjustment
		default:
			decided.status = r.judge(x, declared, uses, v, c)
			if c.event.Adjusts != "" {
				decided.adjusted = c.kept
			}
		}
		v.statuses[decided.status]++
		if c.twin && decided.status == Counted {
			v.twins++
			decided.twin = true
		}
		if named && c.kept == c.event && len(v.arms) > 0 {
			if _, _, claimed, _ := r.place(c.event); claimed != v.first().variant {
				v.mismatched++
				decided.mismatch = true
			}
		}
		r.watch.judged(decided)
	}
}

// judge decides about one conversion in one run, and adds it to the totals if it counts. An adjustment has the verdict of
// what it adjusts.
func (r rules) judge(x *registry.Experiment, declared bool, uses []registry.Use, v *runView, c conversion) Status {
	if len(v.arms) == 0 {
		return UnknownVariant
	}
	at, first := c.kept.At, v.first()
	if precedes(c.kept, first.moment) {
		v.precede(declared, uses, c, first.at)
		return BeforeExposure
	}
	if !declared {
		if !registry.DefaultWindow.Holds(first.at, at) {
			return OutsideWindow
		}
		v.count(registry.Use{}, c, first.at)
		return c.counted()
	}
	if run, ok := x.Run(v.run); ok && run.EndedAt != 0 && at >= run.EndedAt {
		return AfterRun
	}
	status := OutsideWindow
	for _, u := range uses {
		if u.Metric.Window.Holds(first.at, at) {
			v.count(u, c, first.at)
			if c.adds(u) {
				r.watch.counted(u)
			}
			status = c.counted()
		}
	}
	if len(uses) == 0 && x.Window.Holds(first.at, at) {
		status = c.counted() // it names the experiment, in which no metric uses it
	}
	return status
}

// counted is the status of a conversion that counts.
func (c *conversion) counted() Status {
	if c.event.Adjusts != "" {
		return Adjustment
	}
	return Counted
}
