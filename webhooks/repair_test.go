package webhooks_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/all"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/webhooks"
)

// vendorBodies are bodies of several items, by vendor. @ stands for a value in the item at index 1 that no event is made
// of, # for one that its event is made of.
var vendorBodies = map[string]struct {
	body, contentType string
	options           map[string]any
}{
	"posthog": {body: `{"api_key":"phc_k","batch":[
		{"event":"order","uuid":"01900000-0000-7000-8000-00000000f901","distinct_id":"u-1","timestamp":"2026-11-20T11:00:00Z","properties":{"$lib":"posthog-python","revenue":1}},
		{"event":"order","uuid":"01900000-0000-7000-8000-00000000f902","distinct_id":"u-2","timestamp":"2026-11-20T11:00:00Z","properties":{"$lib":"posthog-python","discount":@,"items":[{"price":2},{"price":3}],"revenue":#}},
		{"event":"order","uuid":"01900000-0000-7000-8000-00000000f903","distinct_id":"u-3","timestamp":"2026-11-20T11:00:00Z","properties":{"$lib":"posthog-python","revenue":1}}]}`},
	"launchdarkly": {body: `[{"kind":"custom","key":"order","creationDate":1795172400000,"context":{"kind":"user","key":"u-1"}},
		{"kind":"custom","key":"order","creationDate":1795172400000,"data":{"discount":@,"items":[{"a":1}]},"metricValue":#,"context":{"kind":"user","key":"u-2"}},
		{"kind":"summary","startDate":1795172400000,"endDate":1795172400000,"features":{}},
		{"kind":"custom","key":"order","creationDate":1795172400000,"context":{"kind":"user","key":"u-3"}}]`},
	"statsig": {body: `{"events":[{"eventName":"order","user":{"userID":"u-1"},"value":1,"time":1795172400000},
		{"eventName":"order","user":{"userID":"u-2","custom":{"plan":@}},"value":#,"time":1795172400000},
		{"eventName":"order","user":{"userID":"u-3"},"value":1,"time":1795172400000}],"statsigMetadata":{"sdkType":"py-server","sdkVersion":"1"}}`},
	"growthbook": {body: `[{"event_name":"order","properties_json":{"value":1},"user_id":"u-1","sdk_language":"js","sdk_version":"1.8.0","context_json":{}},
		{"event_name":"order","properties_json":{"value":#},"user_id":"u-2","sdk_language":"js","sdk_version":"1.8.0","context_json":{"x":@}},
		{"event_name":"order","properties_json":{"value":1},"user_id":"u-3","sdk_language":"js","sdk_version":"1.8.0","context_json":{}}]`},
	"optimizely": {body: `{"account_id":"1","client_name":"python-sdk","client_version":"5.0","anonymize_ip":true,"enrich_decisions":true,"visitors":[
		{"visitor_id":"u-1","attributes":[],"snapshots":[{"events":[{"entity_id":"9","key":"order","timestamp":1795172400000,"uuid":"o-1","tags":{"value":1}},{"entity_id":"9","key":"order","timestamp":1795172400000,"uuid":"o-2","value":#,"tags":{"x":@}}]}]},
		{"visitor_id":"u-3","attributes":[],"snapshots":[{"events":[{"entity_id":"9","key":"order","timestamp":1795172400000,"uuid":"o-3","tags":{"value":1}}]}]}]}`},
	"otel": {contentType: "application/json", body: `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeLogs":[{"logRecords":[
		{"timeUnixNano":"1795172400000000000","eventName":"feature_flag.evaluation","attributes":[{"key":"feature_flag.key","value":{"stringValue":"x"}},{"key":"feature_flag.result.variant","value":{"stringValue":"b"}},{"key":"feature_flag.result.reason","value":{"stringValue":"split"}},{"key":"feature_flag.context.id","value":{"stringValue":"u-1"}}]},
		{"timeUnixNano":"1795172400000000000","eventName":"feature_flag.evaluation","attributes":[{"key":"note","value":{"doubleValue":@}},{"key":"feature_flag.key","value":{"stringValue":"x"}},{"key":"feature_flag.result.variant","value":{"stringValue":"b"}},{"key":"feature_flag.result.reason","value":{"stringValue":"split"}},{"key":"feature_flag.context.id","value":{"stringValue":#}}]}]},
		{"logRecords":[{"timeUnixNano":"1795172400000000000","eventName":"feature_flag.evaluation","attributes":[{"key":"feature_flag.key","value":{"stringValue":"x"}},{"key":"feature_flag.result.variant","value":{"stringValue":"b"}},{"key":"feature_flag.result.reason","value":{"stringValue":"split"}},{"key":"feature_flag.context.id","value":{"stringValue":"u-3"}}]}]}]}]}`},
	"custom": {contentType: "application/x-ndjson", options: customOptions, body: `{"id":"1","user":"u-1","total":1}
{"id":"2","user":"u-2","total":#,"note":@,"items":[{"a":1}]}
{"id":"3","user":"u-3","total":1}
`},
}

var customOptions = map[string]any{"events": []any{map[string]any{"kind": "converted", "fields": map[string]any{
	"event_id": "item.id", "conversion_event": `"order"`, "user_id": "item.user", "value": "item.total", "at": `"2026-11-20T11:00:00Z"`,
}}}}

// openSource opens a source of a vendor.
func openSource(t *testing.T, vendor string, options map[string]any) webhooks.Source {
	t.Helper()
	a, ok := all.ByVendor(vendor)
	if !ok {
		t.Fatalf("no vendor %q", vendor)
	}
	d, err := adapters.Open(a, options)
	if err != nil {
		t.Fatal(err)
	}
	return webhooks.Source{Adapter: a, Decoder: d}
}

func decodeVendor(t *testing.T, vendor, body string) (adapters.Batch, error) {
	t.Helper()
	c := vendorBodies[vendor]
	contentType := c.contentType
	if contentType == "" {
		contentType = "application/json"
	}
	source := openSource(t, vendor, c.options)
	source.Source = adapters.Source{Name: vendor, Rules: rules}
	paths := map[string]string{"posthog": "/batch/", "launchdarkly": "/bulk", "statsig": "/v1/log_event", "optimizely": "/v1/events", "otel": "/v1/logs"}
	e := adapters.Envelope{Method: "POST", Path: paths[vendor], Header: http.Header{"Content-Type": {contentType}}, Body: []byte(body), ReceivedAt: canonical.TimeOf(noon)}
	before := strings.Clone(body)
	b, err := webhooks.Decode(source, e, nil)
	if string(e.Body) != before {
		t.Errorf("%s: the body was written to", vendor)
	}
	return b, err
}

func filled(vendor, harmless, value string) string {
	if vendor == "otel" && value == "5" { // ids are strings there
		value = `"5"`
	}
	return strings.NewReplacer("@", harmless, "#", value).Replace(vendorBodies[vendor].body)
}

// eventsWithout are a batch's events except those of an item, as text.
func eventsWithout(b *adapters.Batch, item int) (out []string) {
	for _, e := range b.Events {
		if e.Index != item {
			out = append(out, string(e.AppendJSON(nil)))
		}
	}
	return out
}

// TestBrokenItemsOfVendors: in the bodies of every vendor, a value that is not JSON costs at most the item that it is in,
// and costs the item where an event is made of it.
func TestBrokenItemsOfVendors(t *testing.T) {
	for vendor := range vendorBodies {
		good, err := decodeVendor(t, vendor, filled(vendor, "1", "5"))
		if err != nil || len(good.Events) != 3 || len(good.Rejected) != 0 || good.Events[1].Index != 1 {
			t.Fatalf("%s: %s, %v", vendor, good.AppendJSON(nil), err)
		}
		for _, broken := range []string{"NaN", "Infinity", "-Infinity", "undefined", "None", "01", `"\x"`, "\"\xff\"", "\"\x01\""} {
			b, err := decodeVendor(t, vendor, filled(vendor, broken, "5"))
			if err != nil || b.Items != good.Items || len(b.Events)+len(b.Rejected) != 3 || !slices.Equal(eventsWithout(&b, 1), eventsWithout(&good, 1)) {
				t.Errorf("%s, %q without meaning: %s, %v", vendor, broken, b.AppendJSON(nil), err)
			}
			b, err = decodeVendor(t, vendor, filled(vendor, "1", broken))
			onlyRejected(t, vendor, broken, &b, &good, err)
			if want := "holds NaN, which is not JSON"; broken == "NaN" && vendor != "otel" && len(b.Rejected) == 1 && !strings.HasPrefix(b.Rejected[0].Reason, want) {
				t.Errorf("%s: %s, want %s", vendor, b.Rejected[0].Reason, want)
			}
		}
		for _, broken := range []string{`{"a":1,}`, `{a:1}`, `{'a':1}`, `"say "hi" now"`, `1 2`, `{"a" 1}`, `[1,]`, `[{"b":1,}]`, `[[],{"b" 1}]`, ``} {
			b, err := decodeVendor(t, vendor, filled(vendor, broken, "5"))
			if strings.HasPrefix(broken, "[") && err == nil && len(b.Rejected) == 0 && len(b.Events) == 3 && slices.Equal(eventsWithout(&b, 1), eventsWithout(&good, 1)) {
				continue
			}
			onlyRejected(t, vendor, broken, &b, &good, err)
		}
	}
}

func onlyRejected(t *testing.T, vendor, broken string, b, good *adapters.Batch, err error) {
	t.Helper()
	if err != nil || b.Items != good.Items || len(b.Rejected) != 1 || b.Rejected[0].Index != 1 || !slices.Equal(eventsWithout(b, -1), eventsWithout(good, 1)) {
		t.Errorf("%s, %q: %s, %v", vendor, broken, b.AppendJSON(nil), err)
	}
}

// TestUnreadableBodiesOfVendors: where the borders of items cannot be found, nothing of a body counts.
func TestUnreadableBodiesOfVendors(t *testing.T) {
	for vendor := range vendorBodies {
		if vendor == "custom" {
			continue // its lines are borders
		}
		body := filled(vendor, "NaN", "5")
		for _, torn := range []string{body[:len(body)-1], body[:len(body)/2], body + "}", filled(vendor, `"`, "5"), filled(vendor, "{", "5"), filled(vendor, "}", "5"), utf16Of(body, true), utf16Of(body, false)} {
			if b, err := decodeVendor(t, vendor, torn); !errors.Is(err, adapters.ErrUnreadable) {
				t.Errorf("%s: %q: %s", vendor, torn, b.AppendJSON(nil))
			} else if strings.Contains(torn, "\x00") && !strings.Contains(err.Error(), "UTF-16") {
				t.Errorf("%s: %v", vendor, err)
			}
		}
		bom, err := decodeVendor(t, vendor, "\xef\xbb\xbf"+filled(vendor, "1", "5"))
		if err != nil || len(bom.Events) != 3 {
			t.Errorf("%s after a byte order mark: %v", vendor, err)
		}
	}
}

// TestManyBrokenItems: in a plain array every broken item is rejected alone, however many there are.
func TestManyBrokenItems(t *testing.T) {
	item := `{"event":"order","distinct_id":"u-1","timestamp":"2026-11-20T11:00:00Z","properties":{"$lib":"posthog-python","revenue":1}}`
	body := `{"batch":[` + strings.Repeat(item+`,{"event":"order",},`, 200) + item + `]}`
	b, err := decodeVendor(t, "posthog", body)
	if err != nil || b.Items != 401 || len(b.Events) != 201 || len(b.Rejected) != 200 || b.Rejected[199].Index != 399 {
		t.Errorf("%d events, %d rejected, %v", len(b.Events), len(b.Rejected), err)
	}
}

// TestBrokenItemsAreKept: the dead letter has the body as it was sent, and another try finds the same.
func TestBrokenItemsAreKept(t *testing.T) {
	r := newRig(t, func(o *webhooks.Options) {
		o.WriteRequest = adapters.WriteRequest
		o.Sources["posthog"] = openSource(t, "posthog", nil)
	})
	body := filled("posthog", "1", "NaN")
	if w := r.send("POST", "/webhooks/posthog/batch/", body, "Content-Type", "application/json"); w.Code != 200 || len(r.events) != 2 || len(r.letters) != 1 {
		t.Fatalf("%d %s, %d events, %d letters", w.Code, w.Body, len(r.events), len(r.letters))
	}
	letter := r.letters[0]
	if !slices.Equal(letter.Items, []int{1}) || !strings.Contains(string(letter.Request), body) || !strings.HasPrefix(letter.Reason, "holds NaN") {
		t.Errorf("%+v", letter)
	}
	if again, err := r.door.Replay(t.Context(), letter); err != nil || again.Accepted != 0 || again.Rejected != 1 {
		t.Errorf("%+v, %v", again, err)
	}
	letter.Items, letter.Rejected = nil, 0 // as it was kept when such a request was refused whole
	if again, err := r.door.Replay(t.Context(), letter); err != nil || again.Accepted != 2 || again.Rejected != 1 {
		t.Errorf("%+v, %v", again, err)
	}
}

// FuzzVendorBodies: whatever a body is, every item that is read has one outcome.
func FuzzVendorBodies(f *testing.F) {
	for vendor := range vendorBodies {
		for _, broken := range []string{"1", "NaN", `{"a":1,}`, `[{"b" 1},{"c":Infinity}]`, `"`, "{", "\"\xff\""} {
			f.Add(vendor, []byte(filled(vendor, broken, "5")))
		}
	}
	f.Fuzz(func(t *testing.T, vendor string, body []byte) {
		if _, known := vendorBodies[vendor]; !known {
			return
		}
		b, err := decodeVendor(t, vendor, string(body))
		if err != nil {
			return
		}
		items := map[int]bool{}
		for _, e := range b.Events {
			items[e.Index] = true
		}
		for _, l := range b.Lives {
			items[l.Index] = true
		}
		for _, r := range b.Rejected {
			if items[r.Index] {
				t.Fatalf("item %d has two outcomes: %s", r.Index, b.AppendJSON(nil))
			}
			items[r.Index] = true
		}
		n := len(items)
		for _, ignored := range b.Ignored {
			n += ignored
		}
		if n != b.Items {
			t.Fatalf("%d items, %d outcomes: %s", b.Items, n, b.AppendJSON(nil))
		}
	})
}
