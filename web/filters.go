package web

import (
	"context"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/registry"
)

// filters are the rules for bots and internal users as they are given out.
type filters struct {
	Filters   registry.Filters  `json:"filters"`
	Revision  int               `json:"revision"`   // 0: the default, none have been set
	ChangedAt *canonical.Time   `json:"changed_at"` // null: the same
	ChangedBy string            `json:"changed_by,omitempty"`
	Key       string            `json:"key,omitempty"` // fingerprint of the key that they were changed with
	Revisions []filtersRevision `json:"revisions"`     // the oldest first
}

// filtersRevision is one change of the filters among all.
type filtersRevision struct {
	Revision  int              `json:"revision"`
	At        canonical.Time   `json:"at"`
	By        string           `json:"by,omitempty"`
	Key       string           `json:"key,omitempty"`
	StreamSeq uint64           `json:"stream_seq"` // of the change
	Filters   registry.Filters `json:"filters"`
}

// filtersOf are the filters of a registry, with those to come on top if next is not nil.
func filtersOf(r registry.Registry, next *registry.FilterChange, seq uint64) filters {
	newest := &r.Filters().FilterChange
	f := filters{Revisions: []filtersRevision{}}
	for _, one := range r.FilterHistory() {
		f.Revisions = append(f.Revisions, filtersRevision{one.Revision, one.At, one.By, one.Key, one.Seq, one.Filters})
	}
	if next != nil {
		newest = next
		f.Revisions = append(f.Revisions, filtersRevision{next.Revision, next.At, next.By, next.Key, seq, next.Filters})
	}
	f.Filters, f.Revision, f.ChangedBy, f.Key = newest.Filters, newest.Revision, newest.By, newest.Key
	if f.Revision > 0 {
		f.ChangedAt = &newest.At
	}
	return f
}

// filters is GET /v1/filters.
func (a *API) filters(c echo.Context) error {
	f := filtersOf(a.opts.State.View().Registry, nil, 0)
	body, err := encode(f)
	if err != nil {
		return err
	}
	return fresh(c, entityTag(f.Revision), body)
}

// setFilters is PUT /v1/filters. The body is all filters, so that what it leaves out is gone from then on.
func (a *API) setFilters(c echo.Context) error {
	before := a.opts.State.View().Registry
	old := before.Filters()
	if err := precondition(c.Request(), "The filters are", old.Revision, true); err != nil {
		return err
	}
	body, err := read(c, echo.MIMEApplicationJSON)
	if err != nil {
		return err
	}
	var to registry.Filters
	if err := decode(body, &to); err != nil {
		return err
	}
	change, err := old.Edit(to, canonical.TimeOf(a.opts.Now()), c.QueryParam("by"))
	if err != nil {
		return refusal(err)
	}
	change.Key = keyOf(c)
	seq, err := a.storeFilters(c, change, old.Seq)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("ETag", entityTag(change.Revision))
	h.Set(headerSeq, strconv.FormatUint(seq, 10))
	return answer(c, http.StatusOK, filtersOf(before, change, seq))
}

// storeFilters puts a change of the filters on the log and waits until the core has read it.
func (a *API) storeFilters(c echo.Context, next *registry.FilterChange, after uint64) (uint64, error) {
	data, err := encode(next)
	if err != nil {
		return 0, err
	}
	seq, err := a.write.put(c.Request().Context(), change{
		what: "store the filters", late: "filters are stored but not applied yet",
		publish: func(ctx context.Context) (uint64, error) { return a.opts.Registry.PublishFilters(ctx, after, data) },
	})
	if err != nil && a.opts.Changed(err) {
		return 0, problem.Conflict("The filters were changed in the meantime. GET them, check what changed, and send your change again.")
	}
	return seq, err
}
