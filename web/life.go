package web

import (
	"context"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/registry"
)

// edit is a request to change an experiment, with the state that it was made on.
type edit struct {
	ctx  context.Context // of the request, as long as which the edit lives
	view *sums.View
	x    *registry.Experiment
	body []byte
	now  canonical.Time
	by   string // of the query, for bodies that cannot say it
	key  string // fingerprint of the key
}

// change answers a request that changes a declared experiment: it finds the experiment, has the change built, stores
// it, and answers with the new state. A change of nil leaves everything as it is.
func (a *definitions) change(c echo.Context, mustMatch bool, types []string, build func(*edit) (*registry.Change, error)) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	e := &edit{ctx: c.Request().Context(), view: a.opts.State.View(), now: canonical.TimeOf(a.opts.Now()), by: c.QueryParam("by"), key: keyOf(c)}
	var declaredAlready bool
	if e.x, declaredAlready = e.view.Registry.Get(id); !declaredAlready {
		return problem.NotFound(fmt.Sprintf("The experiment %q is not set up. Declare it with POST /v1/experiments; data that was counted so far is kept.", id))
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
		if a.opts.Changed(err) {
			return problem.Conflict(fmt.Sprintf("The experiment %q was changed in the meantime. GET it, check what changed, and send your change again.", id))
		}
		return err
	}
	return answer(c, http.StatusOK, declared(next))
}

// step is a request that moves an experiment on in its life. Its body may be left out if nothing is required.
func (a *definitions) step(take func(*edit) (*registry.Change, error)) func(echo.Context) error {
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

// revisions is GET /v1/experiments/{id}/revisions. An undeclared experiment has none.
func (a *definitions) revisions(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	v := a.opts.State.View()
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
