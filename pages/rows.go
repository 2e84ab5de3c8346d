package pages

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/problem"
)

const (
	shownRows = 200              // that a page lists; the files have all
	searchFor = 10 * time.Second // among millions of persons, for rows of which there may be none
)

// errEnough ends a walk over rows.
var errEnough = errors.New("enough")

// rowsPage is some of the rows behind a readout.
type rowsPage struct {
	frame
	ID, Status, Who, Variant string
	Run                      int
	Rows                     []assocView
	More                     bool // there are more of them
	Cut                      bool // not all persons were searched
	CSV, NDJSON              string
	Seq                      uint64
}

// assocView is one person with one conversion, or with none.
type assocView struct {
	Kind, Unit, Path           string
	Variant, ExposedAt         string
	Event, ConvertedAt, Status string
	Value, Source, Identity    string
	Crossover, Ended, Filtered bool
}

// rows lists the rows behind a number, or hands them out as a file.
func (p *detailPages) rows(q *request) error {
	id, ask := q.PathValue("id"), q.URL.Query()
	if format := ask.Get("format"); format != "" {
		return p.file(q, id, ask)
	}
	page := rowsPage{frame: p.frame(q, "Rows"), ID: id, Status: ask.Get("status"), Who: ask.Get("who"), Variant: ask.Get("variant")}
	if text := ask.Get("run"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return problem.BadRequest("run must be the number of a run, from 1.")
		}
		page.Run = n
	}
	known := false
	begin := func(v *sums.View) error {
		if _, known = v.Experiment(id); !known {
			return errEnough
		}
		page.Seq = v.Seq
		return nil
	}
	ctx, cancel := context.WithTimeout(q.Context(), searchFor)
	defer cancel()
	err := p.opts.State.Associations(ctx, id, page.Run, begin, func(a *core.Association) error {
		if !page.wants(a) {
			return nil
		}
		if page.More = len(page.Rows) == shownRows; page.More {
			return errEnough
		}
		page.Rows = append(page.Rows, assocOf(a))
		return nil
	})
	if !known {
		return unknown(id)
	}
	if page.Cut = errors.Is(err, context.DeadlineExceeded); err != nil && !page.Cut && !errors.Is(err, errEnough) {
		return err
	}
	files := url.Values{}
	if page.Run > 0 {
		files.Set("run", strconv.Itoa(page.Run))
	}
	files.Set("format", "csv")
	page.CSV = below(id, "rows") + "?" + files.Encode()
	files.Set("format", "ndjson")
	page.NDJSON = below(id, "rows") + "?" + files.Encode()
	return p.show(q, http.StatusOK, "rows", page)
}

// wants reports whether the row is one that was asked for.
func (r *rowsPage) wants(a *core.Association) bool {
	switch {
	case r.Status != "" && a.Status != r.Status,
		r.Variant != "" && a.Variant != r.Variant,
		r.Who == "crossover" && !a.Crossover,
		r.Who == "ended_early" && !a.EndedEarly,
		r.Who == "filtered" && !a.Filtered,
		r.Who == "counted" && (a.Crossover || a.EndedEarly || a.Filtered):
		return false
	}
	return true
}

func assocOf(a *core.Association) assocView {
	one := assocView{
		Kind: a.Key.Kind.String(), Unit: a.Key.ID, Path: unitPath(a.Key.Kind.String(), a.Key.ID), Variant: a.Variant, ExposedAt: stamp(a.ExposedAt), Event: a.ConversionEvent,
		Status: a.Status, Source: a.Destination, Identity: a.Identity, Crossover: a.Crossover, Ended: a.EndedEarly, Filtered: a.Filtered,
	}
	if a.ConvertedAt != 0 {
		one.ConvertedAt = stamp(a.ConvertedAt)
	}
	one.Value = amount(a.Value, a.MetricValue, a.Currency)
	return one
}

// amount writes what a conversion was worth.
func amount(value, metric canonical.Number, currency string) string {
	switch {
	case value.Set && currency != "":
		return value.String() + noBreak + currency
	case value.Set:
		return value.String()
	case metric.Set:
		return metric.String()
	}
	return ""
}
