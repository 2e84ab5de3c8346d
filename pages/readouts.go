package pages

import (
	"slices"

	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/registry"
)

// badge is the state of an experiment in a few words.
type badge struct {
	Key  string // draft, collecting, no_data, unhealthy, days_left, eligible_for_review, stopped, ended_early, decided, undeclared
	Text string
}

// badges are the keys in the order in which the list is sorted: the most urgent first.
var badges = []badge{
	{"unhealthy", "Unhealthy"},
	{string(readout.EligibleForReview), "Ready for a decision"},
	{"days_left", "Days left"},
	{"collecting", "Collecting"},
	{"no_data", "No data"},
	{"undeclared", "Not set up"},
	{"stopped", "Stopped"},
	{"draft", "Draft"},
	{"decided", "Decided"},
	{"ended_early", "Marked invalid"},
}

// badgeOf reads a badge off a readout.
func badgeOf(r *readout.Readout) badge {
	status := string(r.Decision.Status)
	switch {
	case status != string(readout.Collecting) && (r.Status != registry.Undeclared || status == string(readout.Unhealthy)):
		if at := slices.IndexFunc(badges, func(b badge) bool { return b.Key == status }); at >= 0 {
			return badges[at]
		}
		return badge{status, sentence(status)}
	case r.Status == registry.Undeclared:
		return badge{"undeclared", "Not set up"}
	case exposedUsers(r) == 0:
		return badge{"no_data", "No data"}
	}
	if m := r.Primary(); m != nil && m.Power != nil && m.Power.DaysLeft != nil && *m.Power.DaysLeft > 0 {
		return badge{"days_left", "About " + many(*m.Power.DaysLeft, "day", "days") + " left"}
	}
	return badge{status, "Collecting"}
}

func exposedUsers(r *readout.Readout) (n int64) {
	for _, v := range r.Variants {
		n += v.ExposedUsers
	}
	return n
}

// leaderOf is the row of the treatment that leads in a metric: the one the decision names, else the first.
func leaderOf(r *readout.Readout, rows []readout.Row) *readout.Row {
	var first *readout.Row
	for i := range rows {
		row := &rows[i]
		if row.Effect == nil {
			continue
		}
		if r.Decision.LeadingVariant != nil && row.Variant == *r.Decision.LeadingVariant {
			return row
		}
		if first == nil {
			first = row
		}
	}
	return first
}

// intervalsOf are a treatment's intervals; those at 95% alone if the readout has no others.
func intervalsOf(e *readout.Effect) readout.Intervals {
	of := e.Intervals
	for _, one := range []struct {
		levels *readout.Levels
		whole  *[2]float64
	}{{&of.Credible, e.CredibleInterval}, {&of.Confidence, e.ConfidenceInterval}, {&of.Sequential, e.SequentialInterval}} {
		if one.levels.P95 == nil {
			one.levels.P95 = one.whole
		}
	}
	return of
}

func place(b badge) int {
	return slices.IndexFunc(badges, func(one badge) bool { return one.Key == b.Key })
}
