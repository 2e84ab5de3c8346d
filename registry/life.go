package registry

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/canonical"
)

// Refused is a step that the present state of the experiment does not allow. It says what to do instead.
type Refused string

// Error is the sentence.
func (r Refused) Error() string { return string(r) }

// Step is one step in the life of an experiment: which time it names, who takes it and why.
type Step struct {
	Now     canonical.Time
	At      *canonical.Time // of the start or the end; nil: Now
	By      string
	Reason  string
	Variant *string // of an early end: the only variant that it concerns; nil: the whole run
}

// next is the change after e's newest, with nothing changed yet.
func (e *Experiment) next(now canonical.Time, by string) *Change {
	c := e.Change
	c.Runs, c.Decisions = slices.Clone(e.Runs), slices.Clone(e.Decisions)
	c.Revision, c.At, c.By, c.Key, c.What = e.Revision+1, now, by, "", ""
	return &c
}

// newest is the last run of the change, nil of a draft.
func (c *Change) newest() *Run {
	if len(c.Runs) == 0 {
		return nil
	}
	return &c.Runs[len(c.Runs)-1]
}

func (c *checker) done() error {
	if len(c.faults) > 0 {
		return c.faults
	}
	return nil
}

// note checks a text that people write.
func (c *checker) note(pointer, text string, required bool) {
	c.that(text != "" || !required, pointer, "is required")
	c.that(len(text) <= 4000 && utf8.ValidString(text), pointer, "must be at most 4,000 bytes of UTF-8")
}

func (c *checker) by(by string) {
	c.that(len(by) <= 200 && utf8.ValidString(by) && !hasControl(by), "/by", "must be at most 200 bytes of UTF-8 without control characters")
}

// moment checks a time between another one and a day ahead.
func (c *checker) moment(pointer string, at, least, now canonical.Time, what string) {
	c.that(at >= canonical.MinTime && at <= now.Add(canonical.MaxAhead), pointer, "must lie between 2000-01-01 and a day ahead")
	c.that(at >= least, pointer, "must not be before %s, %s", least, what)
}

// Edit replaces the definition. What says in words what was changed.
func (e *Experiment) Edit(d Definition, s Step, what string) (*Change, error) {
	var c checker
	c.by(s.By)
	next := e.next(s.Now, s.By)
	next.Definition, next.What = d, what
	return next, c.done()
}

// Start begins the first run of a draft, or a new one where the last has ended.
func (e *Experiment) Start(s Step) (*Change, error) {
	next := e.next(s.Now, s.By)
	run := Run{Number: 1, Status: Running, StartedAt: s.Now}
	var least canonical.Time
	what := ""
	if last := next.newest(); last != nil {
		if last.Status == Running {
			return nil, Refused(fmt.Sprintf("Run %d is running already. Stop it first to start another one.", last.Number))
		}
		run.Number, run.StartedAt = last.Number+1, max(s.Now, last.EndedAt)
		least, what = last.EndedAt, fmt.Sprintf("when run %d ended", last.Number)
	}
	if s.At != nil {
		run.StartedAt = *s.At
	}
	var c checker
	c.by(s.By)
	c.moment("/started_at", run.StartedAt, least, s.Now, what)
	next.Runs = append(next.Runs, run)
	next.What = fmt.Sprintf("started run %d", run.Number)
	return next, c.done()
}

// Stop ends the run that is running.
func (e *Experiment) Stop(s Step) (*Change, error) {
	next := e.next(s.Now, s.By)
	run := next.newest()
	switch {
	case run == nil:
		return nil, Refused("The experiment is a draft: there is no run to stop.")
	case run.Status != Running:
		return nil, Refused(fmt.Sprintf("Run %d is not running: it is %s since %s.", run.Number, run.Status, run.EndedAt))
	}
	var c checker
	c.by(s.By)
	c.note("/reason", s.Reason, false)
	run.Status, run.EndedReason = Stopped, s.Reason
	run.end(&c, s)
	next.What = because(fmt.Sprintf("stopped run %d", run.Number), s.Reason)
	return next, c.done()
}

// end sets the end of a run. One that has ended keeps its end unless another is given.
func (r *Run) end(c *checker, s Step) {
	switch {
	case s.At != nil:
		r.EndedAt = *s.At
	case r.EndedAt == 0:
		r.EndedAt = s.Now
	}
	c.moment("/ended_at", r.EndedAt, r.StartedAt, s.Now, fmt.Sprintf("when run %d started", r.Number))
}

// EndEarly marks the newest run, or one variant of it, as not to be trusted. It may have been stopped or decided before.
func (e *Experiment) EndEarly(s Step) (*Change, error) {
	next := e.next(s.Now, s.By)
	run := next.newest()
	switch {
	case run == nil:
		return nil, Refused("The experiment is a draft: there is no run to end.")
	case run.Invalid():
		return nil, Refused(fmt.Sprintf("Run %d ended early already. DELETE takes that back.", run.Number))
	case s.Variant != nil && slices.Contains(run.EndedVariants, *s.Variant):
		return nil, Refused(fmt.Sprintf("Variant %q of run %d ended early already. DELETE takes that back.", *s.Variant, run.Number))
	}
	var c checker
	c.by(s.By)
	c.note("/reason", s.Reason, true)
	what := fmt.Sprintf("ended run %d early", run.Number)
	reason := s.Reason
	if s.Variant != nil {
		_, known := e.labels[*s.Variant]
		c.that(known, "/variant", "%q is not the key of a variant", *s.Variant)
		what = fmt.Sprintf("ended variant %s of run %d early", *s.Variant, run.Number)
		if run.Status == EndedEarly && run.EndedReason != reason {
			reason = run.EndedReason + "; " + reason
		}
		run.EndedVariants = append(slices.Clone(run.EndedVariants), *s.Variant)
	} else {
		run.EndedVariants = nil
	}
	run.Status, run.EndedReason = EndedEarly, reason
	run.end(&c, s)
	next.What = because(what, s.Reason)
	return next, c.done()
}

// TakeBack restores the newest run as it was before it ended early, whole or in variants.
func (r Registry) TakeBack(e *Experiment, s Step) (*Change, error) {
	next := e.next(s.Now, s.By)
	run := next.newest()
	if run == nil || run.Status != EndedEarly {
		return nil, Refused("The newest run has not ended early: there is nothing to take back.")
	}
	history := r.History(e.ID)
	for i := len(history) - 1; i >= 0; i-- {
		before, ok := history[i].Run(run.Number)
		if !ok || before.Status == EndedEarly {
			continue
		}
		if before.Status == Stopped && e.Outcome(run.Number) != nil { // decided in between
			before.Status = Decided
		}
		var c checker
		c.by(s.By)
		*run = before
		next.What = fmt.Sprintf("took back the early end of run %d", run.Number)
		return next, c.done()
	}
	return nil, Refused(fmt.Sprintf("Nothing is known of run %d before it ended early.", run.Number))
}

// Decide adds what people decided after a run, 0 for the newest. A run that ended early stays one: deciding makes its
// numbers no better.
func (e *Experiment) Decide(o Outcome) (*Change, error) {
	next := e.next(o.At, o.By)
	newest := next.newest()
	if newest == nil {
		return nil, Refused("The experiment is a draft: start it, and stop the run before you decide.")
	}
	if o.Run == 0 {
		o.Run = newest.Number
	}
	var c checker
	c.that(o.By != "", "/by", "is required")
	c.by(o.By)
	c.note("/why", o.Why, true)
	text := "no change"
	if o.Variant != nil {
		_, known := e.labels[*o.Variant]
		c.that(known, "/variant", "%q is not the key of a variant; null means no change", *o.Variant)
		text = *o.Variant
	}
	i := slices.IndexFunc(next.Runs, func(r Run) bool { return r.Number == o.Run })
	c.that(i >= 0, "/run", "there is no run %d", o.Run)
	if err := c.done(); err != nil {
		return nil, err
	}
	switch run := &next.Runs[i]; run.Status {
	case Running:
		return nil, Refused(fmt.Sprintf("Run %d is still running: stop the run first.", run.Number))
	case EndedEarly:
	default:
		run.Status = Decided
	}
	next.Decisions = append(next.Decisions, o)
	next.What = because(fmt.Sprintf("decided run %d for %s", o.Run, text), o.Why)
	return next, nil
}

func because(what, reason string) string {
	if reason == "" {
		return what
	}
	return what + ": " + reason
}
