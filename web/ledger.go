package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/core/ledger"
	"github.com/tracklayer/tracklayer/problem"
)

// counts is what became of events: received = accepted + redelivered + conflicts + rejected + ignored + erased.
type counts struct {
	Received    int64 `json:"received"`
	Accepted    int64 `json:"accepted"`
	Redelivered int64 `json:"redelivered"`
	Conflicts   int64 `json:"conflicts"`
	Rejected    int64 `json:"rejected"`
	Ignored     int64 `json:"ignored"`
	Erased      int64 `json:"erased"`
}

func (n *counts) add(l ledger.Entry) {
	n.Received += l.Received()
	n.Accepted += l.Accepted
	n.Redelivered += l.Redelivered
	n.Conflicts += l.Conflicts
	n.Rejected += l.Rejected
	n.Ignored += l.Ignored
	n.Erased += l.Erased
}

// reason is why items of a line were rejected or ignored.
type reason struct {
	Outcome        string             `json:"outcome"`
	Field          string             `json:"field,omitempty"`
	Reason         string             `json:"reason"`
	Items          int64              `json:"items"`
	LastReceivedAt *canonical.Time    `json:"last_received_at"` // nil: of the reasons that have no entry of their own
	Example        *canonical.Example `json:"example"`          // of the newest request; nil: there is none of ignored items
}

// reasonsOf lists the reasons of a line, and then the items of all other reasons.
func reasonsOf(l *ledger.Entry) (all []reason) {
	for i := range l.Reasons {
		r := &l.Reasons[i]
		all = append(all, reason{r.Outcome, r.Field, r.Reason, r.Items, &r.LastReceivedAt, r.Example})
	}
	if l.OtherIgnored > 0 {
		all = append(all, reason{Outcome: canonical.OutcomeIgnored, Reason: canonical.OtherReasons, Items: l.OtherIgnored})
	}
	if l.OtherRejected > 0 {
		all = append(all, reason{Outcome: canonical.OutcomeRejected, Reason: canonical.OtherReasons, Items: l.OtherRejected})
	}
	return all
}

// line is one day of one source, kind and experiment. The kind of items that were rejected or ignored is "".
type line struct {
	Day        string `json:"day"` // of receipt, UTC
	Source     string `json:"source"`
	Kind       string `json:"kind"`
	Experiment string `json:"experiment_id"` // as the events name it; "": they name none
	counts
	Reasons []reason `json:"reasons,omitempty"`
}

// wanted reports whether a parameter of the query, if it is there, has the value.
func wanted(c echo.Context, parameter, value string) bool {
	values, there := c.QueryParams()[parameter]
	return !there || slices.Contains(values, value)
}

// dateOf is a day of the ledger.
func dateOf(day int64) string { return time.Unix(day*86400, 0).UTC().Format(time.DateOnly) }

// place is where a line stands in the order of the ledger.
func place(k ledger.Key) string {
	return fmt.Sprintf("%08d/%s/%d/%s", k.Day, k.Source, k.Kind, k.Experiment)
}

// lineAt reads what place wrote.
func lineAt(cursor string) (k ledger.Key, ok bool) {
	parts := strings.SplitN(cursor, "/", 4)
	if len(parts) != 4 {
		return k, false
	}
	day, err := strconv.ParseInt(parts[0], 10, 64)
	kind, err2 := strconv.ParseUint(parts[2], 10, 8)
	return ledger.Key{Day: day, Source: parts[1], Kind: canonical.Kind(kind), Experiment: parts[3]}, err == nil && err2 == nil
}

// ledger is GET /v1/ledger. The totals are those of all lines that fit, on whatever page they are.
func (a *API) ledger(c echo.Context) error {
	page, err := pagingOf(c.QueryParams())
	if err != nil {
		return err
	}
	after, ok := lineAt(page.after)
	if page.after != "" && !ok {
		return problem.BadRequest("A query parameter is not valid. Fix the fields in errors.", badCursor)
	}
	out := struct {
		Lines  []line `json:"lines"`
		Totals counts `json:"totals"`
		Next   string `json:"next,omitempty"` // cursor of the next page
	}{Lines: []line{}}
	q := core.LedgerQuery{Limit: page.limit + 1, Experiments: c.QueryParams()["experiment_id"], Fits: func(of ledger.Day) bool {
		return wanted(c, "day", dateOf(of.Day)) && wanted(c, "source", of.Source)
	}}
	if page.after != "" {
		q.After = &after
	}
	var last ledger.Key
	sum, err := a.opts.State.LedgerLines(q, func(k ledger.Key, l ledger.Entry) error {
		if len(out.Lines) == page.limit {
			out.Next = place(last)
			return nil
		}
		one := line{Day: dateOf(k.Day), Source: k.Source, Kind: k.Kind.String(), Experiment: k.Experiment, Reasons: reasonsOf(&l)}
		one.add(l)
		out.Lines, last = append(out.Lines, one), k
		return nil
	})
	out.Totals.add(sum)
	if err != nil {
		return err
	}
	if out.Next != "" {
		next(c, out.Next)
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return answer(c, http.StatusOK, out)
}
