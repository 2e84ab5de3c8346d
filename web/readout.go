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
	wait     time.Duration
	atSeq    *uint64
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
	v := a.State.View()
	if v.Seq < q.minSeq {
		ctx, cancel := context.WithTimeout(c.Request().Context(), q.wait)
		defer cancel()
		if v, err = a.State.Wait(ctx, q.minSeq); err != nil {
			return behind(c, v.Seq, q.minSeq, err)
		}
	}
	if q.atSeq != nil && *q.atSeq != v.Seq {
		return elsewhen(*q.atSeq, v.Seq)
	}
	p, err := a.readouts.get(v, key{id, q.run, q.filtered}, func() ([]byte, error) {
		r, err := readout.MakeCounting(v, id, q.run, q.filtered, a.Code)
		if err != nil {
			return nil, err
		}
		return encode(r)
	})
	switch {
	case errors.Is(err, readout.ErrNoExperiment):
		return unknown(id)
	case errors.Is(err, readout.ErrNoRun):
		return problem.NotFound(fmt.Sprintf("The experiment %q has no run %d. GET /v1/experiments/%s lists its runs.", id, q.run, url.PathEscape(id)))
	case err != nil:
		return err
	}
	c.Response().Header().Set(headerSeq, strconv.FormatUint(v.Seq, 10))
	return fresh(c, p.tag, p.body)
}

// ask reads the parameters and says every fault at once.
func ask(values url.Values) (asked, error) {
	q := asked{wait: defaultWait}
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
	if text := values.Get("wait"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 || d > maxWait {
			fault("wait", `must be a duration such as "5s", up to "60s"`)
		}
		q.wait = d
	}
	if len(faults) > 0 {
		return q, problem.BadRequest("A parameter of the query cannot be read. Mend what errors names.", faults...)
	}
	return q, nil
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
	return nil
}

func elsewhen(at, now uint64) error {
	detail := fmt.Sprintf("The readout can be had as of sequence %d only: past sequences are not kept in this version.", now)
	if at > now {
		detail = fmt.Sprintf("Sequence %d has not been applied yet; the newest is %d. Ask with min_seq to wait for it.", at, now)
	}
	return problem.Problem{
		Status: http.StatusUnprocessableEntity, Detail: detail,
		Errors: []problem.FieldError{{Pointer: "/at_seq", Detail: fmt.Sprintf("must be %d, or left out", now)}},
	}
}

var _ State = (*core.Fold)(nil)
