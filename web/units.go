package web

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/core"
)

// unit is GET /v1/units/{kind}/{id}: why this person is counted, or is not.
func (a *API) unit(c echo.Context) error {
	u, err := unitOf(c)
	if err != nil {
		return err
	}
	t, err := a.State.Trace(u)
	if errors.Is(err, core.ErrNoUnit) {
		return noUnit(u)
	}
	if err != nil {
		return err
	}
	body, err := t.AppendJSON(nil)
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	h.Set(headerSeq, strconv.FormatUint(t.AsOf.Seq, 10))
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, append(body, '\n'))
}
