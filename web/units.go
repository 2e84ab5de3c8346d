package web

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/problem"
)

// unit is GET /v1/units/{kind}/{id}: why this person is counted, or is not.
func (a *API) unit(c echo.Context) error {
	var u canonical.Unit
	switch kind := c.Param("kind"); kind {
	case canonical.User.String():
		u.Kind = canonical.User
	case canonical.Anonymous.String():
		u.Kind = canonical.Anonymous
	default:
		return problem.NotFound(fmt.Sprintf("There are no units of the kind %q. Ask for /v1/units/user/{id} or /v1/units/anonymous/{id}.", kind))
	}
	var err error
	if u.ID, err = idOf(c); err != nil {
		return err
	}
	t, err := a.State.Trace(u)
	if errors.Is(err, core.ErrNoUnit) {
		return problem.NotFound(fmt.Sprintf("No event that was applied has named the %s id %q. User and anonymous ids are two spaces: it may be of the other kind.", u.Kind, u.ID))
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
