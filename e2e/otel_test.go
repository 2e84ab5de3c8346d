package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
)

// TestOTelSDK records evaluations as OpenFeature's hooks do, with the real OpenTelemetry SDK and its exporter.
func TestOTelSDK(t *testing.T) {
	for name, compression := range map[string]otlploghttp.Compression{"plain": otlploghttp.NoCompression, "gzip": otlploghttp.GzipCompression} {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			exporter, err := otlploghttp.New(ctx, otlploghttp.WithEndpointURL(s.url("/webhooks/otel/v1/logs")), otlploghttp.WithCompression(compression))
			if err != nil {
				t.Fatal(err)
			}
			provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter)))
			logger := provider.Logger("openfeature")
			exposed := map[string]int64{}
			evaluate := func(user, variant, reason string) {
				var r log.Record
				r.SetTimestamp(time.Now())
				r.SetEventName("feature_flag.evaluation")
				r.AddAttributes(
					attribute.String("feature_flag.key", "checkout-headline"), attribute.String("feature_flag.result.variant", variant),
					attribute.String("feature_flag.context.id", user), attribute.String("feature_flag.result.reason", reason), attribute.String("feature_flag.provider.name", "flagd"),
				)
				logger.Emit(ctx, r)
			}
			for i := range 600 {
				variant := []string{"control", "treatment"}[i%2]
				evaluate(fmt.Sprintf("user-%d", i), variant, "split")
				evaluate(fmt.Sprintf("user-%d", i), variant, "cached")
				exposed[variant]++
			}
			evaluate("nobody", "control", "default")
			var other log.Record
			other.SetEventName("exception")
			logger.Emit(ctx, other)
			if err := provider.Shutdown(ctx); err != nil {
				t.Fatal(err)
			}
			if status, _, text := s.post("/v1/events", fmt.Sprintf(
				`{"event_name":"experiment_converted","event_id":"c-1","conversion_event":"purchase","user_id":"user-7","value":9.99,"currency":"EUR","converted_at":%d}`,
				time.Now().UnixMilli())); status != http.StatusAccepted {
				t.Fatalf("%d %s", status, text)
			}
			r := s.readout("checkout-headline", s.lastSeq())
			for variant, n := range exposed {
				if got := r.exposed(variant); got != n {
					t.Errorf("%s: %d exposed users, the SDK evaluated %d", variant, got, n)
				}
			}
			if got, _ := r.converted("purchase", "treatment"); got != 1 || len(r.Variants) != 2 {
				t.Errorf("%d converted users, %d variants", got, len(r.Variants))
			}
			if status, text := s.get("/v1/units/user/user-7"); status != http.StatusOK || !strings.Contains(text, `"variant":"treatment"`) {
				t.Errorf("user-7: %d %s", status, text)
			}
			if status, _ := s.get("/v1/units/user/nobody"); status != http.StatusNotFound {
				t.Errorf("a default counts: %d", status)
			}
		})
	}
}

// TestOTelPartialSuccess: the exporter hears in its own encoding that a record was rejected, and does not send again.
func TestOTelPartialSuccess(t *testing.T) {
	s := serve(t)
	now := time.Now().UnixNano()
	body := fmt.Sprintf(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"%d","eventName":"feature_flag.evaluation","attributes":[
		{"key":"feature_flag.key","value":{"stringValue":"f"}},{"key":"feature_flag.result.variant","value":{"stringValue":"on"}},{"key":"feature_flag.result.reason","value":{"stringValue":"split"}}]}]}]}]}`, now)
	status, header, text := s.post("/webhooks/otel/v1/logs", body)
	if status != http.StatusOK || header.Get("Content-Type") != "application/json" || !strings.Contains(text, `"partialSuccess":{"rejectedLogRecords":"1"`) {
		t.Errorf("%d %v %s", status, header, text)
	}
	if status, _, _ := s.post("/webhooks/otel/v1/traces", `{"resourceSpans":[]}`); status != http.StatusNotFound {
		t.Errorf("traces: %d", status)
	}
}
