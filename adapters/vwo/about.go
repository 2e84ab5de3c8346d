package vwo

import "github.com/tracklayer/tracklayer/adapters"

var about = adapters.About{
	Title: "VWO",
	Reads: "classic and FME SDKs, settings",
	Page:  "docs/vendors/vwo.md",
	Routes: []adapters.Route{
		{Method: "POST", Path: "/events/t", Takes: "events of Data360 and FME"},
		{Method: "GET", Path: "/server-side/track-user", Takes: "an exposure of a classic SDK"},
		{Method: "GET", Path: "/server-side/track-goal", Takes: "a goal of a classic SDK"},
		{Method: "GET", Path: "/server-side/push", Takes: "custom dimensions; ignored and counted"},
		{Method: "POST", Path: "/server-side/batch-events", Takes: "a batch of a classic SDK"},
		{Method: "POST", Path: "/server-side/batch-events-v2", Takes: "a batch of FME"},
		{Method: "POST", Path: "/{region}/server-side/batch-events", Takes: "the same for an account of another region"},
		{Method: "POST", Path: "/", Takes: "a webhook"},
	},
	Snippets: []adapters.Snippet{
		{For: "browser, classic", Code: "const client = vwoSdk.launch({ settingsFile, proxyUrl: \"{URL}\" })"},
		{For: "Go, classic: the tap", Code: "tapped, err := tap.New(tracklayer.Options{URL: \"{BASE}\"})\ninstance, err := vwo.Launch(settings, tapped.Option())"},
	},
}
