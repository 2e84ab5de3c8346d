package statsig

import "github.com/tracklayer/tracklayer/adapters"

var about = adapters.About{
	Title: "Statsig",
	Reads: "server and browser SDKs, outgoing webhook",
	Page:  "docs/vendors/statsig.md",
	Routes: []adapters.Route{
		{Method: "POST", Path: "/v1/log_event", Takes: "events of server SDKs and of the HTTP API"},
		{Method: "POST", Path: "/v1/rgstr", Takes: "events of browser and mobile SDKs"},
		{Method: "POST", Path: "/v1/log_custom_exposure", Takes: "exposures logged by hand"},
		{Method: "POST", Path: "/v1/sdk_exception", Takes: "what went wrong inside an SDK; ignored and counted"},
		{Method: "POST", Path: "/", Takes: "a webhook, or the handshake of a new one"},
	},
	Snippets: []adapters.Snippet{
		{For: "Go server", Code: "statsig.InitializeWithOptions(secretKey, &statsig.Options{\n\tAPIOverrides: statsig.APIOverrides{LogEvent: \"{URL}/v1\"},\n})"},
		{For: "Node server", Code: "const statsig = new Statsig(secretKey, { logEventUrl: \"{URL}/v1/log_event\" })"},
		{For: "browser", Code: "networkConfig: { logEventUrl: \"{URL}/v1/rgstr\" }"},
	},
}
