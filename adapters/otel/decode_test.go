package otel_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
)

func decode(label, body string) (adapters.Batch, error) {
	return plain.Decode(adapters.Source{Name: "otel", Rules: canonical.DefaultRules()},
		adapters.Envelope{Method: http.MethodPost, Path: "/v1/logs", Header: http.Header{"Content-Type": {label}}, Body: []byte(body), ReceivedAt: 1795340799999})
}

const (
	asJSON     = "application/json"
	asProtobuf = "application/x-protobuf"
)

// record is a request with one evaluation whose value is given.
func record(value string) string {
	return `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":1795340795370000000,"eventName":"feature_flag.evaluation","attributes":[
		{"key":"feature_flag.key","value":{"stringValue":"f"}},{"key":"feature_flag.result.reason","value":{"stringValue":"split"}},
		{"key":"feature_flag.context.id","value":{"stringValue":"u"}},{"value":` + value + `,"key":"feature_flag.result.value"}]}]}]}]}`
}

func TestUnreadable(t *testing.T) {
	whole := record(`{"stringValue":"on"}`)
	for name, c := range map[string]struct{ label, body string }{
		"empty JSON":    {asJSON, ""},
		"encoded twice": {asJSON, strconv.Quote(whole)},
		"an array":      {asJSON, "[" + whole + "]"},
		"two bodies":    {asJSON, whole + whole},
		"too deep":      {asJSON, record(strings.Repeat(`{"arrayValue":`, 200) + "1" + strings.Repeat("}", 200))},
		"not UTF-8":     {asJSON, record("{\"stringValue\":\"\xff\"}")},
		"text":          {"text/plain", "feature_flag.evaluation"},
	} {
		if b, err := decode(c.label, c.body); !errors.Is(err, adapters.ErrUnreadable) || b.Items > 0 {
			t.Errorf("%s: %d items, %v", name, b.Items, err)
		}
	}
	for i := 1; i < len(whole); i++ {
		if _, err := decode(asJSON, whole[:i]); !errors.Is(err, adapters.ErrUnreadable) {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
	if _, err := plain.Decode(adapters.Source{}, adapters.Envelope{Method: http.MethodGet}); !errors.Is(err, adapters.ErrNotServed) {
		t.Errorf("GET: %v", err)
	}
}

// TestValues: a number is one variant however it was written; what is too large for a number, or none, is no variant.
func TestValues(t *testing.T) {
	for value, want := range map[string]string{
		`{"stringValue":"on"}`: "on", `{"boolValue":true}`: "true", `{"intValue":"3"}`: "3", `{"intValue":3}`: "3", `{"intValue":"-03"}`: "-3", `{"doubleValue":2.50}`: "2.5",
		`{"doubleValue":25e-1}`: "2.5", `{"doubleValue":-0}`: "0", `{"doubleValue":"2.5"}`: "2.5",
		`{"doubleValue":1e999}`: "", `{"doubleValue":"NaN"}`: "", `{"intValue":"99999999999999999999"}`: "", `{"intValue":1.5}`: "", `{"stringValue":7}`: "", `{"boolValue":"x"}`: "",
		`{"kvlistValue":{"values":[]}}`: "", `{"bytesValue":"AA=="}`: "", `{}`: "", `null`: "", `7`: "",
	} {
		b, err := decode(asJSON, record(value))
		if err != nil || b.Items != 1 {
			t.Fatalf("%s: %v", value, err)
		}
		got := ""
		if len(b.Events) == 1 {
			got = b.Events[0].Variant
		} else if b.Ignored["no_variant"] != 1 {
			t.Errorf("%s: %+v", value, b)
		}
		if got != want {
			t.Errorf("%s is %q, want %q", value, got, want)
		}
	}
}

// TestLabels: a body is read as what it is.
func TestLabels(t *testing.T) {
	text := record(`{"stringValue":"on"}`)
	for _, label := range []string{asJSON, asProtobuf, "", "text/plain", "application/json; charset=utf-8"} {
		if b, err := decode(label, text); err != nil || len(b.Events) != 1 {
			t.Errorf("%q: %v", label, err)
		}
	}
	if b, err := decode(asJSON, "\n "+text); err != nil || len(b.Events) != 1 {
		t.Errorf("with a line break before it: %v", err)
	}
	if b, err := decode("", ""); err != nil || b.Items != 0 {
		t.Errorf("an empty message: %v", err)
	}
}
