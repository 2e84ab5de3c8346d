package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/readout"
)

// plan is POST /v1/plan: how large an experiment has to be. It stores nothing.
func (a *API) plan(c echo.Context) error {
	body, err := read(c, echo.MIMEApplicationJSON)
	if err != nil {
		return err
	}
	var q readout.PlanQuestion
	if err := decode(body, &q); err != nil {
		return err
	}
	answer, err := readout.Plan(q)
	if err != nil {
		return refusal(err)
	}
	out, err := encode(answer)
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, out)
}
