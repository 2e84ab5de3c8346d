package growthbook

import "github.com/tracklayer/tracklayer/adapters"

var about = adapters.About{
	Title: "GrowthBook",
	Reads: "tracking plugin, callbacks, webhooks",
	Page:  "docs/vendors/growthbook.md",
	Routes: []adapters.Route{
		{Method: "POST", Path: "*", Takes: "what the tracking plugins, callbacks, trackers and webhooks send: its shape tells what it is"},
		{Method: "GET", Path: "*", Takes: "an SDK webhook, known by its `Webhook-Id`"},
	},
	Snippets: []adapters.Snippet{
		{For: "JavaScript", Code: "plugins: [growthbookTrackingPlugin({ ingestorHost: \"{URL}\" })]"},
		{For: "Go", Code: "gb.WithGrowthBookTracking(gb.TrackingPluginConfig{IngestorHost: \"{URL}\"})"},
		{For: "any callback", Code: "fetch(\"{URL}/callback\", {\n  method: \"POST\", keepalive: true, body: JSON.stringify({ experiment, result, user }),\n})"},
	},
}
