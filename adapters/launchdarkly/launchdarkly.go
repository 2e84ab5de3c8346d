// Package launchdarkly turns what LaunchDarkly's SDKs, Data Export and webhooks send into canonical events, so that an
// SDK whose events URL is set to this gateway needs no other change. It is written on jsonscan because a busy server
// SDK sends ten thousand events in one request.
//
// Like every adapter it imports adapters, adapters/field and canonical (with canonical/jsonscan) and nothing else of this module. Only
// adapters/all imports it: what is said here in the vendor's words must not leak into the core, webhooks or another
// adapter.
package launchdarkly

import (
	"github.com/tracklayer/tracklayer/adapters"
)

// Adapter decodes LaunchDarkly's event formats.
var Adapter = adapters.Adapter{
	Vendor:    "launchdarkly",
	About:     about,
	Headers:   []string{payloadHeader, userAgentHeader},
	Options:   table,
	PublicKey: publicKey,
	Open:      open,
}

// payloadHeader names a payload once and for all: the SDKs keep it on their one retry and draw a new one for the next
// payload (go-sdk-events event_sender.go; launchdarkly-js-sdk-common EventSender.js). Events have no ids of their own,
// so this and the place in the array is what tells a retry from an honest repetition.
const payloadHeader = "X-Launchdarkly-Payload-Id"

// userAgentHeader tells robots from people where a browser sends. The SDK's own name is in X-LaunchDarkly-User-Agent there.
const userAgentHeader = "User-Agent"
