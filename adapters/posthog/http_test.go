package posthog_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/posthog"
	"github.com/tracklayer/tracklayer/canonical"
)

func golden(t testing.TB, name string) adaptertest.Golden {
	t.Helper()
	for _, g := range adaptertest.Goldens(t, "testdata") {
		if g.Name == name {
			return g
		}
	}
	t.Fatalf("no golden %s", name)
	return adaptertest.Golden{}
}

func TestVerify(t *testing.T) {
	const token, signing = "phc_driverProjectToken", "whsec_ZHJpdmVyLXNpZ25pbmctc2VjcmV0LTAxMjM0NTY3ODk="
	signed := golden(t, "constructed-webhook-signed").Envelope
	signed.ReceivedAt = 1795176004_000
	late := signed
	late.ReceivedAt += 301_000
	forged := signed
	forged.Body = append([]byte(nil), signed.Body...)
	forged.Body[len(forged.Body)-3] ^= 1
	v1 := golden(t, "constructed-capture-v1-partial").Envelope
	v1.Header = v1.Header.Clone()
	v1.Header.Set("Authorization", "Bearer "+token)
	for name, c := range map[string]struct {
		secret string
		e      adapters.Envelope
		want   bool
	}{
		"a signature":                  {signing, signed, true},
		"another secret":               {"whsec_AAAA", signed, false},
		"a signature that is too old":  {signing, late, false},
		"a body that was changed":      {signing, forged, false},
		"the token in the body":        {token, golden(t, "constructed-capture-single").Envelope, true},
		"the token in the properties":  {token, golden(t, "constructed-capture-array").Envelope, true},
		"the token under gzip":         {token, golden(t, "constructed-capture-gzip-no-header").Envelope, true},
		"the token in a form":          {token, golden(t, "constructed-capture-form-base64").Envelope, true},
		"another token":                {"phc_other", golden(t, "constructed-capture-single").Envelope, false},
		"the token in Authorization":   {token, v1, true},
		"V1 without a token":           {token, golden(t, "constructed-capture-v1-partial").Envelope, false},
		"an empty secret":              {"", golden(t, "constructed-capture-single").Envelope, false},
		"a webhook that is not signed": {signing, golden(t, "constructed-webhook-action-text").Envelope, false},
	} {
		err := plain.Verify(adapters.Source{}, []byte(c.secret), c.e)
		if (err == nil) != c.want || err != nil && !errors.Is(err, adapters.ErrUnauthorized) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReply(t *testing.T) {
	v1 := golden(t, "constructed-capture-v1-partial").Envelope
	r := plain.Reply(v1, adapters.Outcome{Accepted: 1})
	var said struct {
		Results map[string]struct{ Result string }
	}
	if err := json.Unmarshal(r.Body, &said); err != nil || r.Status != 200 || said.Results["01a1f5c0-cccc-7000-8000-00000000107d"].Result != "ok" {
		t.Errorf("V1: %d %s %v", r.Status, r.Body, err)
	}
	legacy := golden(t, "constructed-capture-single").Envelope
	if r := plain.Reply(legacy, adapters.Outcome{Accepted: 1}); r.Status != 200 || string(r.Body) != `{"status":"Ok"}` {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := plain.Reply(golden(t, "constructed-capture-form-base64").Envelope, adapters.Outcome{Accepted: 1}); r.Status != 204 {
		t.Errorf("a beacon: %d", r.Status)
	}
	for err, status := range map[error]int{
		adapters.ErrBusy: 503, adapters.ErrTooLarge: 413, adapters.ErrUnreadable: 400, adapters.ErrUnauthorized: 401, adapters.ErrNotServed: 404,
	} {
		if r := plain.Reply(legacy, adapters.Outcome{Err: err}); r.Status != status || !json.Valid(r.Body) {
			t.Errorf("%v: %d %s", err, r.Status, r.Body)
		}
	}
}

func decode(t *testing.T, method, path, query, contentType, body string, options map[string]any) adapters.Batch {
	t.Helper()
	e := adapters.Envelope{Method: method, Path: path, RawQuery: query, Header: http.Header{}, Body: []byte(body), ReceivedAt: 1795341960000}
	e.Header.Set("Content-Type", contentType)
	b, err := adaptertest.Open(t, posthog.Adapter, options).Decode(adapters.Source{Name: "posthog", Rules: canonical.DefaultRules()}, e)
	if err != nil {
		t.Fatalf("%s %s %s: %v", method, path, body, err)
	}
	return b
}

const form = "application/x-www-form-urlencoded"

// TestCodings: the same event in every coding that PostHog's senders and its own decoder know.
func TestCodings(t *testing.T) {
	const plain = `{"event":"purchase","properties":{"value":1}}` // packed by lz-string 1.5.0 below
	const lz = "N4IgpgbmB2AuIC4QAcCuAnAxgCwIYGcwQAaFdAe2THVgEsx9FQJcAbVIhARgF8eg"
	const b64 = "eyJldmVudCI6InB1cmNoYXNlIiwicHJvcGVydGllcyI6eyJ2YWx1ZSI6MX19"
	for name, b := range map[string]adapters.Batch{
		"plain":          decode(t, "POST", "/e/", "", "application/json", plain, nil),
		"base64":         decode(t, "POST", "/e/", "", "text/plain", b64, nil),
		"form":           decode(t, "POST", "/e/", "compression=base64", form, "data="+url.QueryEscape(b64), nil),
		"lz":             decode(t, "POST", "/e/", "compression=lz64", form, "data="+url.QueryEscape(lz), nil),
		"lz in the form": decode(t, "POST", "/e/", "", form, "compression=lz64&data="+url.QueryEscape(lz), nil),
		"query":          decode(t, "GET", "/e/", "data="+url.QueryEscape(b64), "", "", nil),
		"beacon":         decode(t, "POST", "/e/", "", "text/plain;charset=UTF-8", "data="+url.QueryEscape(b64), nil),
	} {
		if b.Items != 1 || len(b.Rejected) != 1 || b.Rejected[0].Field != "distinct_id" {
			t.Errorf("%s: %+v", name, b) // all is there but the person
		}
	}
}

func TestOptions(t *testing.T) {
	const called = `{"event":"$feature_flag_called","distinct_id":"u","properties":{"$feature_flag":"f","$feature_flag_response":"test"}}`
	if b := decode(t, "POST", "/e/", "", "", called, nil); len(b.Events) != 1 {
		t.Errorf("unmarked: %+v", b)
	}
	if b := decode(t, "POST", "/e/", "", "", called, map[string]any{"marked_only": true}); b.Ignored["unmarked_flag"] != 1 {
		t.Errorf("marked_only: %+v", b)
	}
	o := map[string]any{"exposure_events": map[string]any{"checkout viewed": "f"}, "conversion_events": []any{"$pageview"}, "value_property": "price"}
	b := decode(t, "POST", "/batch/", "", "", `{"batch":[
	 {"properties":{"$feature/f":"test","$feature/g":"a"},"event":"checkout viewed","distinct_id":"u"},{"event":"checkout viewed","distinct_id":"u","properties":{"$feature/f":true}},
	 {"event":"$pageview","distinct_id":"u"},{"event":"order","distinct_id":"u","properties":{"price":"9.50","value":1,"currency":"eur"}},{"event":"order","distinct_id":"u","properties":{"price":"cheap"}}]}`, o)
	if len(b.Events) != 3 || b.Events[0].Variant != "test" || b.Events[1].ConversionEvent != "$pageview" || b.Events[2].Value.String() != "9.5" || b.Events[2].Currency != "EUR" {
		t.Errorf("%s", b.AppendJSON(nil))
	}
	if b.Ignored["plain_flag"] != 1 || len(b.Rejected) != 1 || b.Rejected[0].Field != "properties.price" {
		t.Errorf("%s", b.AppendJSON(nil))
	}
	for _, bad := range []map[string]any{
		{"marked_only": 1},
		{"exposure_events": "x"},
		{"exposure_events": map[string]any{"a": 1}},
		{"conversion_events": []any{"x"}},
		{"value_property": ""},
		{"other": 1},
		{"dedup_property": 1},
		{"attributes": "plan"},
		{"attributes": []any{""}},
		{"refunds": []any{"x"}},
		{"refunds": map[string]any{"a": "a"}},
		{"refunds": map[string]any{"a": 1}},
	} {
		for option := range bad {
			if _, err := adapters.Open(posthog.Adapter, bad); err == nil || !strings.Contains(err.Error(), option) {
				t.Errorf("%v: %v", bad, err)
			}
		}
	}
}

// TestWhatCannotBeRead: hostile and broken bodies are refused with bounded work.
func TestWhatCannotBeRead(t *testing.T) {
	for _, body := range []string{"", "{", "[", `{"batch":[}`, "\x1f\x8b\x08", "data=", "!!!", strings.Repeat("[", 200_000), `{"event":"x"} trailing`} {
		e := adapters.Envelope{Method: "POST", Path: "/batch/", Header: http.Header{}, Body: []byte(body), ReceivedAt: canonical.MinTime}
		if b, err := plain.Decode(adapters.Source{Name: "posthog"}, e); !errors.Is(err, adapters.ErrUnreadable) {
			t.Errorf("%.20q: %+v, %v", body, b, err)
		}
	}
}

// TestOtherProducts: what posthog-js asks of PostHog's other products is answered 404, so that a proxy that sends too much
// here shows, and nothing is answered as if it had been taken.
func TestOtherProducts(t *testing.T) {
	for _, path := range []string{
		"/i/v1/logs", "/i/v1/logs/", "/i/v1/metrics", "/s/", "/s", "/flags/", "/decide/", "/array/phc_x/config", "/static/array.js",
		"/api/surveys/", "/api/web_experiments/", "/api/product_tours/", "/surveys/x",
	} {
		e := adapters.Envelope{Method: "POST", Path: path, Header: http.Header{}, Body: []byte(`{"event":"x","distinct_id":"u"}`), ReceivedAt: 1795341960000}
		_, err := plain.Decode(adapters.Source{Name: "posthog"}, e)
		if r := plain.Reply(e, adapters.Outcome{Err: err}); !errors.Is(err, adapters.ErrNotServed) || r.Status != http.StatusNotFound {
			t.Errorf("%s: %v, %d", path, err, r.Status)
		}
	}
	for _, path := range []string{"/e/", "/e", "/i/v0/e/", "/batch/", "/capture/", "/i/v1/analytics/events", "", "/track"} {
		if b := decode(t, "POST", path, "", "application/json", `{"event":"x","distinct_id":"u"}`, nil); b.Items != 1 {
			t.Errorf("%s: %+v", path, b)
		}
	}
}

// TestTokensBesideBrokenItems: an item that is not valid JSON shows no token and is rejected; the others must show theirs.
func TestTokensBesideBrokenItems(t *testing.T) {
	const event = `{"event":"x","distinct_id":"u","properties":{"token":"phc_1"}}`
	for body, want := range map[string]bool{
		`[` + event + `,{"event":"x","properties":{"token":"phc_2","n":NaN}}]`: true,
		`[{"event":"x","properties":{"token":"phc_1","n":NaN}}]`:               false,
		`[` + event + `,{"event":"x"}]`:                                        false,
	} {
		e := adapters.Envelope{Method: "POST", Path: "/e/", Header: http.Header{}, Body: []byte(body), ReceivedAt: 1795341960000}
		if err := plain.Verify(adapters.Source{}, []byte("phc_1"), e); (err == nil) != want {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestBrokenItemsOfCodedBodies: only this package sees the JSON of a coded body, so it separates the items itself.
func TestBrokenItemsOfCodedBodies(t *testing.T) {
	const body = `[{"event":"order","distinct_id":"u","properties":{"$lib":"web"}},{"event":"order","distinct_id":"v","properties":{"$lib":"web","n":NaN}}]`
	e := adapters.Envelope{
		Method: "POST", Path: "/e/", RawQuery: "compression=base64", Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		Body: []byte("data=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(body)))), ReceivedAt: 1795341960000,
	}
	b, err := plain.Decode(adapters.Source{Name: "posthog"}, e)
	if err != nil || len(b.Events) != 1 || len(b.Rejected) != 1 || b.Rejected[0].Index != 1 {
		t.Errorf("%s, %v", b.AppendJSON(nil), err)
	}
}

// TestOneCopy: a flag's call and the copy that PostHog makes of it have one id.
func TestOneCopy(t *testing.T) {
	call, echo := golden(t, "constructed-webhook-flag-called"), golden(t, "constructed-webhook-experiment-exposure")
	a, err1 := call.Decode(posthog.Adapter)
	b, err2 := echo.Decode(posthog.Adapter)
	if err1 != nil || err2 != nil || len(a.Events) != 1 || len(b.Events) != 1 || a.Events[0].ID != b.Events[0].ID {
		t.Errorf("%v %v\n%s\n%s", err1, err2, a.AppendJSON(nil), b.AppendJSON(nil))
	}
}

// BenchmarkDecode takes a browser's request and a server's.
func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"js-anonymous-03-events", "go-flag-called-02-events"} {
		b.Run(name, func(b *testing.B) {
			g := golden(b, name)
			s := g.Source(posthog.Adapter)
			d := adaptertest.Open(b, posthog.Adapter, g.Options)
			items := 0
			b.ReportAllocs()
			for b.Loop() {
				batch, err := d.Decode(s, g.Envelope)
				if err != nil {
					b.Fatal(err)
				}
				items += batch.Items
			}
			b.ReportMetric(float64(items)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
