package posthog

import "github.com/tracklayer/tracklayer/adapters"

var about = adapters.About{
	Title: "PostHog",
	Reads: "SDKs, webhook destinations, exports",
	Page:  "docs/vendors/posthog.md",
	Routes: []adapters.Route{
		{Method: "POST", Path: "/batch/", Takes: "batches of server SDKs, and exports"},
		{Method: "POST", Path: "/i/v0/e/", Takes: "events of posthog-js"},
		{Method: "POST", Path: "/e/", Takes: "the same of older versions"},
		{Method: "POST", Path: "/capture/", Takes: "a single event"},
		{Method: "POST", Path: "/engage", Takes: "what identifies a visitor, in older versions"},
		{Method: "GET", Path: "/e/", Takes: "an event in the query, by an image"},
		{Method: "POST", Path: "/i/v1/analytics/events", Takes: "capture V1"},
		{Method: "POST", Path: "/", Takes: "a webhook destination"},
	},
	Snippets: []adapters.Snippet{
		{For: "a destination in PostHog", Code: "HTTP Webhook\nURL: {URL}\nMethod: POST\nBody: {event, person}"},
		{For: "posthog-js", Code: "posthog.init(\"phc_your_project\", { api_host: \"https://YOUR-PROXY\" }) // the proxy sends events to {URL}"},
	},
}
