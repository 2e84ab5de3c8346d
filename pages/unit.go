package pages

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/problem"
)

// shownEvents is how many events of a person a page lists; the API has all.
const shownEvents = 300

// unitPage is one person: all ids, all events, and what became of them.
type unitPage struct {
	frame
	T      *core.Trace
	Events []eventView
	Hidden int // events that are left out
	API    string
}

// eventView is one event in the time line.
type eventView struct {
	At, Kind, What, Source, Channel, ID string
	Who                                 []string // ids that it names
	Value                               string
	Joins                               []string // what it tied together
	Verdicts                            []verdictView
	Conflicts                           int
}

// Conflicts64 is Conflicts for writing.
func (e eventView) Conflicts64() int64 { return int64(e.Conflicts) }

// verdictView is what became of an event in a run.
type verdictView struct {
	Experiment, Path, Status, Why string
	Run                           int
	Metrics                       []string
}

// findPage asks which person is meant.
type findPage struct {
	frame
	Kind, ID, Fault string
}

// unitPages are the page of a person, and the form that leads there.
type unitPages struct{ *site }

// findUnit leads from a form to a person.
func (p *unitPages) findUnit(q *request) error {
	v := q.URL.Query()
	kind, id := v.Get("kind"), strings.TrimSpace(v.Get("id"))
	if id != "" && (kind == "user" || kind == "anonymous") {
		http.Redirect(q.w, q.Request, unitPath(kind, id), http.StatusSeeOther)
		return nil
	}
	page := findPage{frame: p.frame(q, "Why is this user (not) counted?"), Kind: kind, ID: id}
	if len(v) > 0 {
		page.Fault = "Enter an id, and choose whether it is a user id or an anonymous id."
	}
	return p.show(q, http.StatusOK, "find", page)
}

func (p *unitPages) unit(q *request) error {
	kind, id := q.PathValue("kind"), q.PathValue("id")
	u := canonical.Unit{Kind: canonical.User, ID: id}
	switch kind {
	case "user":
	case "anonymous":
		u.Kind = canonical.Anonymous
	default:
		return problem.NotFound("Use the path of a user id or an anonymous id: /units/user/… or /units/anonymous/….")
	}
	t, err := p.opts.State.Trace(u)
	if errors.Is(err, core.ErrNoUnit) {
		other := "anonymous"
		if kind == other {
			other = "user"
		}
		return problem.NotFound(fmt.Sprintf("No event has named the %s id “%s”. User ids and anonymous ids are separate: try the other kind, %s.",
			kind, clip(id, 60), unitPath(other, clip(id, 60))))
	}
	if err != nil {
		return err
	}
	page := unitPage{frame: p.frame(q, "User "+id), T: t, API: "/v1" + unitPath(kind, id)}
	page.Events = eventsOf(t)
	if n := len(page.Events); n > shownEvents {
		page.Hidden = n - shownEvents
		page.Events = slices.Concat(page.Events[:shownEvents/2], page.Events[n-shownEvents/2:])
	}
	return p.show(q, http.StatusOK, "unit", page)
}

// eventsOf is the time line, the oldest event first.
func eventsOf(t *core.Trace) []eventView {
	verdicts := verdictsOf(t)
	all := make([]eventView, 0, len(t.Events))
	for i := range t.Events {
		e := t.Events[i].Event
		one := eventView{
			At: moment(e.At), Kind: e.Kind.String(), Source: e.Source, Channel: string(e.Channel), ID: e.ID,
			Value: amount(e.Value, e.MetricValue, e.Currency), Conflicts: t.Events[i].Conflicts, Verdicts: verdicts[[2]string{e.Source, e.ID}],
		}
		if e.UserID != "" {
			one.Who = append(one.Who, "user "+e.UserID)
		}
		if e.AnonymousID != "" {
			one.Who = append(one.Who, "anonymous "+e.AnonymousID)
		}
		switch e.Kind {
		case canonical.Exposed:
			one.What = e.Variant + " of " + e.ExperimentID
		case canonical.Converted:
			one.What = e.ConversionEvent
		case canonical.EndedEarly:
			one.What = e.ExperimentID + ": " + e.EndedReason
		case canonical.Linked:
			one.What = "these ids are one user"
		}
		for _, u := range t.Units {
			if u.Link != nil && u.Link.EventID == e.ID && u.Link.Source == e.Source {
				one.Joins = append(one.Joins, fmt.Sprintf("%s %s is the same user as %s %s", u.Kind, u.ID, u.Link.With.Kind, u.Link.With.ID))
			}
		}
		all = append(all, one)
	}
	return all
}

// verdictsOf are what became of the conversions and exposures, by source and id of the event.
func verdictsOf(t *core.Trace) map[[2]string][]verdictView {
	all := map[[2]string][]verdictView{}
	add := func(r core.Report, v verdictView) {
		key := [2]string{r.Source, r.EventID}
		all[key] = append(all[key], v)
	}
	for _, x := range t.Experiments {
		path := pathOf(x.ID)
		for _, run := range x.Runs {
			for _, m := range run.Met {
				add(m.First, verdictView{Experiment: x.ID, Path: path, Run: run.Run, Status: run.Population, Why: exposureWhy(run, m)})
			}
			if run.Ended != nil {
				add(run.Ended.Report, verdictView{Experiment: x.ID, Path: path, Run: run.Run, Status: "ended_early", Why: "ended early: " + run.Ended.Reason})
			}
			for _, c := range run.Conversions {
				add(c.Report, verdictView{x.ID, path, c.Status, c.Why, run.Run, c.Metrics})
			}
		}
		for _, c := range x.Waiting {
			add(c.Report, verdictView{Experiment: x.ID, Path: path, Status: c.Status, Why: c.Why})
		}
	}
	return all
}

// exposureWhy says what the first exposure to a variant did.
func exposureWhy(run core.TracedRun, m core.Met) string {
	what := fmt.Sprintf("first of %s to %s", many(m.Exposures, "exposure", "exposures"), m.Variant)
	switch {
	case !m.Known:
		return what + ", which is not in the definition"
	case run.Population == "clean":
		return what + "; the user is counted there"
	case run.Variant != nil && *run.Variant == m.Variant:
		return what + ", the first variant; the user is " + spaced(run.Population)
	}
	return what + "; the user is " + spaced(run.Population)
}
