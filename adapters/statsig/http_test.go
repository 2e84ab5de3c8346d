package statsig_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/statsig"
)

// TestSignatures verifies the signed requests with the secret that they were signed with, and no other way.
func TestSignatures(t *testing.T) {
	signed := 0
	for _, g := range adaptertest.Goldens(t, "testdata") {
		if g.Envelope.Header.Get("X-Statsig-Signature") == "" {
			continue
		}
		signed++
		secret := []byte(strings.TrimSpace(string(g.Section("signing_secret"))))
		if err := plain.Verify(adapters.Source{}, secret, g.Envelope); err != nil {
			t.Errorf("%s: %v", g.Name, err)
		}
		refused(t, g.Name+", another secret", []byte("another"), g.Envelope)
		other := g.Envelope
		other.Body = append(bytes.Clone(other.Body), '\n')
		refused(t, g.Name+", another body", secret, other)
		for _, by := range []time.Duration{-6 * time.Minute, 6 * time.Minute} {
			other = g.Envelope
			other.ReceivedAt = other.ReceivedAt.Add(by)
			refused(t, g.Name+", replayed", secret, other)
		}
		for name, value := range map[string]string{"X-Statsig-Signature": "v0=", "X-Statsig-Request-Timestamp": "1795340200124"} {
			other = g.Envelope
			other.Header = other.Header.Clone()
			other.Header.Set(name, value)
			other.Header.Set("STATSIG-API-KEY", string(secret)) // a bad signature is not made good by a good key
			refused(t, g.Name+", another "+name, secret, other)
		}
	}
	if signed != 3 {
		t.Errorf("%d signed requests", signed)
	}
}

func refused(t *testing.T, what string, secret []byte, e adapters.Envelope) {
	t.Helper()
	if err := plain.Verify(adapters.Source{}, secret, e); !errors.Is(err, adapters.ErrUnauthorized) {
		t.Errorf("%s: %v, want ErrUnauthorized", what, err)
	}
}

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		header, value, query, body string
		want                       bool
	}{
		{"STATSIG-API-KEY", "secret-1", "", "{}", true},
		{"statsig-api-key", " secret-1 ", "", "{}", true},
		{"X-Statsig-Webhook-Key", "secret-1", "", "{}", true},
		{"STATSIG-API-KEY", "secret-2", "", "{}", false},
		{"Authorization", "secret-1", "", "{}", false},
		{"", "", "k=secret-1&st=javascript-client", "{}", true},
		{"", "", "sv=1&k=secret-1", "{}", true},
		{"", "", "k=secret-2", "{}", false},
		{"", "", "", "", false},
		{"", "", "", `{"data":{"event":"url_verification","verification_code":"vc-1"}}`, true},
		{"", "", "", `{"data":{"event":"url_verification"}}`, false},
		{"", "", "", `{"data":{"event":"url_verification","verification_code":"vc-1"},"events":[]}`, false},
		{"", "", "", `{"data":[{"event":"url_verification","verification_code":"vc-1"}]}`, false},
		{"", "", "", `{"data":{"event":"purchase","verification_code":"url_verification"}}`, false},
	} {
		e := adapters.Envelope{Method: http.MethodPost, Path: "/v1/log_event", RawQuery: c.query, Header: http.Header{}, Body: []byte(c.body)}
		if c.header != "" {
			e.Header.Set(c.header, c.value)
		}
		err := plain.Verify(adapters.Source{}, []byte("secret-1"), e)
		if (err == nil) != c.want || err != nil && !errors.Is(err, adapters.ErrUnauthorized) {
			t.Errorf("%+v: %v", c, err)
		}
		refused(t, "an empty secret", nil, e)
	}
}

func TestReply(t *testing.T) {
	hello := adapters.Envelope{Method: http.MethodPost, Body: []byte(`{"data":{"event":"url_verification","verification_code":"vc-\"1"}}`)}
	for _, c := range []struct {
		e      adapters.Envelope
		err    error
		status int
		body   string
	}{
		{adapters.Envelope{}, nil, 202, `{"success":true}`},
		{hello, nil, 200, `{"verification_code":"vc-\"1"}`},
		{hello, fmt.Errorf("x: %w", adapters.ErrBusy), 503, `{"success":false}`},
		{adapters.Envelope{}, fmt.Errorf("x: %w", adapters.ErrBusy), 503, `{"success":false}`},
		{adapters.Envelope{}, fmt.Errorf("%w: %w", adapters.ErrUnreadable, adapters.ErrTooLarge), 413, `{"success":false}`},
		{adapters.Envelope{}, adapters.Unreadable("x"), 400, `{"success":false}`},
		{adapters.Envelope{}, adapters.ErrNotServed, 404, `{"success":false}`},
		{adapters.Envelope{}, adapters.ErrUnauthorized, 401, `{"success":false}`},
		{adapters.Envelope{}, errors.New("none of ours"), 503, `{"success":false}`},
	} {
		r := plain.Reply(c.e, adapters.Outcome{Err: c.err})
		if r.Status != c.status || string(r.Body) != c.body || r.ContentType != "application/json" {
			t.Errorf("%v: %d %s", c.err, r.Status, r.Body)
		}
	}
}

func TestEveryFaultOfTheOptions(t *testing.T) {
	good := map[string]any{"experiments": []any{"a"}, "gates": []any{"g"}, "unit_kinds": map[string]any{"a": "companyID"}}
	for _, options := range []map[string]any{nil, {}, good} {
		if _, err := adapters.Open(statsig.Adapter, options); err != nil {
			t.Errorf("%v: %v", options, err)
		}
	}
	_, err := adapters.Open(statsig.Adapter, map[string]any{
		"experiment": []any{}, "experiments": []any{"a", 7, ""}, "gates": "g", "unit_kinds": map[string]any{"a": "userID", "b": 7, "": "c"},
	})
	if err == nil {
		t.Fatal("no fault found")
	}
	for _, want := range []string{"experiment: ", "experiments[1]: ", "experiments[2]: ", "gates: ", "unit_kinds.a: ", "unit_kinds.b: ", "unit_kinds: a key"} {
		if strings.Count(err.Error(), want) != 1 {
			t.Errorf("%q is not reported once in\n%v", want, err)
		}
	}
	if _, err := adapters.Open(statsig.Adapter, map[string]any{"unit_kinds": []any{}}); err == nil {
		t.Error("a list of unit kinds passes")
	}
}

// BenchmarkDecode takes a server SDK's payload, a browser's, and a full batch of a busy server.
func BenchmarkDecode(b *testing.B) {
	for _, g := range adaptertest.Goldens(b, "testdata") {
		if g.Name != "go-basic" && g.Name != "browser-plain" && g.Name != "node-basic" {
			continue
		}
		b.Run(g.Name, func(b *testing.B) {
			decodeFor(b, adaptertest.Open(b, statsig.Adapter, g.Options), g.Source(statsig.Adapter), g.Envelope)
		})
		if g.Name == "go-basic" {
			list, _, _ := bytes.Cut(g.Envelope.Body, []byte(`],"statsigMetadata"`))
			list = bytes.TrimPrefix(list, []byte(`{"events":[`))
			e := g.Envelope
			e.Body = append(append([]byte(`{"events":[`), bytes.Join(repeat(list, 100), []byte(","))...), `]}`...)
			b.Run("go-batch", func(b *testing.B) {
				decodeFor(b, adaptertest.Open(b, statsig.Adapter, g.Options), g.Source(statsig.Adapter), e)
			})
		}
	}
}

func repeat(part []byte, n int) [][]byte {
	parts := make([][]byte, n)
	for i := range parts {
		parts[i] = part
	}
	return parts
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
