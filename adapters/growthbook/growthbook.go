// Package growthbook turns what GrowthBook's SDKs, trackers and webhooks send into canonical events. GrowthBook itself
// usually writes to the customer's warehouse: this is for its tracking plugins with their ingestor host pointed here,
// for the arguments of its callbacks forwarded as JSON, for trackers' copies of them, and for its webhooks.
//
// Like every adapter it imports adapters, adapters/field and canonical (with canonical/jsonscan) and nothing else of this module. Only
// adapters/all imports it.
package growthbook

import (
	"github.com/tracklayer/tracklayer/adapters"
)

// Adapter decodes GrowthBook's event formats.
var Adapter = adapters.Adapter{
	Vendor:       "growthbook",
	About:        about,
	Headers:      []string{userAgentHeader, webhookIDHeader},
	ParseCatalog: parseCatalog,
	Options:      table,
	PublicKey:    publicKey,
	Open:         open,
}

const (
	// userAgentHeader tells bots from people where a browser sends; the events themselves name no user agent.
	userAgentHeader = "User-Agent"

	// webhookIDHeader marks an SDK webhook of the present kind (growthbook back-end, jobs/sdkWebhooks.ts).
	webhookIDHeader = "Webhook-Id"
)
