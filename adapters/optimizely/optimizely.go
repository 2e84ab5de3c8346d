// Package optimizely turns what Optimizely's SDKs, the Optimizely Agent, clients of the Event API and Optimizely's
// webhooks send into canonical events, so that an SDK whose events go to this gateway needs no other change. It is
// written on jsonscan because a busy server sends many thousand events a second.
//
// Like every adapter it imports adapters, adapters/field and canonical (with canonical/jsonscan) and nothing else of this module. Only
// adapters/all imports it: what is said here in the vendor's words must not leak into the core, webhooks or another
// adapter.
package optimizely

import "github.com/tracklayer/tracklayer/adapters"

// Adapter decodes Optimizely's event formats.
var Adapter = adapters.Adapter{
	Vendor:       "optimizely",
	About:        about,
	Headers:      []string{"User-Agent"}, // a browser's own; a server SDK's is never read
	ParseCatalog: parseCatalog,
	Options:      table,
	Open:         open,
}
