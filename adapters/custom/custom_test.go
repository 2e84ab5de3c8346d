package custom_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/custom"
	"github.com/tracklayer/tracklayer/canonical"
)

// one is the options of a source with one rule.
func one(user string) map[string]any {
	return map[string]any{"events": []any{map[string]any{"kind": "converted", "fields": map[string]any{"conversion_event": `"order"`, "user_id": user}}}}
}

func opened(options map[string]any) adapters.Decoder {
	d, err := adapters.Open(custom.Adapter, options)
	if err != nil {
		panic(err)
	}
	return d
}

// plain is a source that names no scheme of signatures.
var plain = opened(one("item.user"))

func TestLaws(t *testing.T) { adaptertest.Run(t, custom.Adapter, "testdata") }

func FuzzDecode(f *testing.F) { adaptertest.Fuzz(f, custom.Adapter, "testdata") }

func TestEveryFaultIsSaidAtOnce(t *testing.T) {
	_, err := adapters.Open(custom.Adapter, map[string]any{
		"body": "xml", "items": "body.", "colour": 1,
		"events": []any{
			map[string]any{"kind": "won"},
			map[string]any{"kind": "exposed", "when": 1, "fields": map[string]any{"experiment_id": "item.a +", "value": "1", "user_id": "now()"}},
			map[string]any{"kind": "converted", "fields": map[string]any{"conversion_event": "nothing.here"}, "if": "x"},
			"text",
		},
	})
	if err == nil {
		t.Fatal("taken")
	}
	for _, want := range []string{
		"body: must be", "items: ", "colour: no such option", "events[0].kind: must be one of", "events[1].when: must be an expression",
		"events[1].fields.experiment_id: ", "events[1].fields.value: this kind has no such field", "events[1].fields.user_id: ", "events[1].fields.variant: is required",
		"events[2].fields.conversion_event: ", "events[2].fields: one of user_id and anonymous_id", "events[2].if: no such option", "events[3]: must have",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing says %q in\n%v", want, err)
		}
	}
	if _, err := adapters.Open(custom.Adapter, nil); err == nil || !strings.Contains(err.Error(), "events: is required") {
		t.Errorf("no options: %v", err)
	}
}

func TestVerify(t *testing.T) {
	body := []byte(`{"a":1}`)
	mac := hmac.New(sha256.New, []byte("secret"))
	mac.Write(body)
	sum := mac.Sum(nil)
	for name, c := range map[string]struct {
		header, value string
		want          bool
	}{
		"hex":            {"X-Shop-Signature", hex.EncodeToString(sum), true},
		"hex, prefixed":  {"X-Hub-Signature", "sha256=" + hex.EncodeToString(sum), true},
		"base64":         {"Webhook-Signature", "v1," + base64.StdEncoding.EncodeToString(sum), true},
		"forged":         {"X-Shop-Signature", hex.EncodeToString(make([]byte, 32)), false},
		"bearer":         {"Authorization", "Bearer secret", true},
		"token":          {"X-Api-Key", "secret", true},
		"another token":  {"X-Api-Key", "secrets", false},
		"nothing":        {"X-Other", "secret", false},
		"not a coding":   {"X-Shop-Signature", "%%%", false},
		"an empty token": {"Authorization", "Bearer ", false},
	} {
		err := plain.Verify(adapters.Source{}, []byte("secret"), adapters.Envelope{Header: http.Header{c.header: {c.value}}, Body: body})
		if (err == nil) != c.want || err != nil && !errors.Is(err, adapters.ErrUnauthorized) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := plain.Verify(adapters.Source{}, nil, adapters.Envelope{Header: http.Header{"Authorization": {"Bearer "}}}); !errors.Is(err, adapters.ErrUnauthorized) {
		t.Errorf("an empty secret: %v", err)
	}
}

// TestExpressionsAreBounded: a configuration that multiplies what comes must not stop the gateway.
func TestExpressionsAreBounded(t *testing.T) {
	s := adapters.Source{Name: "x", Rules: canonical.DefaultRules()}
	d := opened(map[string]any{"events": []any{map[string]any{
		"kind": "exposed", "fields": map[string]any{"experiment_id": `string(len(map(1..1000000, {map(1..1000, {#})})))`, "variant": `"a"`, "user_id": `"u"`},
	}}})
	b, err := d.Decode(s, adapters.Envelope{Method: "POST", Body: []byte("{}"), ReceivedAt: canonical.MinTime + 1})
	if err != nil || len(b.Rejected) != 1 || b.Rejected[0].Field != "events[0].fields.experiment_id" {
		t.Errorf("%+v %v", b, err)
	}
	for _, body := range []string{"{", "{} {}", "null", "\x00"} {
		if _, err := d.Decode(s, adapters.Envelope{Method: "POST", Body: []byte(body), ReceivedAt: canonical.MinTime + 1}); !errors.Is(err, adapters.ErrUnreadable) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, g := range adaptertest.Goldens(b, "testdata") {
		b.Run(g.Name, func(b *testing.B) {
			s := g.Source(custom.Adapter)
			d := adaptertest.Open(b, custom.Adapter, g.Options)
			items := 0
			b.ReportAllocs()
			for b.Loop() {
				batch, err := d.Decode(s, g.Envelope)
				if err != nil {
					b.Fatal(err)
				}
				items += batch.Items
			}
			b.ReportMetric(float64(items)/b.Elapsed().Seconds(), "items/s")
		})
	}
}
