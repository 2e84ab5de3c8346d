package otel

import "github.com/tracklayer/tracklayer/adapters"

var about = adapters.About{
	Title: "any OpenFeature provider",
	Reads: "OpenTelemetry's `feature_flag.evaluation`",
	Page:  "docs/vendors/otel.md",
	Routes: []adapters.Route{
		{Method: "POST", Path: "/v1/logs", Takes: "an ExportLogsServiceRequest of OTLP, in protobuf or JSON"},
	},
	Snippets: []adapters.Snippet{
		{For: "any OpenTelemetry SDK", Code: "export OTEL_EXPORTER_OTLP_LOGS_ENDPOINT={URL}/v1/logs\nexport OTEL_EXPORTER_OTLP_LOGS_PROTOCOL=http/protobuf"},
	},
}
