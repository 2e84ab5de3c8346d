package web

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/tracklayer/tracklayer/core"
)

type (
	State interface {
		View() *core.View
		Wait(ctx context.Context, seq uint64) (*core.View, error)
	}
	Options struct {
		State             State
		Registry          any
		Code              string
		ReadKey, WriteKey func(string) bool
		Now               func() time.Time
		Log               *slog.Logger
		Changed           func(error) bool
	}
	API struct{ Options }
)

func New(o Options) *API { return &API{o} }
func (a *API) Register(e *echo.Echo) {
	e.GET("/v1/experiments/:id/readout", func(c echo.Context) error {
		min, _ := strconv.ParseUint(c.QueryParam("min_seq"), 10, 64)
		v, err := a.State.Wait(c.Request().Context(), min)
		if err != nil {
			return err
		}
		s, ok := v.Experiment(c.Param("id"))
		if !ok {
			return c.NoContent(http.StatusNotFound)
		}
		type V struct {
			Variant string `json:"variant"`
			Exposed int64  `json:"exposed_users"`
		}
		var vs []V
		for k, a := range s.Aggregate.Runs[1].Variants {
			vs = append(vs, V{k, a.Persons[0]})
		}
		b, _ := json.Marshal(map[string]any{"variants": vs})
		return c.JSONBlob(200, b)
	})
}
