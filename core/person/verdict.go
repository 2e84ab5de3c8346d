package person

import (
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

// Watch notes what the evaluation decides, and about what, so that it can be told. A nil one notes nothing: that is how
// the fold counts.
type Watch struct {
	Placed   []placed
	Verdicts []Verdict
	uses     []registry.Use // that the conversion being judged counted in
}

// placed is where an exposure went. Run 0 is none.
type placed struct {
	Event      *canonical.Event
	experiment string
	run        int
	variant    string
	known      bool
}

// Verdict is the status of one conversion in one run, or, with run 0, that it waits for an exposure.
type Verdict struct {
	Experiment string
	Run        int
	Event      *canonical.Event
	Kept       *canonical.Event // of which this one is a duplicate
	Adjusted   *canonical.Event // whose value this one adds to
	Status     Status
	Twin       bool           // it looks like another report of a conversion that counts as well
	Mismatch   bool           // it claims another variant than the one recorded
	Uses       []registry.Use // that counted it
}

// Lead is the report whose time the conversion has.
func (v *Verdict) Lead() *canonical.Event {
	if v.Adjusted != nil {
		return v.Adjusted
	}
	return v.Event
}

func (w *Watch) exposed(p placed) {
	if w != nil {
		w.Placed = append(w.Placed, p)
	}
}

func (w *Watch) counted(u registry.Use) {
	if w != nil {
		w.uses = append(w.uses, u)
	}
}

func (w *Watch) judged(v Verdict) {
	if w != nil {
		v.Uses, w.uses = w.uses, nil
		w.Verdicts = append(w.Verdicts, v)
	}
}
