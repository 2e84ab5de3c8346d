package launchdarkly_test

import (
	"bytes"
	"errors"
	"fmt"
	"image/gif"
	"net/http"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/launchdarkly"
)

// TestSignatures verifies the signed requests with the secret that they were signed with.
func TestSignatures(t *testing.T) {
	signed := 0
	for _, g := range adaptertest.Goldens(t, "testdata") {
		if g.Envelope.Header.Get("X-LD-Signature") == "" {
			continue
		}
		signed++
		secret := []byte(strings.SplitN(string(g.Section("secret")), "\n", 2)[0])
		if err := plain.Verify(adapters.Source{}, secret, g.Envelope); err != nil {
			t.Errorf("%s: %v", g.Name, err)
		}
		other := g.Envelope
		other.Body = append(bytes.Clone(other.Body), '\n')
		refused(t, g.Name+", another body", secret, other)
		refused(t, g.Name+", another secret", []byte("another"), g.Envelope)
		other = g.Envelope
		other.Header = other.Header.Clone()
		other.Header.Set("Authorization", string(secret))
		for _, signature := range []string{"", "x", other.Header.Get("X-LD-Signature")[2:], "sha256=" + other.Header.Get("X-LD-Signature")} {
			other.Header.Set("X-LD-Signature", signature)
			refused(t, g.Name+", signature "+signature, secret, other)
		}
	}
	if signed != 4 {
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
		path, authorization string
		want                bool
	}{
		{"/bulk", "sdk-1", true},
		{"/mobile", "api_key sdk-1", true},
		{"/mobile", "Bearer sdk-1", true},
		{"/mobile", "bearer  sdk-1 ", true},
		{"/bulk", "sdk-2", false},
		{"/bulk", "Basic sdk-1", false},
		{"/bulk", "", false},
		{"/events/bulk/sdk-1", "", true},
		{"/events/bulk/sdk-1/", "", true},
		{"/events/diagnostic/sdk-1", "", true},
		{"/a/sdk-1.gif", "", true},
		{"/events/bulk/sdk-2", "sdk-1", true},
		{"/events/bulk/sdk-2", "", false},
		{"/events/bulk/", "", false},
		{"/events/bulk/x/sdk-1", "", false},
		{"/sdk-1", "", false},
		{"", "", false},
	} {
		e := adapters.Envelope{Method: http.MethodPost, Path: c.path, Header: http.Header{}}
		if c.authorization != "" {
			e.Header.Set("Authorization", c.authorization)
		}
		err := plain.Verify(adapters.Source{}, []byte("sdk-1"), e)
		if (err == nil) != c.want || err != nil && !errors.Is(err, adapters.ErrUnauthorized) {
			t.Errorf("%q with %q: %v", c.path, c.authorization, err)
		}
		refused(t, "empty secret at "+c.path, nil, e)
	}
}

func TestReply(t *testing.T) {
	image := adapters.Envelope{Method: http.MethodGet, Path: "/a/65f0.gif"}
	for _, c := range []struct {
		e    adapters.Envelope
		err  error
		want int
	}{
		{adapters.Envelope{}, nil, 202},
		{image, nil, 200},
		{image, fmt.Errorf("x: %w", adapters.ErrBusy), 503},
		{adapters.Envelope{}, fmt.Errorf("x: %w", adapters.ErrBusy), 503},
		{adapters.Envelope{}, fmt.Errorf("x: %w", adapters.ErrTooLarge), 413},
		{adapters.Envelope{}, adapters.Unreadable("x"), 400},
		{adapters.Envelope{}, fmt.Errorf("x: %w", adapters.ErrUnauthorized), 401},
		{adapters.Envelope{}, errors.New("none of ours"), 503},
	} {
		r := plain.Reply(c.e, adapters.Outcome{Rejected: 3, Err: c.err})
		if r.Status != c.want || (len(r.Body) > 0) != (c.want == 200) {
			t.Errorf("%s, %v: %d with %d bytes, want %d", c.e.Path, c.err, r.Status, len(r.Body), c.want)
		}
		if c.want == 200 {
			if _, err := gif.Decode(bytes.NewReader(r.Body)); err != nil || len(r.Body) != 43 || r.ContentType != "image/gif" {
				t.Errorf("%s of %d bytes: %v", r.ContentType, len(r.Body), err)
			}
		}
	}
}

func TestEveryFaultOfTheOptions(t *testing.T) {
	good := map[string]any{"unit_kinds": map[string]any{"f": "organization"}, "experiment_flags": []any{"g"}, "goal_events": false}
	for _, options := range []map[string]any{nil, {}, good} {
		if _, err := adapters.Open(launchdarkly.Adapter, options); err != nil {
			t.Errorf("%v: %v", options, err)
		}
	}
	_, err := adapters.Open(launchdarkly.Adapter, map[string]any{
		"unit_kind":        map[string]any{},
		"unit_kinds":       map[string]any{"a": "multi", "b": 7, "": "user", "ok": "user", "c": "a b"},
		"experiment_flags": []any{"a", 7, ""},
		"goal_events":      "yes",
	})
	if err == nil {
		t.Fatal("no fault found")
	}
	for _, want := range []string{"unit_kind: ", "unit_kinds.a: ", "unit_kinds.b: ", "unit_kinds.c: ", "unit_kinds: a key", "experiment_flags[1]: ", "experiment_flags[2]: ", "goal_events: "} {
		if strings.Count(err.Error(), want) != 1 {
			t.Errorf("%q is not reported once in\n%v", want, err)
		}
	}
	for _, options := range []map[string]any{{"unit_kinds": []any{}}, {"experiment_flags": "f"}} {
		if _, err := adapters.Open(launchdarkly.Adapter, options); err == nil {
			t.Errorf("%v passes", options)
		}
	}
}

// BenchmarkDecode takes a server SDK's payload and a browser's.
func BenchmarkDecode(b *testing.B) {
	for _, g := range adaptertest.Goldens(b, "testdata") {
		if g.Name != "go-gzip" && g.Name != "browser-v3-1" && g.Name != "go-v7.0-contextkeys-1" {
			continue
		}
		b.Run(g.Name, func(b *testing.B) {
			s := g.Source(launchdarkly.Adapter)
			d := adaptertest.Open(b, launchdarkly.Adapter, g.Options)
			items := 0
			b.ReportAllocs()
			b.SetBytes(int64(len(g.Envelope.Body)))
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
