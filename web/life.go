package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/registry"
)

// edit is a request to change an experiment, with the state that it was made on.
type edit struct {
	ctx  context.Context // of the request, as long as which the edit lives
	view *core.View
	x    *registry.Experiment
	body []byte
	now  canonical.Time
	by   string // of the query, for bodies that cannot say it
	key  string // fingerprint of the key
}

// change answers a request that changes a declared experiment: it finds the experiment, has the change built, stores
// it, and answers with the new state. A change of nil leaves everything as it is.
func (a *API) change(c echo.Context, mustMatch bool, types []string, build func(*edit) (*registry.Change, error)) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	e := &edit{ctx: c.Request().Context(), view: a.State.View(), now: canonical.TimeOf(a.Now()), by: c.QueryParam("by"), key: keyOf(c)}
	var declaredAlready bool
	if e.x, declaredAlready = e.view.Registry.Get(id); !declaredAlready {
		return problem.NotFound(fmt.Sprintf("Nobody has declared the experiment %q. Declare it with POST /v1/experiments; what was counted so far stays.", id))
	}
	if err := precondition(c.Request(), "The experiment is", e.x.Revision, mustMatch); err != nil {
		return err
	}
	if e.body, err = read(c, types...); err != nil {
		return err
	}
	next, err := build(e)
	if err != nil {
		return refusal(err)
	}
	if next == nil {
		c.Response().Header().Set("ETag", entityTag(e.x.Revision))
		return answer(c, http.StatusOK, declared(&e.x.Change))
	}
	if err := a.store(c, next, e.x.Seq); err != nil {
		if a.Changed(err) {
			return problem.Conflict(fmt.Sprintf("Somebody else has changed the experiment %q in the meantime. GET it, look at what is new, and send the change again.", id))
		}
		return err
	}
	return answer(c, http.StatusOK, declared(next))
}

// refusal is a step that was not taken as the client reads it.
func refusal(err error) error {
	if faults := registry.Faults(nil); errors.As(err, &faults) {
		return invalid(faults)
	}
	if refused := registry.Refused(""); errors.As(err, &refused) {
		return problem.Conflict(string(refused))
	}
	return err
}

// precondition compares If-Match with the revision, strongly, as RFC 9110 wants it. What begins a sentence about it.
func precondition(r *http.Request, what string, revision int, must bool) error {
	header := r.Header.Values("If-Match")
	tag := entityTag(revision)
	if len(header) == 0 {
		if !must {
			return nil
		}
		return problem.Problem{
			Status: http.StatusPreconditionRequired,
			Detail: "Send If-Match with the ETag of what you have read, such as If-Match: " + tag + ", so that nobody's change is lost.",
		}
	}
	for _, list := range header {
		for one := range strings.SplitSeq(list, ",") {
			if one = strings.TrimSpace(one); one == "*" || one == tag {
				return nil
			}
		}
	}
	return problem.PreconditionFailed(fmt.Sprintf("%s at revision %d by now. GET that, look at what is new, and send the change again with If-Match: %s.", what, revision, tag))
}

// step is a request that moves an experiment on in its life. Its body may be left out where nothing is required.
func (a *API) step(take func(*edit) (*registry.Change, error)) func(echo.Context) error {
	return func(c echo.Context) error {
		return a.change(c, false, []string{echo.MIMEApplicationJSON}, take)
	}
}

// decode reads the body, which may be empty.
func (e *edit) decode(into any) error {
	if len(e.body) == 0 {
		return nil
	}
	return decode(e.body, into)
}

// start is POST /v1/experiments/{id}/start.
func start(e *edit) (*registry.Change, error) {
	var in struct {
		StartedAt *canonical.Time `json:"started_at"`
		By        string          `json:"by"`
	}
	if err := e.decode(&in); err != nil {
		return nil, err
	}
	return e.x.Start(registry.Step{Now: e.now, At: in.StartedAt, By: in.By})
}

// stop is POST /v1/experiments/{id}/stop.
func stop(e *edit) (*registry.Change, error) {
	var in struct {
		EndedAt *canonical.Time `json:"ended_at"`
		By      string          `json:"by"`
		Reason  string          `json:"reason"`
	}
	if err := e.decode(&in); err != nil {
		return nil, err
	}
	return e.x.Stop(registry.Step{Now: e.now, At: in.EndedAt, By: in.By, Reason: in.Reason})
}

// endEarly is POST /v1/experiments/{id}/end-early.
func endEarly(e *edit) (*registry.Change, error) {
	var in struct {
		Reason  string          `json:"reason"`
		EndedAt *canonical.Time `json:"ended_at"`
		Variant *string         `json:"variant"`
		By      string          `json:"by"`
	}
	if err := e.decode(&in); err != nil {
		return nil, err
	}
	return e.x.EndEarly(registry.Step{Now: e.now, At: in.EndedAt, By: in.By, Reason: in.Reason, Variant: in.Variant})
}

// takeBack is DELETE /v1/experiments/{id}/end-early.
func takeBack(e *edit) (*registry.Change, error) {
	var in struct {
		By string `json:"by"`
	}
	if err := e.decode(&in); err != nil {
		return nil, err
	}
	return e.view.Registry.TakeBack(e.x, registry.Step{Now: e.now, By: in.By})
}

// decide is POST /v1/experiments/{id}/decisions. A variant that is left out is a fault, since null means something.
func (a *API) decide(e *edit) (*registry.Change, error) {
	var in struct {
		Run     *int    `json:"run"`
		Variant *string `json:"variant"`
		Why     string  `json:"why"`
		By      string  `json:"by"`
	}
	if err := decode(e.body, &in); err != nil {
		return nil, err
	}
	o := registry.Outcome{Variant: in.Variant, Why: in.Why, By: in.By, Key: e.key, At: e.now}
	var faults registry.Faults
	if in.Run != nil {
		if o.Run = *in.Run; o.Run < 1 {
			faults = append(faults, registry.Fault{Pointer: "/run", Detail: "must be the number of a run, from 1"})
		}
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(e.body, &members); err != nil {
		return nil, err
	}
	if _, given := members["variant"]; !given {
		faults = append(faults, registry.Fault{Pointer: "/variant", Detail: "is required: the key of a variant, or null for no change"})
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return a.decided(e, o)
}

// revision is one change of an experiment among all.
type revision struct {
	Revision   int                 `json:"revision"`
	At         canonical.Time      `json:"at"`
	By         string              `json:"by,omitempty"`
	Key        string              `json:"key,omitempty"` // fingerprint of the key that it was made with
	What       string              `json:"what"`
	StreamSeq  uint64              `json:"stream_seq"` // of the change
	Runs       []registry.Run      `json:"runs"`
	Decisions  []registry.Outcome  `json:"decisions"`
	Definition registry.Definition `json:"definition"`
}

// revisions is GET /v1/experiments/{id}/revisions. What nobody declared has none.
func (a *API) revisions(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	v := a.State.View()
	if _, ok := v.Experiment(id); !ok {
		return unknown(id)
	}
	out := struct {
		ExperimentID string          `json:"experiment_id"`
		Revisions    []revision      `json:"revisions"`
		Notes        []registry.Note `json:"notes"` // what sources reported, the oldest first
	}{id, []revision{}, []registry.Note{}}
	out.Notes = append(out.Notes, v.Registry.Notes(id)...)
	for _, x := range v.Registry.History(id) {
		d := declared(&x.Change)
		out.Revisions = append(out.Revisions, revision{x.Revision, x.At, x.By, x.Key, x.What, x.Seq, d.Runs, d.Decisions, d.Definition})
	}
	body, err := encode(out)
	if err != nil {
		return err
	}
	return fresh(c, tagOf(body), body)
}
