// Package custom is for a tool that has no adapter: its requests are turned into canonical events by expressions that
// stand in the source's configuration, so that a home-grown tool or a vendor without an adapter needs no code.
//
// Expressions are those of github.com/expr-lang/expr, which have no loops without end, no input or output and no state.
// What reads a clock is switched off: the same request must give the same events whenever it is decoded.
//
// Like every adapter it imports adapters, adapters/field and canonical and nothing else of this module. Only adapters/all imports it.
package custom

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
)

// Adapter decodes whatever the configuration describes.
var Adapter = adapters.Adapter{
	Vendor:  "custom",
	About:   about,
	Headers: []string{"Content-Type", "User-Agent"},
	Options: table,
	Open:    open,
}

// reply is what most webhook senders expect: 2xx, or a status that tells whether to come again.
func reply(_ adapters.Envelope, o adapters.Outcome) adapters.Response {
	answer := adapters.Response{Status: o.Status(http.StatusOK), ContentType: "application/json"}
	switch {
	case o.Err == nil:
		answer.Body = fmt.Appendf(nil, `{"accepted":%d,"rejected":%d,"ignored":%d}`, o.Accepted, o.Rejected, o.Ignored)
	case answer.Status == http.StatusRequestEntityTooLarge:
		answer.Body = []byte(`{"error":"the body is too large"}`)
	case answer.Status == http.StatusServiceUnavailable:
		answer.Body = []byte(`{"error":"try again"}`)
	default:
		answer.Body = failure(o.Err)
	}
	return answer
}

// failure is an error as a JSON object.
func failure(err error) []byte {
	return append(field.AppendText([]byte(`{"error":`), strings.ToValidUTF8(err.Error(), "")), '}')
}
