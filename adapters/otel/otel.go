// Package otel turns OpenTelemetry's flag evaluation events, as they come in OTLP/HTTP logs, into exposures, so that every
// OpenFeature provider whose evaluations are recorded can feed this gateway. Both encodings of OTLP are walked
// without building messages: a batch of a thousand log records is mostly records that are not needed, and they cost next to
// nothing this way.
//
// Like every adapter it imports adapters, adapters/field and canonical (with canonical/jsonscan) and nothing else of this module. Only
// adapters/all imports it.
package otel

import (
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// Adapter decodes OpenTelemetry's evaluation events.
var Adapter = adapters.Adapter{
	Vendor:  "otel",
	About:   about,
	Headers: []string{contentType, "User-Agent"}, // of the latter, a browser's own
	Options: table,
	Open:    open,
}

const contentType = "Content-Type"

// isJSON tells the encoding of a request, by its label (OTLP specification, OTLP/HTTP: application/x-protobuf or
// application/json) where that can be true. A message of protobuf begins with the byte of its first field, 0x0a, and never
// with a brace.
func isJSON(e adapters.Envelope) bool {
	brace := len(e.Body) > 0 && e.Body[0] == '{'
	if !strings.Contains(strings.ToLower(e.Header.Get(contentType)), "json") || brace {
		return brace
	}
	c := jsonscan.New(e.Body)
	return len(e.Body) == 0 || e.Body[0] != '\n' || c.Peek() == '{'
}
