package readout

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/registry"
)

// sharedIDs looks for ids that stand for more than one person: a kiosk, a family's tablet, a test account.
func sharedIDs(run *sums.RunAggregate) Check {
	all := int64(0) // all who were exposed to any variant, filtered or not
	for _, a := range run.Variants.All() {
		for _, n := range a.Persons {
			all += n
		}
	}
	for _, u := range run.Unknown.All() {
		all += u.Persons
	}
	c := Check{Check: "shared_ids"}
	c.Status, c.Share, c.Reasons = share(run.Shared, all, manyShare)
	switch {
	case all == 0:
		c.Detail = "No user has been exposed yet."
	case run.Shared == 0:
		c.Detail = fmt.Sprintf("No anonymous id of %s was linked to more than one user.", users(all))
	default:
		c.Detail = fmt.Sprintf("%s of %s (%s) have an anonymous id that other users were linked to as well. Events with only that id count for the first user.",
			whole(run.Shared), users(all), percent(*c.Rate))
	}
	if c.Status == Warning {
		c.Detail += " This many indicate shared devices: identify all users, or reset the anonymous id at logout."
	}
	if n := run.Crowded; n > 0 {
		c.Status = Warning
		c.Detail += fmt.Sprintf(" %s more than %d ids, which may be many people under one id: look for a placeholder that is sent as an id, and add it to identity.non_ids.",
			many(n, "person has", "persons have"), person.Crowd)
	}
	return c
}

// eventTimes looks for clocks that are off and for events that come very late.
func eventTimes(run *sums.RunAggregate) Check {
	exposures := int64(0)
	for _, a := range run.Variants.All() {
		exposures += a.Repeats
		for _, n := range a.Persons {
			exposures += n
		}
	}
	for _, u := range run.Unknown.All() {
		exposures += u.Exposures
	}
	late, ahead := run.Late, run.Ahead
	c := Check{Check: "event_times"}
	c.Status, c.Share, c.Reasons = share(late+ahead, exposures, manyShare)
	switch {
	case exposures == 0:
		c.Detail = "No user has been exposed yet."
	case late+ahead == 0:
		c.Detail = fmt.Sprintf("Each of %s was received close to its own time.", many(exposures, "exposure", "exposures"))
	default:
		c.Detail = fmt.Sprintf("Of %s, %s received more than 7 days after the time that they name, and %s a time more than 5 minutes ahead of their receipt.",
			many(exposures, "exposure", "exposures"), many(late, "was", "were"), many(ahead, "names", "name"))
	}
	if c.Status == Warning {
		c.Detail += " Days, windows, and the order of events depend on these times: look for wrong clocks, or send sent_at so that they are corrected. An import of old events is fine."
	}
	return c
}

// identity looks for one name that stands for several experiments: sources that use it with different ids of their own.
func identity(s *sums.Snapshot) Check {
	c := Check{Check: "experiment_identity", Status: OK}
	own := map[string][]string{}
	called := s.Called()
	for _, n := range called {
		if n.Own != "" && n.Own != n.Experiment {
			own[n.Source] = append(own[n.Source], n.Own)
		}
	}
	var doubtful []string
	for _, source := range slices.Sorted(maps.Keys(own)) {
		ids := slices.Compact(slices.Sorted(slices.Values(own[source])))
		if len(ids) > 1 && !declares(s.Experiment, source, ids) {
			doubtful = append(doubtful, fmt.Sprintf("%s has %d experiments of its own under this name (%s)", source, len(ids), strings.Join(ids[:min(len(ids), 5)], ", ")))
		}
	}
	if len(doubtful) == 0 {
		c.Detail = fmt.Sprintf("No source uses the name for more than one experiment of its own; %s it.", many(int64(len(called)), "name means", "names mean"))
		return c
	}
	c.Status = Warning
	c.Detail = listed(doubtful) + ". If these are one experiment that was set up again, list their ids under aliases. If not, give them different ids, because they are counted as one."
	return c
}

// declares reports whether people have listed all these ids as names of the experiment.
func declares(x *registry.Experiment, source string, ids []string) bool {
	return x != nil && !slices.ContainsFunc(ids, func(id string) bool { return !slices.Contains(x.Aliases[source], id) })
}
