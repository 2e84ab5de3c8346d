package person

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

// doubt notes what is doubtful about the time of an exposure.
func (v *Run) doubt(e *canonical.Event) {
	switch {
	case e.ReceivedAt-e.At > LateAfter:
		v.Late++
	case e.At-e.ReceivedAt > AheadBy:
		v.Ahead++
	}
}
