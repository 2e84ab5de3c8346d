package sums

import "github.com/tracklayer/tracklayer/core/person"

// Doubts are what speaks against trusting the persons and the times of a run.
type Doubts struct {
	Shared  int64 `json:"shared,omitempty"`  // exposed persons of whom an anonymous id was linked to another user as well
	Crowded int64 `json:"crowded,omitempty"` // exposed persons with more than Crowd ids
	Late    int64 `json:"late,omitempty"`    // exposures that were received more than LateAfter after their time
	Twins   int64 `json:"twins,omitempty"`   // counted conversions that another source seems to have reported as well
	Refunds int64 `json:"refunds,omitempty"` // negative values that are duplicates of a conversion, and so count for nothing
	Ahead   int64 `json:"ahead,omitempty"`   // exposures whose time lies more than AheadBy after their receipt
}

// doubts adds what is doubtful about a person in a run.
func (r *RunAggregate) doubts(sign int64, p *person.Person, v *person.Run) {
	r.Late += sign * v.Late
	r.Ahead += sign * v.Ahead
	r.Twins += sign * v.Twins
	r.Refunds += sign * v.Refunds
	if !v.Exposed() {
		return
	}
	if p.Refused > 0 {
		r.Shared += sign
	}
	if p.Crowd || len(p.Units) > person.Crowd {
		r.Crowded += sign
	}
}
