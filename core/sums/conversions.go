package sums

import "github.com/tracklayer/tracklayer/canonical"

// Seen says how many conversions of one event were received, of whomever, and how many of them have a value and a
// metric_value: a metric whose event or field never came can be told from one that no user does.
type Seen struct {
	Events, Values, MetricValues int64
}

// Plus counts one more conversion (sign 1), or one less (sign -1).
func (s Seen) Plus(e *canonical.Event, sign int64) Seen {
	s.Events += sign
	if e.Value.Set {
		s.Values += sign
	}
	if e.MetricValue.Set {
		s.MetricValues += sign
	}
	return s
}

// Only is which of the numbers are not 0, as 1: what readers look at.
func (s Seen) Only() Seen { return Seen{min(s.Events, 1), min(s.Values, 1), min(s.MetricValues, 1)} }
