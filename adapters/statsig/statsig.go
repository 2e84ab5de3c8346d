// Package statsig turns what Statsig's SDKs, HTTP API and webhooks send into canonical events, so that an SDK whose
// event logging is pointed at this gateway needs no other change.
//
// The short names of sources in the comments: GO is github.com/statsig-io/go-sdk v1.35.1, NODE is npm statsig-node
// 6.5.2, CORE is statsig-io/statsig-server-core (npm @statsig/statsig-node-core 0.23.2), WEB is npm @statsig/client-core
// and @statsig/js-client 3.33.5, DOCS is statsig-io/docs.
package statsig

import (
	"github.com/tracklayer/tracklayer/adapters"
)

// Adapter decodes Statsig's event formats.
var Adapter = adapters.Adapter{
	Vendor:       "statsig",
	About:        about,
	Headers:      []string{clientTimeHeader, userAgentHeader},
	ParseCatalog: parseCatalog,
	Options:      table,
	PublicKey:    publicKey,
	Open:         open,
}

const (
	// clientTimeHeader is when the server SDKs sent the request, in Unix milliseconds (GO transport.go). It is the time of
	// events without one: GO LogImmediate writes 0.
	clientTimeHeader = "Statsig-Client-Time"

	// userAgentHeader is read only where a browser sent it: pages name the SDK's key in the query.
	userAgentHeader = "User-Agent"
)
