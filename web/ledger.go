package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/core"
)

// counts is what became of events: received = accepted + redelivered + conflicts + rejected + erased.
type counts struct {
	Received    int64 `json:"received"`
	Accepted    int64 `json:"accepted"`
	Redelivered int64 `json:"redelivered"`
	Conflicts   int64 `json:"conflicts"`
	Rejected    int64 `json:"rejected"`
	Erased      int64 `json:"erased"`
}

func (n *counts) add(l core.LedgerEntry) {
	n.Received += l.Received()
	n.Accepted += l.Accepted
	n.Redelivered += l.Redelivered
	n.Conflicts += l.Conflicts
	n.Rejected += l.Rejected
	n.Erased += l.Erased
}

// line is one day of one source, kind and experiment, "" being that of items that were rejected.
type line struct {
	Day        string `json:"day"` // of receipt, UTC
	Source     string `json:"source"`
	Kind       string `json:"kind"`
	Experiment string `json:"experiment_id"` // as the events name it; "": they name none
	counts
}

// wanted reports whether a parameter of the query, if it is there, has the value.
func wanted(c echo.Context, parameter, value string) bool {
	values, there := c.QueryParams()[parameter]
	return !there || slices.Contains(values, value)
}

// ledger is GET /v1/ledger.
func (a *API) ledger(c echo.Context) error {
	out := struct {
		Lines  []line `json:"lines"`
		Totals counts `json:"totals"`
	}{Lines: []line{}}
	err := a.State.Ledger(func(k core.LedgerKey, l core.LedgerEntry) error {
		one := line{Day: time.Unix(k.Day*86400, 0).UTC().Format(time.DateOnly), Source: k.Source, Kind: k.Kind.String(), Experiment: k.Experiment}
		if !wanted(c, "day", one.Day) || !wanted(c, "source", one.Source) || !wanted(c, "experiment_id", one.Experiment) {
			return nil
		}
		one.add(l)
		out.Lines = append(out.Lines, one)
		out.Totals.add(l)
		return nil
	})
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return answer(c, http.StatusOK, out)
}
