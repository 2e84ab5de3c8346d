// Package vwo turns what VWO's FullStack and Feature Management SDKs and its webhook send into canonical events, so that
// an SDK whose requests reach this gateway needs no other change.
//
// The short names of sources in the comments: NODE is npm vwo-node-sdk 1.73.0 and GO is
// github.com/wingify/vwo-go-sdk v1.26.0, both of the classic generation; FME is npm vwo-fme-node-sdk 1.35.0 and FMEGO is
// github.com/wingify/vwo-fme-go-sdk v1.7.1.
package vwo

import (
	"github.com/tracklayer/tracklayer/adapters"
)

// Adapter decodes VWO's event formats.
var Adapter = adapters.Adapter{
	Vendor:       "vwo",
	About:        about,
	Headers:      []string{userAgentHeader, deviceHeader},
	ParseCatalog: parseCatalog,
	Options:      table,
	Open:         open,
}

const (
	// deviceHeader is the visitor's user agent, sent by a server's SDK. Classic NODE percent-encodes it.
	deviceHeader = "X-Device-User-Agent"

	// userAgentHeader is read only where a browser sent it.
	userAgentHeader = "User-Agent"
)
