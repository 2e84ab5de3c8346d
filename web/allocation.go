package web

import (
	"math"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/readout"
)

// allocation is GET /v1/experiments/{id}/allocation: the weights that a bandit would set for the next day.
func (a *API) allocation(c echo.Context) error {
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
		return problem.BadRequest("A parameter of the query cannot be read. Mend what errors names.", faults...)
	}
	return a.ofMetric(c, id, q, want.Metric, func(v *core.View) (any, error) { return readout.Allocate(v, want, a.Code) },
		func(body []byte) error { return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, body) })
}
