package pages

import (
	"strings"
	"time"
)

// snippet is some lines to paste so that a tool tells us.
type snippet struct{ For, Code string }

// snippets are those of each vendor; {URL} stands for the source's address here, {BASE} for ours and {TIME}
// for this hour. Each vendor's page in docs/vendors says more.
var snippets = map[string][]snippet{
	"growthbook": {
		{"JavaScript", "plugins: [growthbookTrackingPlugin({ ingestorHost: \"{URL}\" })]"},
		{"Go", "gb.WithGrowthBookTracking(gb.TrackingPluginConfig{IngestorHost: \"{URL}\"})"},
		{"any callback", "fetch(\"{URL}/callback\", {\n  method: \"POST\", keepalive: true, body: JSON.stringify({ experiment, result, user }),\n})"},
	},
	"launchdarkly": {
		{"Go server", "config := ld.Config{\n\tServiceEndpoints: interfaces.ServiceEndpoints{\n\t\tEvents: \"{URL}\",\n\t}.WithPartialSpecification(),\n}"},
		{"Node server", "const client = init(sdkKey, { eventsUri: \"{URL}\" });"},
		{"browser", "const client = createClient(environmentId, context, { eventsUri: \"{URL}\" });"},
	},
	"optimizely": {
		{"Go", "event.NewBatchEventProcessor(event.WithSDKKey(sdkKey),\n\tevent.WithEventEndPoint(\"{URL}/v1/events\"))"},
		{"JavaScript", "const toTrackLayer = {\n  dispatchEvent: (event) => eventDispatcher.dispatchEvent({ ...event, url: \"{URL}/v1/events\" }),\n};"},
	},
	"posthog": {
		{"a destination in PostHog", "HTTP Webhook\nURL: {URL}\nMethod: POST\nBody: {event, person}"},
		{"posthog-js", "posthog.init(\"phc_your_project\", { api_host: \"https://YOUR-PROXY\" }) // the proxy sends events to {URL}"},
	},
	"statsig": {
		{"Go server", "statsig.InitializeWithOptions(secretKey, &statsig.Options{\n\tAPIOverrides: statsig.APIOverrides{LogEvent: \"{URL}/v1\"},\n})"},
		{"Node server", "const statsig = new Statsig(secretKey, { logEventUrl: \"{URL}/v1/log_event\" })"},
		{"browser", "networkConfig: { logEventUrl: \"{URL}/v1/rgstr\" }"},
	},
	"vwo": {
		{"browser, classic", "const client = vwoSdk.launch({ settingsFile, proxyUrl: \"{URL}\" })"},
		{"Go, classic: the tap", "tapped, err := tap.New(tracklayer.Options{URL: \"{BASE}\"})\ninstance, err := vwo.Launch(settings, tapped.Option())"},
	},
	"otel": {
		{"any OpenTelemetry SDK", "export OTEL_EXPORTER_OTLP_LOGS_ENDPOINT={URL}/v1/logs\nexport OTEL_EXPORTER_OTLP_LOGS_PROTOCOL=http/protobuf"},
	},
	"": { // our own clients
		{"any program", `curl {BASE}/v1/events -H 'Content-Type: application/json' -d '[
  {"event_name":"experiment_exposed","experiment_id":"first_test","variant":"control","user_id":"u-1","exposed_at":"{TIME}"},
  {"event_name":"experiment_converted","conversion_event":"purchase","user_id":"u-1","value":49.90,"currency":"EUR","converted_at":"{TIME}"}
]'`},
		{"Go", "client, err := tracklayer.New(tracklayer.Options{URL: \"{BASE}\"})"},
	},
}

// snippetsFor fills in the addresses. A vendor without lines of its own gets its address.
func snippetsFor(vendor, base, url string, now time.Time) []snippet {
	found, ok := snippets[vendor]
	if !ok {
		found = []snippet{{"the tool's webhook", "{URL}"}}
	}
	put := strings.NewReplacer("{URL}", url, "{BASE}", base, "{TIME}", now.UTC().Truncate(time.Hour).Format(time.RFC3339))
	all := make([]snippet, 0, len(found))
	for _, s := range found {
		all = append(all, snippet{s.For, put.Replace(s.Code)})
	}
	return all
}
