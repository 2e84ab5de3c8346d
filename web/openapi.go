package web

import (
	_ "embed"

	"github.com/labstack/echo/v4"
)

//go:embed openapi.json
var openapiText []byte

// openapi is GET /openapi.json. It holds nothing secret, so it needs no key.
func (a *API) openapi(c echo.Context) error { return fresh(c, tagOf(openapiText), openapiText) }
