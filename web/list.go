package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/registry"
)

// Bounds of one page of a list.
const (
	listedDefault = 200
	listedMost    = 1000
	maxCursor     = 2000 // bytes
)

// paging is which part of a list is asked for.
type paging struct {
	limit int
	after string // cursor; "": the beginning
}

func pagingOf(query url.Values) (p paging, err error) {
	p = paging{listedDefault, query.Get("after")}
	var faults []problem.FieldError
	if text := query.Get("limit"); text != "" {
		if p.limit, err = strconv.Atoi(text); err != nil || p.limit < 1 || p.limit > listedMost {
			faults = append(faults, problem.FieldError{Pointer: "/limit", Detail: fmt.Sprintf("must be a whole number from 1 to %d", listedMost)})
		}
	}
	if len(p.after) > maxCursor {
		faults = append(faults, badCursor)
	}
	if faults != nil {
		return p, problem.BadRequest("A query parameter is not valid. Fix the fields in errors.", faults...)
	}
	return p, nil
}

var badCursor = problem.FieldError{Pointer: "/after", Detail: "must be the value of next on the page before"}

// next puts the address of the next page into the headers, and returns its cursor.
func next(c echo.Context, cursor string) string {
	query := c.QueryParams()
	query.Set("after", cursor)
	c.Response().Header().Set("Link", "<"+c.Request().URL.Path+"?"+query.Encode()+`>; rel="next"`)
	return cursor
}

// Cursors of the list of experiments begin with the list that they are in, so that an experiment that is declared between
// two pages does not move the reader.
const (
	inDeclared   = "d/"
	inUndeclared = "u/"
	inArchived   = "a/"
)

// part is one list of ids within the list of experiments.
type part struct {
	mark string
	ids  sums.Table[struct{}]
}

// of is the ids of the page, and the cursor of the next one, "" for none. It reports false if the page's own cursor is of
// none of the parts.
func (p paging) of(parts []part, prefix string) (ids []string, cursor string, ok bool) {
	full := "" // cursor of the page's end, if only further parts can have more
	for _, one := range parts {
		after, here := strings.CutPrefix(p.after, one.mark)
		switch {
		case ok || p.after == "":
			after = ""
		case !here:
			continue
		}
		ok = true
		some, more := one.ids.After(prefix, after, p.limit-len(ids))
		if full != "" && more {
			return ids, full, true
		}
		ids = append(ids, some...)
		if more {
			return ids, one.mark + some[len(some)-1], true
		}
		if full == "" && len(some) > 0 && len(ids) == p.limit {
			full = one.mark + some[len(some)-1]
		}
	}
	return ids, "", ok
}

// list is GET /v1/experiments: declared ones first, then those that only events name, each in byte order of the ids. Only
// what one page shows is made.
func (a *definitions) list(c echo.Context) error {
	query := c.QueryParams()
	page, err := pagingOf(query)
	if err != nil {
		return err
	}
	archived := false
	switch text := query.Get("archived"); text {
	case "", "false":
	case "true":
		archived = true
	default:
		return problem.BadRequest("A query parameter is not valid. Fix the fields in errors.", problem.FieldError{Pointer: "/archived", Detail: "must be true or false"})
	}
	v := a.opts.State.View()
	listing := v.Listing()
	out := struct {
		StreamSeq   uint64   `json:"stream_seq"`
		Experiments []listed `json:"experiments"`
		Declared    int      `json:"declared"` // of all pages, whatever the prefix
		Undeclared  int      `json:"undeclared"`
		Archived    int      `json:"archived"`
		Next        string   `json:"next,omitempty"` // cursor of the next page
	}{StreamSeq: v.Seq, Experiments: []listed{}, Declared: listing.Declared.Len(), Undeclared: listing.Undeclared.Len(), Archived: listing.Archived.Len()}
	parts := []part{{inDeclared, listing.Declared}, {inUndeclared, listing.Undeclared}}
	if archived {
		parts = []part{{inArchived, listing.Archived}}
	}
	ids, cursor, ok := page.of(parts, query.Get("prefix"))
	if !ok {
		return problem.BadRequest("A query parameter is not valid. Fix the fields in errors.", badCursor)
	}
	for _, id := range ids {
		if x, ok := listedOf(v, id); ok {
			out.Experiments = append(out.Experiments, x)
		}
	}
	out.Next = cursor
	if out.Next != "" {
		next(c, out.Next)
	}
	body, err := encode(out)
	if err != nil {
		return err
	}
	return fresh(c, tagOf(body), body)
}

// listedOf is one experiment of the list; false if it is gone.
func listedOf(v *sums.View, id string) (listed, bool) {
	s, ok := v.Experiment(id)
	if !ok {
		return listed{}, false
	}
	sum := readout.Summarize(s)
	x := listed{ID: id, Status: sum.Status, ExposedUsers: sum.ExposedUsers, Recomputing: s.Recomputing, Archived: v.Registry.Archived(id)}
	if sum.Run > 0 {
		x.Run = &sum.Run
	}
	if sum.LastDay != "" {
		x.LastExposedOn = &sum.LastDay
	}
	if def, known := v.Registry.Get(id); known {
		x.Name, x.Revision, x.ChangedAt = def.Name, def.Revision, &def.At
	}
	return x, true
}

// archive is POST /v1/experiments/{id}/archive, and /unarchive: lists hide the experiment, or show it again. Nothing of it
// is deleted.
func (a *definitions) archive(archived bool) func(echo.Context) error {
	return func(c echo.Context) error {
		id, err := idOf(c)
		if err != nil {
			return err
		}
		in := struct {
			By     string `json:"by"`
			Prefix bool   `json:"prefix"`
		}{By: c.QueryParam("by")}
		body, err := read(c, echo.MIMEApplicationJSON)
		if err == nil && len(body) > 0 {
			err = decode(body, &in)
		}
		if err != nil {
			return err
		}
		return a.storeArchive(c, registry.Archive{
			ExperimentID: id, Prefix: in.Prefix, Archived: archived, At: canonical.TimeOf(a.opts.Now()), By: in.By, Key: keyOf(c),
		})
	}
}

// storeArchive puts the change on the log and waits until the core has read it.
func (a *definitions) storeArchive(c echo.Context, next registry.Archive) error {
	v := a.opts.State.View()
	if _, known := v.Experiment(next.ExperimentID); !known && !next.Prefix {
		return unknown(next.ExperimentID)
	}
	after, err := v.Registry.Archiving(next)
	if err != nil {
		return refusal(err)
	}
	name := next.ExperimentID
	if next.Prefix {
		name += "*"
	}
	seq, err := a.write.put(c.Request().Context(), change{
		what: fmt.Sprintf("archive %q", next.ExperimentID), late: "an archiving is stored but not applied yet",
		publish: func(ctx context.Context) (uint64, error) {
			return a.opts.Registry.PublishArchive(ctx, name, after, next.AppendJSON(nil))
		},
	})
	if err != nil && a.opts.Changed(err) {
		return problem.Conflict("Another request archived the same in the meantime. GET the list, and send the change again if it is still needed.")
	}
	if err != nil {
		return err
	}
	c.Response().Header().Set(headerSeq, strconv.FormatUint(seq, 10))
	return answer(c, http.StatusOK, next)
}
