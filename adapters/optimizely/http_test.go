package optimizely_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/optimizely"
)

func refused(t *testing.T, what string, secret []byte, e adapters.Envelope) {
	t.Helper()
	if err := plain.Verify(adapters.Source{}, secret, e); !errors.Is(err, adapters.ErrUnauthorized) {
		t.Errorf("%s: %v, want ErrUnauthorized", what, err)
	}
}

func TestSignatures(t *testing.T) {
	signed := 0
	for _, g := range adaptertest.Goldens(t, "testdata") {
		signature := g.Envelope.Header.Get("X-Hub-Signature")
		if signature == "" {
			continue
		}
		signed++
		secret := []byte(strings.TrimSpace(string(g.Section("secret"))))
		if err := plain.Verify(adapters.Source{}, secret, g.Envelope); err != nil {
			t.Errorf("%s: %v", g.Name, err)
		}
		other := g.Envelope
		other.Body = append(bytes.Clone(other.Body), '\n')
		refused(t, g.Name+", another body", secret, other)
		refused(t, g.Name+", another secret", []byte("another"), g.Envelope)
		other = g.Envelope
		other.Header = other.Header.Clone()
		other.RawQuery = "key=" + string(secret)
		for _, bad := range []string{"", "x", signature[5:], "sha256=" + signature[5:], signature[:len(signature)-2]} {
			other.Header.Set("X-Hub-Signature", bad)
			refused(t, g.Name+", signature "+bad, secret, other)
		}
	}
	if signed != 3 {
		t.Errorf("%d signed requests", signed)
	}
}

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		query, header, value string
		want                 bool
	}{
		{"key=k-1", "", "", true},
		{"a=b&key=k%2D1", "", "", true},
		{"key=k-2", "Authorization", "Bearer k-1", true},
		{"", "Authorization", "bearer k-1 ", true},
		{"", "X-Optimizely-SDK-Key", "k-1", true},
		{"key=k-2", "", "", false},
		{"key=", "", "", false},
		{"", "Authorization", "Basic k-1", false},
		{"", "Authorization", "k-1", false},
		{"", "X-Optimizely-SDK-Key", "k", false},
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
		refused(t, "an empty secret", nil, e)
	}
}

func TestReply(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 204},
		{fmt.Errorf("x: %w", adapters.ErrBusy), 503},
		{fmt.Errorf("x: %w", adapters.ErrTooLarge), 413},
		{adapters.Unreadable("x"), 400},
		{fmt.Errorf("x: %w", adapters.ErrNotServed), 404},
		{fmt.Errorf("x: %w", adapters.ErrUnauthorized), 401},
		{errors.New("none of ours"), 503},
	} {
		if r := plain.Reply(adapters.Envelope{}, adapters.Outcome{Rejected: 3, Err: c.err}); r.Status != c.want || len(r.Body) > 0 {
			t.Errorf("%v: %d with %d bytes, want %d", c.err, r.Status, len(r.Body), c.want)
		}
	}
}

func TestEveryFaultOfTheOptions(t *testing.T) {
	good := map[string]any{"visitors": "anonymous", "user_attribute": "customer", "attributes": []any{"plan"}, "dedup_tag": "order", "currency": "EUR"}
	for _, options := range []map[string]any{nil, {}, good, {"visitors": "user"}} {
		if _, err := adapters.Open(optimizely.Adapter, options); err != nil {
			t.Errorf("%v: %v", options, err)
		}
	}
	_, err := adapters.Open(optimizely.Adapter, map[string]any{
		"visitor": "user", "visitors": "cookie", "user_attribute": "", "attributes": []any{"a", 7, ""}, "dedup_tag": 7, "currency": "euro",
	})
	if err == nil {
		t.Fatal("no fault found")
	}
	for _, want := range []string{"visitor: ", "visitors: ", "user_attribute: ", "attributes[1]: ", "attributes[2]: ", "dedup_tag: ", "currency: "} {
		if strings.Count(err.Error(), want) != 1 {
			t.Errorf("%q is not reported once in\n%v", want, err)
		}
	}
	if _, err := adapters.Open(optimizely.Adapter, map[string]any{"attributes": "plan"}); err == nil {
		t.Error("attributes need not be a list")
	}
}

func TestCatalogs(t *testing.T) {
	c, err := optimizely.Adapter.ParseCatalog([]byte(`{"projectId":"1","revision":"7","experiments":[{"id":"10","key":"a","status":"Running","type":"fr","variations":[{"id":"1","key":"on"}]}],
		"groups":[{"experiments":[{"id":"11","key":"b","status":"Paused"}]}],"rollouts":[{"experiments":[{"id":"12","key":"c","status":"Running"},{"key":"none"}]}],"holdouts":[{"id":"13","key":"d"}],
		"events":[{"id":"20","key":"purchase"}],"featureFlags":[{"key":"f","experimentIds":["10","11"]},{"key":"g"}],"environmentKey":"production"}`))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := c.Experiment("10")
	b, _ := c.Experiment("11")
	rollout, _ := c.Experiment("12")
	holdout, _ := c.Experiment("13")
	if c.Revision != "7" || len(c.Experiments) != 4 || a.Key != "10" || a.Name != "a" || !a.Exposes || !a.Running || a.Kind != "fr" || a.Variants["1"] != "on" ||
		!b.Exposes || b.Running || b.Status != "Paused" || rollout.Exposes || rollout.Kind != "rollout" || holdout.Exposes || holdout.Kind != "holdout" {
		t.Errorf("%+v", c)
	}
	if name, _ := c.Event("20"); name != "purchase" {
		t.Errorf("event 20 is %q", name)
	}
	for _, bad := range []string{``, `[]`, `{}`, `{"projectId":"1"}`, `{"experiments":[]}`, `{"projectId":1,"experiments":[]}`} {
		if _, err := optimizely.Adapter.ParseCatalog([]byte(bad)); err == nil || !strings.Contains(err.Error(), "Optimizely datafile") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
