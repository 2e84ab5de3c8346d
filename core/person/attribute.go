package person

import (
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

// Conversion is a report of one, with what else is known of it.
type Conversion struct {
	Event *canonical.Event
	// kept is the report that counts: event itself if no other one is preferred. For an adjustment it is the report of the
	// conversion that is adjusted, nil while none is known.
	Kept *canonical.Event
	twin bool
}

// lead is the report by whose names and time the conversion is attributed.
func (c *Conversion) lead() *canonical.Event {
	if c.Kept == nil {
		return c.Event
	}
	return c.Kept
}

func (c *Conversion) duplicate() bool { return c.Event.Adjusts == "" && c.Kept != c.Event }

// Convert attributes one conversion of the person: to the experiment that it names, or to every run the person is
// exposed in whose metrics use its event. A duplicate, of which another report is kept, concerns the runs that the kept
// one concerns, and counts in none; an adjustment concerns the runs of what it adjusts. Whether the person was ever
// exposed to what it names is a matter of its own name.
func (r Rules) Convert(p *Person, c Conversion) {
	if c.Event.ExperimentID != "" {
		experiment := r.Experiment(c.Event)
		if q := p.part(experiment); !q.Exposed() {
			q.NoExposure++
			r.Watch.judged(Verdict{Experiment: experiment, Event: c.Event, Status: NoExposure})
		}
	}
	if lead := c.lead(); lead.ExperimentID != "" {
		r.attribute(p.part(r.Experiment(lead)), c)
		return
	}
	for i := range p.Parts {
		r.attribute(&p.Parts[i], c)
	}
}

// attribute gives a conversion its status in every run of the experiment that the person is exposed in.
func (r Rules) attribute(q *Participation, c Conversion) {
	x, declared := r.Get(q.Experiment)
	lead := c.lead()
	named := lead.ExperimentID != ""
	var uses []registry.Use
	if declared {
		if uses = x.Uses(lead.ConversionEvent); len(uses) == 0 && !named {
			return
		}
	}
	for i := range q.Runs {
		v := &q.Runs[i]
		if !v.Exposed() {
			continue
		}
		decided := Verdict{Experiment: q.Experiment, Run: v.Run, Event: c.Event}
		switch {
		case c.duplicate():
			decided.Status, decided.Kept = Duplicate, c.Kept
			if c.Event.Value.Micros < 0 && c.Kept.Value.Micros >= 0 {
				v.Refunds++
			}
		case c.Kept == nil:
			decided.Status = WaitingAdjustment
		default:
			decided.Status = r.judge(x, declared, uses, v, c)
			if c.Event.Adjusts != "" {
				decided.Adjusted = c.Kept
			}
		}
		v.Statuses[decided.Status]++
		if c.twin && decided.Status == Counted {
			v.Twins++
			decided.Twin = true
		}
		if named && c.Kept == c.Event && len(v.Arms) > 0 {
			if _, _, claimed, _ := r.Place(c.Event); claimed != v.First().Variant {
				v.Mismatched++
				decided.Mismatch = true
			}
		}
		r.Watch.judged(decided)
	}
}

// judge decides about one conversion in one run, and adds it to the totals if it counts. An adjustment has the verdict of
// what it adjusts.
func (r Rules) judge(x *registry.Experiment, declared bool, uses []registry.Use, v *Run, c Conversion) Status {
	if len(v.Arms) == 0 {
		return UnknownVariant
	}
	at, first := c.Kept.At, v.First()
	if precedes(c.Kept, first.Moment) {
		v.precede(declared, uses, c, first.At)
		return BeforeExposure
	}
	if !declared {
		if !registry.DefaultWindow.Holds(first.At, at) {
			return OutsideWindow
		}
		v.count(registry.Use{}, c, first.At)
		return c.counted()
	}
	if run, ok := x.Run(v.Run); ok && run.EndedAt != 0 && at >= run.EndedAt {
		return AfterRun
	}
	status := OutsideWindow
	for _, u := range uses {
		if u.Metric.Window.Holds(first.At, at) {
			v.count(u, c, first.At)
			if c.adds(u) {
				r.Watch.counted(u)
			}
			status = c.counted()
		}
	}
	if len(uses) == 0 && x.Window.Holds(first.At, at) {
		status = c.counted() // it names the experiment, in which no metric uses it
	}
	return status
}

// counted is the status of a conversion that counts.
func (c *Conversion) counted() Status {
	if c.Event.Adjusts != "" {
		return Adjustment
	}
	return Counted
}
