package vwo_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/vwo"
	"github.com/tracklayer/tracklayer/canonical"
)

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		header, value, query string
		want                 bool
	}{
		{"X-Vwo-Auth", "key-1", "", true},
		{"x-vwo-auth", " key-1", "", true},
		{"X-Vwo-Auth", "key-2", "env=key-1", false}, // a wrong secret is not made good by a good key
		{"X-Vwo-Auth", "", "env=key-1", false},
		{"Authorization", "key-1", "", true},
		{"Authorization", "key-2", "", false},
		{"", "", "a=1&env=key-1&", true},
		{"", "", `ed={"p":"server"}&env=key-1`, true},
		{"", "", "i=key-1&r=0.1", true},
		{"", "", "env=key-2", false},
		{"", "", "myenv=key-1", false},
		{"", "", "", false},
	} {
		e := adapters.Envelope{Method: http.MethodPost, Path: "/events/t", RawQuery: c.query, Header: http.Header{}}
		if c.header != "" {
			e.Header.Set(c.header, c.value)
		}
		err := plain.Verify(adapters.Source{}, []byte("key-1"), e)
		if (err == nil) != c.want || err != nil && !errors.Is(err, adapters.ErrUnauthorized) {
			t.Errorf("%+v: %v", c, err)
		}
		if err := plain.Verify(adapters.Source{}, nil, e); !errors.Is(err, adapters.ErrUnauthorized) {
			t.Errorf("an empty secret: %v", err)
		}
	}
}

// TestReply: FME counts 200 with JSON alone as success.
func TestReply(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
	}{
		{nil, 200},
		{fmt.Errorf("x: %w", adapters.ErrBusy), 503},
		{fmt.Errorf("x: %w", adapters.ErrTooLarge), 413},
		{adapters.Unreadable("x"), 400},
		{adapters.ErrNotServed, 404},
		{adapters.ErrUnauthorized, 401},
		{errors.New("none of ours"), 503},
	} {
		r := plain.Reply(adapters.Envelope{}, adapters.Outcome{Err: c.err})
		if r.Status != c.status || r.ContentType != "application/json" || len(r.Body) == 0 {
			t.Errorf("%v: %d %s", c.err, r.Status, r.Body)
		}
	}
}

func TestEveryFaultOfTheOptions(t *testing.T) {
	for _, options := range []map[string]any{nil, {}, {"revenue_props": map[string]any{"purchase": "amount"}}} {
		if _, err := adapters.Open(vwo.Adapter, options); err != nil {
			t.Errorf("%v: %v", options, err)
		}
	}
	_, err := adapters.Open(vwo.Adapter, map[string]any{"revenue_prop": 1, "revenue_props": map[string]any{"a": 7, "b": "", "": "c"}})
	if err == nil {
		t.Fatal("no fault found")
	}
	for _, want := range []string{"revenue_prop: ", "revenue_props.a: ", "revenue_props.b: ", "revenue_props: a key"} {
		if strings.Count(err.Error(), want) != 1 {
			t.Errorf("%q is not reported once in\n%v", want, err)
		}
	}
	if _, err := adapters.Open(vwo.Adapter, map[string]any{"revenue_props": []any{}}); err == nil {
		t.Error("a list of properties passes")
	}
}

// TestParseCatalog: empty lists are written as {}, ids also as texts, and one name for two variations names one.
func TestParseCatalog(t *testing.T) {
	c, err := vwo.Adapter.ParseCatalog([]byte(`{"campaigns":[{"id":"7","key":"k","type":"VISUAL_AB","status":"PAUSED","goals":{},
		"variations":[{"id":1,"name":"A"},{"id":2,"name":"A"},{"id":3,"name":""}]}],"features":{ }}`))
	if err != nil {
		t.Fatal(err)
	}
	x, ok := c.Experiment("7")
	if !ok || !x.Exposes || x.Running || x.Control != "A" || x.Variants["1"] != "A" || x.Variants["2"] != "2" || x.Variants["3"] != "3" {
		t.Errorf("%+v", x)
	}
	for _, text := range []string{"", "[]", "{}", `{"campaigns":7}`, `{"campaigns":[{"id":true}]}`, `{"campaigns":{"a":1}}`} {
		if _, err := vwo.Adapter.ParseCatalog([]byte(text)); err == nil {
			t.Errorf("%q passes for settings", text)
		}
	}
}

// TestStoppedInTheSettings: no message says that a campaign ended, a settings file without it does.
func TestStoppedInTheSettings(t *testing.T) {
	parse := func(status string) *adapters.Catalog {
		c, err := vwo.Adapter.ParseCatalog(fmt.Appendf(nil, `{"campaigns":[{"id":7,"key":"k","type":"VISUAL_AB","status":%q}]}`, status))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	lives := adapters.Compare("vwo", parse("RUNNING"), parse("PAUSED"), canonical.MinTime)
	if len(lives) != 1 || lives[0].Kind != canonical.Stopped || lives[0].ExperimentID != "7" || lives[0].SourceExperiment != "" {
		t.Errorf("%+v", lives)
	}
}

// TestBadRequests: what cannot be taken apart fails as a whole, and says what to fix.
func TestBadRequests(t *testing.T) {
	deep := strings.Repeat(`{"d":`, 200) + "7" + strings.Repeat("}", 200)
	for _, c := range []struct {
		method, path, body string
		notServed          bool
	}{
		{"GET", "/server-side/settings", "", true},
		{"GET", "/server-side/v2-settings", "", true},
		{"GET", "/check-attribute", "", true},
		{"POST", "/user-alias/setUserAlias", "[]", true},
		{"PUT", "/events/t", `{"d":{}}`, true},
		{"POST", "/events/t", "", false},
		{"POST", "/events/t", "[]", false},
		{"POST", "/events/t", `"{\"d\":{}}"`, false},
		{"POST", "/events/t", `{"d":{}`, false},
		{"POST", "/events/t", `{"d":{}} x`, false},
		{"POST", "/events/t", `{"x":1}`, false},
		{"POST", "/server-side/batch-events", `{"ev":{}}`, false},
		{"POST", "/server-side/batch-events", deep, false},
		{"POST", "/server-side/batch-events", "\x1f\x8b\x08\x00", false},
	} {
		_, err := plain.Decode(adapters.Source{Name: "vwo"}, adapters.Envelope{Method: c.method, Path: c.path, Body: []byte(c.body), Header: http.Header{}})
		if !errors.Is(err, adapters.ErrUnreadable) || errors.Is(err, adapters.ErrNotServed) != c.notServed {
			t.Errorf("%s %s %.40q: %v", c.method, c.path, c.body, err)
		}
	}
}

// TestFaults: what is wrong with an item is told in the words that the sender used.
func TestFaults(t *testing.T) {
	for body, want := range map[string]string{
		`{"d":{"event":{"time":1795340825539}}}`:                                                            "d.event.name",
		`{"d":{"event":{"name":7}}}`:                                                                        "d.event.name",
		`{"d":{"event":{"name":"buy","time":1795340825539}}}`:                                               "d.visId",
		`{"d":{"visId":"A","event":{"name":"buy"}}}`:                                                        "d.event.time",
		`{"d":{"visId":"A","event":{"name":"buy","time":"soon"}}}`:                                          "d.event.time",
		`{"d":{"visId":"A","event":{"name":"buy","time":1e300}}}`:                                           "d.event.time",
		`{"d":{"visId":"null","event":{"name":"buy","time":1795340825539}}}`:                                "d.visId",
		`{"d":{"visId":"A","event":{"name":"vwo_variationShown","time":1795340825539}}}`:                    "d.event.props.id",
		`{"d":{"visId":"A","event":{"name":"vwo_variationShown","time":1795340825539,"props":{"id":1}}}}`:   "d.event.props.variation",
		`{"d":{"visId":"A","event":{"name":"vwo_variationShown","time":7,"props":{"id":1,"variation":1}}}}`: "d.event.time",
		`{"ev":[{}]}`: "eT",
		`{"ev":[{"eT":1,"c":1,"u":"A","sId":1}]}`:                               "e",
		`{"ev":[{"eT":1,"e":1,"c":1,"sId":1}]}`:                                 "u",
		`{"ev":[{"eT":1,"e":1,"c":1,"u":"A"}]}`:                                 "sId",
		`{"ev":[{"eT":2,"e":1,"c":1,"u":"A","sId":1}]}`:                         "g",
		`{"ev":[{"eT":2,"e":1,"c":1,"g":2,"u":"A","sId":1795340825,"r":1e13}]}`: "r",
	} {
		e := adapters.Envelope{Method: "POST", Path: "/x", Body: []byte(body), Header: http.Header{}, ReceivedAt: 1795340900000}
		b, err := plain.Decode(adapters.Source{Name: "vwo", Rules: canonical.DefaultRules()}, e)
		if err != nil || len(b.Rejected) != 1 || b.Rejected[0].Field != want {
			t.Errorf("%s: %+v, %v; want %s", body, b, err, want)
		}
	}
}

// BenchmarkDecode takes a classic GET, an FME batch of nine, and a full one.
func BenchmarkDecode(b *testing.B) {
	for _, g := range adaptertest.Goldens(b, "testdata") {
		if g.Name != "classic-01-activate-get" && g.Name != "fme-12-batch-v2" {
			continue
		}
		b.Run(g.Name, func(b *testing.B) {
			decodeFor(b, adaptertest.Open(b, vwo.Adapter, g.Options), g.Source(vwo.Adapter), g.Envelope)
		})
		if g.Name == "fme-12-batch-v2" {
			list := bytes.TrimSuffix(bytes.TrimPrefix(g.Envelope.Body, []byte(`{"ev":[`)), []byte("]}"))
			all := bytes.Repeat(append(bytes.Clone(list), ','), 100)
			e := g.Envelope
			e.Body = append(append([]byte(`{"ev":[`), all[:len(all)-1]...), "]}"...)
			b.Run("fme-full", func(b *testing.B) {
				decodeFor(b, adaptertest.Open(b, vwo.Adapter, g.Options), g.Source(vwo.Adapter), e)
			})
		}
	}
}

func decodeFor(b *testing.B, d adapters.Decoder, s adapters.Source, e adapters.Envelope) {
	items := 0
	b.ReportAllocs()
	b.SetBytes(int64(len(e.Body)))
	for b.Loop() {
		batch, err := d.Decode(s, e)
		if err != nil {
			b.Fatal(err)
		}
		items += batch.Items
	}
	b.ReportMetric(float64(items)/b.Elapsed().Seconds(), "events/s")
}
