package launchdarkly

import "github.com/tracklayer/tracklayer/adapters"

var about = adapters.About{
	Title: "LaunchDarkly",
	Reads: "server, browser and mobile SDKs, webhooks",
	Page:  "docs/vendors/launchdarkly.md",
	Routes: []adapters.Route{
		{Method: "POST", Path: "/bulk", Takes: "events of server SDKs"},
		{Method: "POST", Path: "/mobile", Takes: "events of mobile SDKs of old"},
		{Method: "POST", Path: "/mobile/events", Takes: "events of mobile SDKs"},
		{Method: "POST", Path: "/mobile/events/bulk", Takes: "events of mobile SDKs"},
		{Method: "POST", Path: "/events/bulk/{environment}", Takes: "events of browsers, by the client-side environment id"},
		{Method: "GET", Path: "/a/{environment}.gif", Takes: "events of old browsers, in the query"},
		{Method: "POST", Path: "/diagnostic", Takes: "what an SDK reports of itself; ignored and counted"},
		{Method: "POST", Path: "/mobile/events/diagnostic", Takes: "the same of mobile SDKs"},
		{Method: "POST", Path: "/events/diagnostic/{environment}", Takes: "the same of browsers"},
		{Method: "POST", Path: "/v2/event-data-import/{project}/{environment}", Takes: "events of the data import API"},
		{Method: "POST", Path: "/", Takes: "a webhook, or Data Export"},
	},
	Snippets: []adapters.Snippet{
		{For: "Go server", Code: "config := ld.Config{\n\tServiceEndpoints: interfaces.ServiceEndpoints{\n\t\tEvents: \"{URL}\",\n\t}.WithPartialSpecification(),\n}"},
		{For: "Node server", Code: "const client = init(sdkKey, { eventsUri: \"{URL}\" });"},
		{For: "browser", Code: "const client = createClient(environmentId, context, { eventsUri: \"{URL}\" });"},
	},
}
