package canonical_test

import (
	"fmt"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
)

// An event is parsed as its sender wrote it, stamped by the gateway, and checked.
func ExampleParse() {
	e, err := canonical.Parse([]byte(`{"event_name":"experiment_exposed","event_id":"e-1","experiment_id":"checkout_headline_test",
		"variant":"variant_b","anonymous_id":"a-77","exposed_at":"2026-11-20T10:00:00Z"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	e.ReceivedAt = canonical.TimeOf(time.Date(2026, 11, 20, 10, 0, 1, 0, time.UTC))
	fmt.Println(e.Kind, e.Variant, e.At, e.Validate(canonical.DefaultRules()))
	// Output: experiment_exposed variant_b 2026-11-20T10:00:00Z <nil>
}

// A fault names the field and says how to fix it.
func ExampleEvent_Validate() {
	e, err := canonical.Parse([]byte(`{"event_name":"experiment_exposed","experiment_id":"checkout","variant":"b","user_id":"undefined","exposed_at":"2026-11-20T10:00:00Z"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	e.ReceivedAt = e.At
	fmt.Println(e.Validate(canonical.DefaultRules()))
	// Output: user_id: "undefined" stands for no user: it would merge strangers into one person
}

// The wire form of an event is always the same bytes.
func ExampleEvent_AppendJSON() {
	at := canonical.TimeOf(time.Date(2026, 11, 20, 11, 0, 0, 0, time.UTC))
	value, err := canonical.ParseNumber("49.90")
	if err != nil {
		fmt.Println(err)
		return
	}
	e := canonical.Event{
		Kind: canonical.Converted, ID: "c-1", Source: "api", SchemaVersion: canonical.SchemaVersion, ConversionEvent: "purchase",
		UserID: "u-12", Value: value, Currency: "EUR", DedupKey: "order-981", At: at, ReceivedAt: at,
	}
	fmt.Println(string(e.AppendJSON(nil)))
	// Output: {"event_name":"experiment_converted","event_id":"c-1","source":"api","schema_version":1,"user_id":"u-12","conversion_event":"purchase","value":49.9,"currency":"EUR","dedup_key":"order-981","converted_at":"2026-11-20T11:00:00Z","received_at":"2026-11-20T11:00:00Z"}
}

// Numbers are exact decimals with six fraction digits.
func ExampleParseNumber() {
	for _, text := range []string{"49.90", "0.0000005", "1e13"} {
		n, err := canonical.ParseNumber(text)
		fmt.Println(n, err)
	}
	// Output:
	// 49.9 <nil>
	// 0 <nil>
	//  must not be larger than 1000000000000 in magnitude
}
