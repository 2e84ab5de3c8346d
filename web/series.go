package web

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/readout"
)

// timeseries is GET /v1/experiments/{id}/timeseries: a metric over the days of a run.
func (a *readouts) timeseries(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	values := c.Request().URL.Query()
	q, err := ask(values)
	if err != nil {
		return err
	}
	population := values.Get("population")
	if !slices.Contains([]string{"", readout.All, readout.MaturedOnly}, population) {
		return problem.BadRequest("A query parameter is not valid. Fix the fields in errors.",
			problem.FieldError{Pointer: "/population", Detail: "must be all or matured"})
	}
	metric := values.Get("metric")
	return a.ofMetric(c, id, q, metric, func(v *sums.View) (any, error) {
		return readout.Series(v, readout.SeriesQuestion{Question: q.of(id), Metric: metric, Matured: population == readout.MaturedOnly}, a.opts.Code)
	}, func(body []byte) error { return fresh(c, tagOf(body), body) })
}

// ofMetric answers with what is made of the state that was asked for, about one metric of an experiment.
func (a *readouts) ofMetric(c echo.Context, id string, q asked, metric string, content func(*sums.View) (any, error), answer func(body []byte) error) error {
	v, err := a.viewOf(c, id, q)
	if err != nil {
		return err
	}
	s, _ := v.Experiment(id)
	recomputing(c, v, s)
	made, err := content(v)
	switch {
	case errors.Is(err, readout.ErrRecomputing):
		return unreadable(v)
	case errors.Is(err, readout.ErrNoMetric):
		return noMetric(id, metric)
	case err != nil:
		return unmade(err, id, q.run)
	}
	body, err := encode(made)
	if err != nil {
		return err
	}
	c.Response().Header().Set(headerSeq, strconv.FormatUint(s.Seq, 10))
	return answer(body)
}

// noMetric is the answer for a metric that an experiment does not have.
func noMetric(id, metric string) error {
	detail := fmt.Sprintf("Experiment %q has no metric %q. Its definition and its readout list its metrics.", id, metric)
	if metric == "" {
		detail = fmt.Sprintf("Experiment %q has no primary metric: choose one with ?metric=.", id)
	}
	return problem.Problem{Status: http.StatusNotFound, Detail: detail}
}

// allocation is GET /v1/experiments/{id}/allocation: the weights that a bandit would set for the next day.
func (a *readouts) allocation(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	values := c.Request().URL.Query()
	q, err := ask(values)
	if err != nil {
		return err
	}
	want := readout.AllocationQuestion{Question: q.of(id), Metric: values.Get("metric"), Algorithm: values.Get("algorithm"), Floor: readout.DefaultFloor}
	var faults []problem.FieldError
	if !slices.Contains([]string{"", readout.Thompson, readout.TopTwo}, want.Algorithm) {
		faults = append(faults, problem.FieldError{Pointer: "/algorithm", Detail: "must be thompson or top_two"})
	}
	if text := values.Get("floor"); text != "" {
		if want.Floor, err = strconv.ParseFloat(text, 64); err != nil || math.IsNaN(want.Floor) || want.Floor < 0 || want.Floor > 1 {
			faults = append(faults, problem.FieldError{Pointer: "/floor", Detail: "must be a share from 0 to 1, such as 0.01"})
		}
	}
	if len(faults) > 0 {
		return problem.BadRequest("A query parameter is not valid. Fix the fields in errors.", faults...)
	}
	return a.ofMetric(c, id, q, want.Metric, func(v *sums.View) (any, error) { return readout.Allocate(v, want, a.opts.Code) },
		func(body []byte) error { return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, body) })
}
