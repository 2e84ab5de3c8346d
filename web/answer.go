package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/problem"
)

// encode is v as one line of JSON.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write the answer: %w", err)
	}
	return b.Bytes(), nil
}

// answer writes v.
func answer(c echo.Context, status int, v any) error {
	body, err := encode(v)
	if err != nil {
		return err
	}
	return c.Blob(status, echo.MIMEApplicationJSON, body)
}

// tagOf names a content.
func tagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}

// fresh answers with the body, or that the client has it already. A cache may keep it and must ask every time.
func fresh(c echo.Context, tag string, body []byte) error {
	h := c.Response().Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", tag)
	if matches(c.Request().Header.Values("If-None-Match"), tag) {
		return c.NoContent(http.StatusNotModified)
	}
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, body)
}

// matches compares weakly, as RFC 9110 wants it for If-None-Match.
func matches(header []string, tag string) bool {
	for _, list := range header {
		for _, one := range strings.Split(list, ",") {
			if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
				return true
			}
		}
	}
	return false
}

// idOf is the experiment's id in the path. Echo matches the escaped path where it differs from the plain one, and hands
// out parameters as they stand there; only those are still to be unescaped.
func idOf(c echo.Context) (string, error) {
	id := c.Param("id")
	if c.Request().URL.RawPath == "" {
		return id, nil
	}
	id, err := url.PathUnescape(id)
	if err != nil {
		return "", problem.BadRequest("The id in the path is not escaped as a URL wants it: " + err.Error())
	}
	return id, nil
}

func unknown(id string) error {
	return problem.NotFound(fmt.Sprintf("No experiment has the id %q, and no event has named it. GET /v1/experiments lists them all.", id))
}

func noRun(id string, run int) error {
	return problem.NotFound(fmt.Sprintf("The experiment %q has no run %d. GET /v1/experiments/%s lists its runs.", id, run, url.PathEscape(id)))
}
