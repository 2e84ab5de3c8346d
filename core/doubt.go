package core

import "github.com/tracklayer/tracklayer/canonical"

// What makes a person or its events doubtful without taking anything away from them: a reader is told.
const (
	// Crowd is the number of ids beyond which one person is hardly one.
	Crowd = 20
	// LateAfter is the age of an exposure at its receipt, in milliseconds, beyond which it is counted as late: a week.
	LateAfter = 7 * 86_400_000
	// AheadBy is how far an exposure's time may lie after its receipt, in milliseconds, before it is counted as ahead.
	AheadBy = 5 * 60_000
)

// Doubts are what speaks against trusting the persons and the times of a run.
type Doubts struct {
	Shared  int64 `json:"shared,omitempty"`  // exposed persons of whom an anonymous id was linked to another user as well
	Crowded int64 `json:"crowded,omitempty"` // exposed persons with more than Crowd ids
	Late    int64 `json:"late,omitempty"`    // exposures that were received more than LateAfter after their time
	Twins   int64 `json:"twins,omitempty"`   // counted conversions that another source seems to have reported as well
	Refunds int64 `json:"refunds,omitempty"` // negative values that are duplicates of a conversion, and so count for nothing
	Ahead   int64 `json:"ahead,omitempty"`   // exposures whose time lies more than AheadBy after their receipt
}

// doubt notes what is doubtful about the time of an exposure.
func (v *runView) doubt(e *canonical.Event) {
	switch {
	case e.ReceivedAt-e.At > LateAfter:
		v.late++
	case e.At-e.ReceivedAt > AheadBy:
		v.ahead++
	}
}

// doubts adds what is doubtful about a person in a run.
func (r *RunAggregate) doubts(sign int64, p *person, v *runView) {
	r.Late += sign * v.late
	r.Ahead += sign * v.ahead
	r.Twins += sign * v.twins
	r.Refunds += sign * v.refunds
	if !v.exposed() {
		return
	}
	if p.refused > 0 {
		r.Shared += sign
	}
	if p.crowd || len(p.units) > Crowd {
		r.Crowded += sign
	}
}

// refusals is how many users the person's anonymous ids were linked to besides their owners.
func (r *reader) refusals(units []canonical.Unit) (n int64, err error) {
	for _, u := range units {
		if u.Kind != canonical.Anonymous {
			continue
		}
		o, err := r.owner(u.ID)
		if err != nil {
			return 0, err
		}
		n += o.refused()
	}
	return n, nil
}

// refuse notes that an anonymous id, which stays whose it is, was linked to so many more users.
func (f *Fold) refuse(owner string, more int64) error {
	p, err := f.personOf(canonical.Unit{Kind: canonical.User, ID: owner})
	if err != nil {
		return err
	}
	if p.person != nil {
		return f.change(p, "", func() { p.person.refused += more })
	}
	return nil
}
