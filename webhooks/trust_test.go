package webhooks_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/webhooks"
)

// teller is a vendor whose every request reports a stop and brings a catalog.
var teller = webhooks.Source{Adapter: adapters.Adapter{Vendor: "teller"}, Decoder: adapters.Decoder{
	Verify: toy.Verify, Reply: toy.Reply,
	Decode: func(s adapters.Source, e adapters.Envelope) (adapters.Batch, error) {
		b := adapters.Batch{Items: 1, Catalog: []byte("catalog"), CatalogChanged: true}
		b.Tell(s, e, 0, canonical.Life{ID: "1", Kind: canonical.Stopped, At: e.ReceivedAt, ExperimentID: "x", Text: "stopped"})
		return b, nil
	},
}}

// registrar keeps reports and catalogs.
type registrar struct {
	lives             []canonical.Life
	pushed, refreshed int
	declared          string // besides checkout
}

func (r *registrar) Tell(_ context.Context, lives []canonical.Life) (uint64, error) {
	r.lives = append(r.lives, lives...)
	return 7, nil
}
func (*registrar) Catalog() *adapters.Catalog           { return nil }
func (r *registrar) Push(context.Context, []byte) error { r.pushed++; return nil }
func (r *registrar) Refresh()                           { r.refreshed++ }
func (r *registrar) Declared(_, experiment, _ string) bool {
	return experiment == "checkout" || experiment == r.declared
}

func (*registrar) Variant(e *canonical.Event) bool {
	return e.ExperimentID == "checkout" && e.Variant == "control"
}
func (*registrar) Conversion(event string) bool { return event == "purchase" }
func (*registrar) Named(yield func(source, experiment, sourceExperiment string)) {
	yield("api", "old", "")
	yield("api", "checkout", "")
}

// A report acts, and a catalog is taken, if a secret of the vendor verified the request or its caller may edit.
func TestOnlyVerifiedReportsAct(t *testing.T) {
	cases := []struct {
		name, target string
		edits        bool // some key opens editing; else none is needed
		headers      []string
		trusted      bool
	}{
		{"a secret", "/webhooks/both", true, []string{"X-Signature", "secret of x"}, true},
		{"a public key", "/webhooks/both?sig=public", true, nil, false},
		{"a public key, used to sign", "/webhooks/both", true, []string{"X-Signature", "public of x"}, false},
		{"a public key, and the admin key", "/webhooks/both?sig=public", true, []string{"X-Tracklayer-Key", "admin"}, true},
		{"a public key, and the admin key where a beacon has it", "/webhooks/both?sig=public&key=admin", true, nil, false},
		{"a write key", "/webhooks/open", true, []string{"Authorization", "Bearer write"}, false},
		{"the admin key", "/webhooks/open", true, []string{"Authorization", "Bearer admin"}, true},
		{"no key, and none is needed", "/webhooks/open", false, nil, true},
		{"no key, from a page of elsewhere", "/webhooks/open", false, []string{"Origin", "http://evil.example"}, false},
		{"no key, from a page of elsewhere, as browsers say it", "/webhooks/open", false, []string{"Sec-Fetch-Site", "cross-site"}, false},
	}
	for _, c := range cases {
		kept := &registrar{}
		r := newRig(t, func(o *webhooks.Options) {
			o.Reports = kept
			o.Sources = map[string]webhooks.Source{
				"both": {Adapter: teller.Adapter, Decoder: teller.Decoder, Secrets: [][]byte{[]byte("secret")}, Public: [][]byte{[]byte("public")}, Catalogs: kept},
				"open": {Adapter: teller.Adapter, Decoder: teller.Decoder, Catalogs: kept},
			}
			if c.edits {
				o.WriteKey = func(k, _, _ string) bool { return k == "write" }
				o.EditKey = func(k string) bool { return k == "admin" }
			}
		})
		w := r.send("POST", c.target, "x", c.headers...)
		if w.Code != http.StatusAccepted || len(kept.lives) != 1 || kept.lives[0].Unverified == c.trusted {
			t.Errorf("%s: %d %+v", c.name, w.Code, kept.lives)
		}
		if taken := kept.pushed == 1 && kept.refreshed == 1; taken != c.trusted {
			t.Errorf("%s: the catalog was pushed %d times, refreshed %d times", c.name, kept.pushed, kept.refreshed)
		}
		source, _, _ := strings.Cut(strings.TrimPrefix(c.target, "/webhooks/"), "?")
		if n := r.metric(t, "ignored_total", "source", source, "reason", "catalog_not_verified"); (n == 1) == c.trusted {
			t.Errorf("%s: %v catalogs counted as not verified", c.name, n)
		}
	}
}

// Wrong credentials are reported once a request, and right ones never.
func TestRefusedCredentialsAreReported(t *testing.T) {
	var kinds []string
	r := newRig(t, withKey, func(o *webhooks.Options) {
		o.Refused = func(_ *http.Request, kind string) { kinds = append(kinds, kind) }
	})
	r.post(exposure, "Authorization", "Bearer right")
	r.post(exposure)
	r.send("POST", "/webhooks/signed", "x", "X-Signature", "new of x")
	if len(kinds) != 0 {
		t.Errorf("reported %v", kinds)
	}
	r.post(exposure, "Authorization", "Bearer wrong", "X-Tracklayer-Key", "wrong too")
	r.send("POST", "/webhooks/signed", "x")
	if !slices.Equal(kinds, []string{"key", "signature"}) {
		t.Errorf("reported %v", kinds)
	}
}

// Where declared experiments only are taken, the others' events are ignored and counted, in replays too.
func TestUndeclaredExperimentsAreIgnored(t *testing.T) {
	junk := strings.Replace(strings.Replace(exposure, `"checkout"`, `"junk"`, 1), `"e-1"`, `"e-2"`, 1)
	body := "[" + junk + "," + exposure + "," + conversion(`"event_id":"c-1",`) + "]"
	r := newRig(t, func(o *webhooks.Options) { o.Experiments, o.DeclaredOnly = &registrar{}, true })
	w := r.post(body)
	a := read(t, w)
	if w.Code != http.StatusAccepted || a.Accepted != 2 || a.Rejected != 0 || len(r.events) != 2 || a.Results[0].Status != "ignored" || a.Results[1].EventID != "e-1" || a.Results[2].EventID != "c-1" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if len(r.letters) != 0 {
		t.Error("an ignored event is a dead letter")
	}
	result, err := r.door.Replay(t.Context(), canonical.DeadLetter{Seq: 1, Source: "api", ReceivedAt: canonical.TimeOf(noon), Request: []byte("POST /v1/events HTTP/1.1\r\n\r\n" + body)})
	if err != nil || result.Accepted != 2 || result.Rejected != 0 {
		t.Errorf("replayed %+v, %v", result, err)
	}
	r = newRig(t, func(o *webhooks.Options) {
		o.Experiments = &registrar{}
		o.Sources["toy"] = webhooks.Source{Adapter: toy.Adapter, Decoder: toy.Decoder, DeclaredOnly: true}
	})
	if r.post(junk); len(r.events) != 1 {
		t.Error("a source's option holds for another")
	}
	if w := r.send("POST", "/v1/events?source=toy", junk); w.Code != http.StatusAccepted || len(r.events) != 1 {
		t.Errorf("under the source's name: %d %s", w.Code, w.Body)
	}
}
