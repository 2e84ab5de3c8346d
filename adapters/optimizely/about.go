package optimizely

import "github.com/tracklayer/tracklayer/adapters"

var about = adapters.About{
	Title: "Optimizely",
	Reads: "event API of all SDKs, datafile, webhooks",
	Page:  "docs/vendors/optimizely.md",
	Routes: []adapters.Route{
		{Method: "POST", Path: "/v1/events", Takes: "what SDKs and clients of the Event API send"},
		{Method: "POST", Path: "/", Takes: "a webhook"},
	},
	Snippets: []adapters.Snippet{
		{For: "Go", Code: "event.NewBatchEventProcessor(event.WithSDKKey(sdkKey),\n\tevent.WithEventEndPoint(\"{URL}/v1/events\"))"},
		{For: "JavaScript", Code: "const toTrackLayer = {\n  dispatchEvent: (event) => eventDispatcher.dispatchEvent({ ...event, url: \"{URL}/v1/events\" }),\n};"},
	},
}
