package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/readout"
)

const (
	defaultWait = 5 * time.Second
	maxWait     = time.Minute
)

// asked are the parameters of a readout.
type asked struct {
	run      int  // 0: the newest
	filtered bool // bots and internal users are counted
	minSeq   uint64
	wait     *time.Duration // nil: as long as is usual
	atSeq    *uint64
	at       *canonical.Time // instead of atSeq
}

// of is the question about an experiment's run that they ask.
func (q asked) of(id string) readout.Question {
	return readout.Question{Experiment: id, Run: q.run, Filtered: q.filtered}
}

// readout is GET /v1/experiments/{id}/readout.
func (a *API) readout(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	q, err := ask(c.Request().URL.Query())
	if err != nil {
		return err
	}
	v, err := a.viewOf(c, id, q)
	if errors.Is(err, errAnswered) {
		return nil
	}
	if err != nil {
		return err
	}
	s, _ := v.Experiment(id)
	recomputing(c, v, s)
	p, err := a.readouts.get(v, q.of(id), func() ([]byte, error) {
		r, err := readout.Make(v, q.of(id), a.Code)
		if err != nil {
			return nil, err
		}
		return encode(r)
	})
	if errors.Is(err, readout.ErrRecomputing) {
		return unreadable(c, v)
	}
	if err != nil {
		return unmade(err, id, q.run)
	}
	c.Response().Header().Set(headerSeq, strconv.FormatUint(s.Seq, 10))
	return fresh(c, p.tag, p.body)
}

// asOf is the sequence that the experiment's readout stands for: an older one while the experiment is recomputed.
func asOf(v *core.View, id string) uint64 {
	s, _ := v.Experiment(id)
	return s.Seq
}

// recomputing says in a header how far a recomputation of the experiment is, where there is one. It is not in the body:
// the same sequence, revision and code give the same bytes.
func recomputing(c echo.Context, v *core.View, s *core.Snapshot) {
	if s.Recomputing && v.Recomputing != nil {
		c.Response().Header().Set(headerRecomputing, fmt.Sprintf("%d/%d", v.Recomputing.Done, v.Recomputing.Of))
	}
}

// headerRecomputing is how many of how many persons were recomputed.
const headerRecomputing = "Tracklayer-Recomputing"

// ask reads the parameters and says every fault at once.
func ask(values url.Values) (asked, error) {
	var q asked
	var faults []problem.FieldError
	fault := func(name, detail string) {
		faults = append(faults, problem.FieldError{Pointer: "/" + name, Detail: detail})
	}
	if text := values.Get("run"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			fault("run", "must be the number of a run, from 1")
		}
		q.run = n
	}
	filtered, detail := askFiltered(values)
	if q.filtered = filtered; detail != "" {
		fault("filtered", detail)
	}
	sequence := func(name string) (n uint64, given bool) {
		text := values.Get(name)
		if text == "" {
			return 0, false
		}
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			fault(name, "must be a stream sequence, such as a door's answer names in stream_seq")
		}
		return n, true
	}
	q.minSeq, _ = sequence("min_seq")
	if n, given := sequence("at_seq"); given {
		q.atSeq = &n
	}
	if text := values.Get("at"); text != "" {
		at, err := moment(text)
		if err != nil || q.atSeq != nil {
			fault("at", "must be a day such as 2026-11-20, which stands for its end (UTC), or a time such as 2026-11-20T10:00:00Z, without at_seq beside it")
		}
		q.at = &at
	}
	if text := values.Get("wait"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 || d > maxWait {
			fault("wait", `must be a duration such as "5s", up to "60s"`)
		}
		q.wait = &d
	}
	if len(faults) > 0 {
		return q, problem.BadRequest("A parameter of the query cannot be read. Mend what errors names.", faults...)
	}
	return q, nil
}

// moment reads a time, or the last moment of a day.
func moment(text string) (canonical.Time, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return canonical.TimeOf(day.AddDate(0, 0, 1)) - 1, nil
	}
	return canonical.ParseTime(text)
}

// behind answers a client that asked for more than has been applied within its patience. It is no failure of ours, so
// it is not logged.
func behind(c echo.Context, applied, sought uint64, err error) error {
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		return err
	}
	p := problem.Unavailable(time.Second)
	p.Instance = c.Response().Header().Get(headerID)
	p.Title = "Not applied yet"
	p.Extension = fmt.Appendf(nil, `"applied_seq":%d,"min_seq":%d`, applied, sought)
	problem.Write(c.Response(), p)
	return errAnswered
}

// unreadable answers for an experiment that is being recomputed since before the program was started.
func unreadable(c echo.Context, v *core.View) error {
	p := problem.Unavailable(time.Second)
	p.Instance = c.Response().Header().Get(headerID)
	p.Title = "Being recomputed"
	p.Detail = "A change of the definition is being worked off, and what the readout was before it is not known any more because the program was started again. Ask again in a moment, or with at_seq for an older one."
	if r := v.Recomputing; r != nil {
		p.Extension = fmt.Appendf(nil, `"persons_done":%d,"persons":%d`, r.Done, r.Of)
	}
	problem.Write(c.Response(), p)
	return nil
}

func elsewhen(at, now uint64) error {
	detail := fmt.Sprintf("The readout can be had as of sequence %d only: this core keeps no past.", now)
	if at > now {
		detail = fmt.Sprintf("Sequence %d has not been applied yet; the newest is %d. Ask with min_seq to wait for it.", at, now)
	}
	return problem.Problem{
		Status: http.StatusUnprocessableEntity, Detail: detail,
		Errors: []problem.FieldError{{Pointer: "/at_seq", Detail: fmt.Sprintf("must be %d, or left out", now)}},
	}
}

var _ State = (*core.Fold)(nil)
