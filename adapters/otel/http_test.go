package otel_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/otel"
	"github.com/tracklayer/tracklayer/canonical"
)

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		query, header, value string
		want                 bool
	}{
		{"key=k-1", "", "", true},
		{"", "Authorization", "Bearer k-1", true},
		{"", "Api-Key", "k-1", true},
		{"", "X-Api-Key", "k-1", true},
		{"key=k-2", "", "", false},
		{"", "Authorization", "Basic k-1", false},
		{"", "Api-Key", "", false},
		{"", "", "", false},
	} {
		e := adapters.Envelope{Method: http.MethodPost, RawQuery: c.query, Header: http.Header{}}
		if c.header != "" {
			e.Header.Set(c.header, c.value)
		}
		err := plain.Verify(adapters.Source{}, []byte("k-1"), e)
		if (err == nil) != c.want || err != nil && !errors.Is(err, adapters.ErrUnauthorized) {
			t.Errorf("%+v: %v", c, err)
		}
		if err := plain.Verify(adapters.Source{}, nil, e); !errors.Is(err, adapters.ErrUnauthorized) {
			t.Errorf("an empty secret: %v", err)
		}
	}
}

func TestReplyToTrouble(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{fmt.Errorf("x: %w", adapters.ErrBusy), 503},
		{fmt.Errorf("x: %w", adapters.ErrTooLarge), 413},
		{adapters.Unreadable("x \"y\""), 400},
		{fmt.Errorf("x: %w", adapters.ErrNotServed), 404},
		{fmt.Errorf("x: %w", adapters.ErrUnauthorized), 401},
		{errors.New("none of ours"), 503},
	} {
		e := adapters.Envelope{Header: http.Header{"Content-Type": {"application/json"}}}
		r := plain.Reply(e, adapters.Outcome{Err: c.err})
		var said struct{ Message string }
		if err := json.Unmarshal(r.Body, &said); err != nil || said.Message == "" || r.Status != c.want || r.ContentType != "application/json" {
			t.Errorf("%v: %d %s: %v", c.err, r.Status, r.Body, err)
		}
		r = plain.Reply(adapters.Envelope{}, adapters.Outcome{Err: c.err})
		if r.Status != c.want || r.ContentType != "application/x-protobuf" || len(r.Body) < 3 || r.Body[0] != 2<<3|2 || int(r.Body[1]) != len(r.Body)-2 {
			t.Errorf("%v: %d %q", c.err, r.Status, r.Body)
		}
	}
}

func TestEveryFaultOfTheOptions(t *testing.T) {
	good := map[string]any{"reasons": []any{"SPLIT"}, "flags": []any{"f"}, "flag_sets": []any{"s"}, "contexts": "anonymous", "user_attribute": "user.id"}
	for _, options := range []map[string]any{nil, {}, good, {"contexts": "user"}} {
		if _, err := adapters.Open(otel.Adapter, options); err != nil {
			t.Errorf("%v: %v", options, err)
		}
	}
	_, err := adapters.Open(otel.Adapter, map[string]any{
		"reason": "split", "reasons": "split", "flags": []any{}, "flag_sets": []any{"a", 7, ""}, "contexts": "device", "user_attribute": 7,
	})
	if err == nil {
		t.Fatal("no fault found")
	}
	for _, want := range []string{"reason: ", "reasons: ", "flags: ", "flag_sets[1]: ", "flag_sets[2]: ", "contexts: ", "user_attribute: "} {
		if strings.Count(err.Error(), want) != 1 {
			t.Errorf("%q is not reported once in\n%v", want, err)
		}
	}
}

// TestBrokenProtobuf takes messages that end too early, lengths that lie, fields that cannot be, groups, and numbers that
// do not fit: none may be read as something else.
func TestBrokenProtobuf(t *testing.T) {
	for _, body := range []string{
		"\x0a", "\x0a\x05", "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x00\x01", "\x0b", "\x0f", "\x09\x01", "\x0d\x01",
		"\x80", "\x0a\x03\x12\x02\x12", "\xf8\xff\xff\xff\xff\x01\x00",
	} {
		_, err := plain.Decode(adapters.Source{Name: "otel"}, adapters.Envelope{Method: http.MethodPost, Body: []byte(body)})
		if !errors.Is(err, adapters.ErrUnreadable) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

// TestARetryHasTheSameID: exporters send a batch again as it was.
func TestARetryHasTheSameID(t *testing.T) {
	ids := map[string]bool{}
	for _, g := range adaptertest.Goldens(t, "testdata") {
		if g.Name != "made-protobuf" && g.Name != "made-json-mislabelled" {
			continue
		}
		for range 2 {
			b, err := g.Decode(otel.Adapter)
			if err != nil || len(b.Events) == 0 || b.Events[0].IDOrigin != canonical.FromContent {
				t.Fatalf("%+v %v", b, err)
			}
			ids[b.Events[0].ID] = true
		}
	}
	if len(ids) != 1 {
		t.Errorf("one evaluation has the ids %v", ids)
	}
}

// BenchmarkDecode takes a batch of five hundred and twelve, the exporters' default, of nothing but evaluations.
func BenchmarkDecode(b *testing.B) {
	for _, g := range adaptertest.Goldens(b, "testdata") {
		if g.Name != "made-json-mislabelled" {
			continue
		}
		request, ok := oneRequest(b, g.Envelope.Body)
		if !ok {
			b.Fatal("the golden is not OTLP")
		}
		for label, body := range request {
			b.Run(label[len("application/"):], func(b *testing.B) {
				e := g.Envelope
				e.Header = http.Header{"Content-Type": {label}}
				e.Body = body
				s := g.Source(otel.Adapter)
				d := adaptertest.Open(b, otel.Adapter, g.Options)
				items := 0
				b.ReportAllocs()
				b.SetBytes(int64(len(body)))
				for b.Loop() {
					batch, err := d.Decode(s, e)
					if err != nil || len(batch.Events) != 512 {
						b.Fatal(len(batch.Events), err)
					}
					items += batch.Items
				}
				b.ReportMetric(float64(items)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}
