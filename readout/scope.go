package readout

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/registry"
)

const dayMillis = 86_400_000

// scope is which of the counted persons are looked at, by the day of their first exposure, and what of theirs.
type scope struct {
	through int64 // the last such day, since 1970
	asOf    bool  // with what they had done by the end of that day; else with whatever they did
}

// allCounted is every counted user, with everything they did.
var allCounted = scope{through: math.MaxInt64}

// maturedBy is who had a closed window in the metric at that time: all who were first exposed on a day (UTC) whose last
// moment's window was over. A metric without a window matures at once.
func maturedBy(m *registry.Metric, at canonical.Time) scope {
	window := time.Duration(*m.Window).Milliseconds()
	if window == 0 {
		return allCounted
	}
	return scope{through: floorDays(int64(at)-window) - 1}
}

// maturedAfter is the same at the end of a day. Without a window it is what had been done by then.
func maturedAfter(m *registry.Metric, day int64) scope {
	if *m.Window == 0 {
		return scope{through: day, asOf: true}
	}
	return maturedBy(m, canonical.Time((day+1)*dayMillis))
}

// matures is the day on which those first exposed on a day count as matured.
func matures(m *registry.Metric, day int64) int64 {
	window := time.Duration(*m.Window).Milliseconds()
	if window == 0 {
		return day
	}
	return day + 1 + (window+dayMillis-1)/dayMillis
}

func floorDays(millis int64) int64 {
	if millis < 0 {
		return -((-millis + dayMillis - 1) / dayMillis)
	}
	return millis / dayMillis
}

// arrivals are the persons of an arm by the day of their first exposure, in order.
type arrivals []arrival

// arrival is how many came on a day, and how many until then.
type arrival struct{ day, n, total int64 }

func (a arm) arrivals(w sums.Include) arrivals {
	by := map[int64]int64{}
	for day, n := range a.PersonsByDay(w) {
		by[day] += n
	}
	all := make(arrivals, 0, len(by))
	for day, n := range by {
		if n != 0 {
			all = append(all, arrival{day: day, n: n})
		}
	}
	slices.SortFunc(all, func(a, b arrival) int { return cmp.Compare(a.day, b.day) })
	var total int64
	for i := range all {
		total += all[i].n
		all[i].total = total
	}
	return all
}

// through are the persons who came on that day or before.
func (a arrivals) through(day int64) int64 {
	i, found := slices.BinarySearchFunc(a, day, func(x arrival, day int64) int { return cmp.Compare(x.day, day) })
	switch {
	case found:
		return a[i].total
	case i == 0:
		return 0
	default:
		return a[i-1].total
	}
}

// on are the persons who came on that day.
func (a arrivals) on(day int64) int64 { return a.through(day) - a.through(day-1) }

// sums of a metric in an arm.
func (s scope) sums(a arm, m *registry.Metric, w sums.Include) sums.Sums {
	of := a.Metrics[m.ID]
	switch {
	case s.asOf:
		return of.AsOf(w, s.through)
	case s == allCounted:
		return of.Merged(w)
	default:
		return of.Through(w, s.through)
	}
}
