// Package custom is for the tool that nobody knows: its requests are turned into canonical events by expressions that
// stand in the source's configuration, so that a home-grown tool or a vendor without an adapter needs no code.
//
// Expressions are those of github.com/expr-lang/expr, which have no loops without end, no input or output and no state.
// What reads a clock is switched off: the same request must give the same events whenever it is decoded.
//
// Like every adapter it imports adapters and canonical and nothing else of this module. Only adapters/all imports it.
package custom

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
)

// Adapter is whatever words the configuration gives it.
var Adapter = adapters.Adapter{
	Vendor:  "custom",
	About:   about,
	Headers: []string{"Content-Type", "User-Agent"},
	Options: table,
	Open:    open,
}

// reply is what most webhook senders want to hear: 2xx, or a status that tells whether to come again.
func reply(_ adapters.Envelope, o adapters.Outcome) adapters.Response {
	answer := func(status int, body string) adapters.Response {
		return adapters.Response{Status: status, ContentType: "application/json", Body: []byte(body)}
	}
	switch {
	case o.Err == nil:
		return answer(http.StatusOK, fmt.Sprintf(`{"accepted":%d,"rejected":%d,"ignored":%d}`, o.Accepted, o.Rejected, o.Ignored))
	case errors.Is(o.Err, adapters.ErrTooLarge):
		return answer(http.StatusRequestEntityTooLarge, `{"error":"the body is too large"}`)
	case errors.Is(o.Err, adapters.ErrUnreadable):
		return answer(http.StatusBadRequest, failure(o.Err))
	case errors.Is(o.Err, adapters.ErrUnauthorized):
		return answer(http.StatusUnauthorized, failure(o.Err))
	}
	return answer(http.StatusServiceUnavailable, `{"error":"try again"}`)
}

// failure is an error as a JSON object.
func failure(err error) string {
	text, merr := json.Marshal(strings.ToValidUTF8(err.Error(), ""))
	if merr != nil { // a string
		text = []byte(strconv.Quote("error"))
	}
	return `{"error":` + string(text) + `}`
}
