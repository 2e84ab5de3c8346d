// Package posthog turns what PostHog's SDKs, webhooks and exports send into canonical events, so that an SDK whose host
// is set to this gateway needs no other change. PostHog has one space of ids for users and visitors and one event for
// every flag; what is distinguished here is distinguished by what the SDKs write beside it (see README.md).
//
// Like every adapter it imports adapters, adapters/field and canonical (with canonical/jsonscan) and nothing else of this module. Only
// adapters/all imports it.
package posthog

import (
	"github.com/tracklayer/tracklayer/adapters"
)

// Adapter decodes PostHog's event formats.
var Adapter = adapters.Adapter{
	Vendor:    "posthog",
	About:     about,
	Headers:   []string{"Content-Type", stampHeader, "User-Agent"},
	Options:   table,
	PublicKey: publicKey,
	Open:      open,
}

// stampHeader is the sender's clock in capture V1 (PostHog/posthog rust/capture/src/v1/context.rs).
const stampHeader = "Posthog-Request-Timestamp"
