package growthbook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/canonical"
)

// TestSignedWebhooks takes webhooks that were signed as the vendor signs.
func TestSignedWebhooks(t *testing.T) {
	signed := 0
	for _, g := range adaptertest.Goldens(t, "testdata") {
		key := ""
		switch {
		case g.Envelope.Header.Get("Webhook-Signature") != "":
			key = "wk_driverSigningKey"
		case g.Envelope.Header.Get("X-Growthbook-Signature") != "":
			key = "ewhk_driverSigningKey"
		default:
			continue
		}
		signed++
		if err := plain.Verify(adapters.Source{}, []byte(key), g.Envelope); err != nil {
			t.Errorf("%s: %v", g.Name, err)
		}
		if err := plain.Verify(adapters.Source{}, []byte("another"), g.Envelope); !errors.Is(err, adapters.ErrUnauthorized) {
			t.Errorf("%s: another key: %v", g.Name, err)
		}
		forged := g.Envelope
		forged.Body = []byte(strings.Replace(string(forged.Body), "checkout", "checkin", 1) + " ")
		if err := plain.Verify(adapters.Source{}, []byte(key), forged); err == nil {
			t.Errorf("%s: another body passes", g.Name)
		}
		old := g.Envelope
		old.ReceivedAt = old.ReceivedAt.Add(time.Hour)
		if err := plain.Verify(adapters.Source{}, []byte(key), old); (err == nil) != (key[0] == 'e') {
			t.Errorf("%s: replayed an hour later: %v", g.Name, err)
		}
	}
	if signed < 10 {
		t.Errorf("only %d are signed", signed)
	}
}

func TestVerifyKeys(t *testing.T) {
	envelope := func(query, body string, header ...string) adapters.Envelope {
		e := adapters.Envelope{Method: http.MethodPost, Path: "/track", RawQuery: query, Body: []byte(body), Header: http.Header{}, ReceivedAt: received}
		for i := 0; i+1 < len(header); i += 2 {
			e.Header.Set(header[i], header[i+1])
		}
		return e
	}
	mac := hmac.New(sha256.New, []byte("sdk-1"))
	mac.Write([]byte("[]"))
	for name, c := range map[string]struct {
		e  adapters.Envelope
		ok bool
	}{
		"query":                       {envelope("client_key=sdk-1", "[]"), true},
		"query, escaped":              {envelope("client_key=sdk%2D1", "[]"), true},
		"body":                        {envelope("", `{"events":[],"client_key":"sdk-1"}`), true},
		"bearer":                      {envelope("", "[]", "Authorization", "Bearer sdk-1"), true},
		"proxy":                       {envelope("", "[]", "X-Growthbook-Api-Key", "sdk-1"), true},
		"nothing":                     {envelope("", "[]"), false},
		"another":                     {envelope("client_key=sdk-2", "[]"), false},
		"body that is cut":            {envelope("", `{"client_key":"sdk-1","events":[`), false},
		"signed":                      {envelope("", "[]", "X-Growthbook-Signature", fmt.Sprintf("%x", mac.Sum(nil))), true},
		"wrongly signed, right key":   {envelope("client_key=sdk-1", "[]", "X-Growthbook-Signature", "00"), false},
		"wrongly signed, right key 2": {envelope("client_key=sdk-1", "[]", "Webhook-Signature", "v1,AAAA"), false},
	} {
		if err := plain.Verify(adapters.Source{}, []byte("sdk-1"), c.e); (err == nil) != c.ok || err != nil && !errors.Is(err, adapters.ErrUnauthorized) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if plain.Verify(adapters.Source{}, nil, envelope("client_key=", "[]")) == nil {
		t.Error("an empty secret passes")
	}
}

func TestReply(t *testing.T) {
	for err, want := range map[error]int{
		nil: 202, adapters.ErrUnreadable: 400, adapters.ErrUnauthorized: 401, adapters.ErrNotServed: 404, adapters.ErrTooLarge: 413, adapters.ErrBusy: 503,
	} {
		if got := plain.Reply(adapters.Envelope{}, adapters.Outcome{Err: err}).Status; got != want {
			t.Errorf("%v is answered with %d", err, got)
		}
	}
}

// TestLives: what webhooks say of experiments is followed only where it is certain.
func TestLives(t *testing.T) {
	wrap := func(event, now, before string) string {
		return `{"event":"` + event + `","object":"experiment","created":1795276800500,"user":null,"data":{"object":{"id":"exp_1","trackingKey":"x",` + now + `},"previous_attributes":{` + before + `}}}`
	}
	for name, c := range map[string]struct {
		body string
		kind canonical.LifeKind
	}{
		"started":           {wrap("experiment.updated", `"status":"running"`, `"status":"draft"`), canonical.Started},
		"created running":   {wrap("experiment.created", `"status":"running"`, ``), canonical.Started},
		"started again":     {wrap("experiment.updated", `"status":"running"`, `"status":"stopped"`), canonical.Started},
		"stopped":           {wrap("experiment.updated", `"status":"stopped"`, `"status":"running"`), canonical.Stopped},
		"taken back":        {wrap("experiment.updated", `"status":"draft"`, `"status":"running"`), canonical.Remarked},
		"archived":          {wrap("experiment.updated", `"status":"running","archived":true`, `"archived":false`), canonical.Remarked},
		"a new phase":       {wrap("experiment.updated", `"status":"running","phases":[{},{}]`, `"phases":[{}]`), canonical.Remarked},
		"another key":       {wrap("experiment.updated", `"status":"running"`, `"trackingKey":"w"`), canonical.Remarked},
		"edited":            {wrap("experiment.updated", `"status":"running","name":"n"`, `"name":"m"`), ""},
		"without anything":  {wrap("experiment.updated", `"status":"running"`, ``), ""},
		"schedule started":  {`{"event":"experiment.info.scheduled-status-update","object":"experiment","created":1795276800500,"data":{"object":{"experimentId":"exp_1","action":"started"}}}`, canonical.Started},
		"schedule kept":     {`{"event":"experiment.info.scheduled-status-update","object":"experiment","created":1795276800500,"data":{"object":{"experimentId":"exp_1","action":"kept-running"}}}`, canonical.Remarked},
		"a feature":         {`{"event":"feature.updated","object":"feature","data":{}}`, ""},
		"something unknown": {`{"event":"sky.fell","object":"sky","data":{}}`, ""},
	} {
		b := decode(t, nil, post(c.body))
		switch {
		case c.kind == "" && (len(b.Lives) > 0 || len(b.Ignored) != 1):
			t.Errorf("%s: %+v", name, b)
		case c.kind != "" && (len(b.Lives) != 1 || b.Lives[0].Kind != c.kind):
			t.Errorf("%s: %+v", name, b)
		}
	}
	for _, bad := range []string{
		`{"event":"experiment.updated","object":"experiment","data":{"object":{}}}`,
		`{"event":"experiment.warning","object":"experiment","data":{}}`,
		`{"event":"experiment.updated","object":"experiment","data":{"object":7}}`,
		`{"event":"experiment.updated","object":"experiment","user":7,"data":{}}`,
	} {
		if b := decode(t, nil, post(bad)); len(b.Rejected) != 1 {
			t.Errorf("%s: %+v", bad, b)
		}
	}
}
