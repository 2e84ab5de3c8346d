package webhooks_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/webhooks"
)

func withKey(o *webhooks.Options) {
	o.WriteKey = func(k, _, _ string) bool { return k == "right" || k == "a+b" }
}

func TestWriteKeys(t *testing.T) {
	cases := []struct {
		name, query string
		headers     []string
		status      int
	}{
		{"none", "", nil, 401},
		{"bearer", "", []string{"Authorization", "Bearer right"}, 202},
		{"bearer in small letters", "", []string{"Authorization", "bearer  right "}, 202},
		{"header", "", []string{"X-Tracklayer-Key", "right"}, 202},
		{"query", "?key=right", nil, 202},
		{"escaped query", "?x=1&key=a%2Bb", nil, 202},
		{"wrong bearer", "", []string{"Authorization", "Bearer wrong"}, 403},
		{"wrong header", "", []string{"X-Tracklayer-Key", "wrong"}, 403},
		{"wrong query", "?key=wrong", nil, 403},
		{"empty query", "?key=", nil, 401},
		{"a proxy's own bearer", "", []string{"Authorization", "Bearer proxy", "X-Tracklayer-Key", "right"}, 202},
		{"basic", "", []string{"Authorization", "Basic right"}, 401},
	}
	for _, c := range cases {
		r := newRig(t, withKey)
		w := r.send("POST", "/v1/events"+c.query, exposure, c.headers...)
		refused := 0.0
		if c.status != 202 {
			refused = 1
		}
		if w.Code != c.status || r.metric(t, "unauthorized_total", "source", "api") != refused || float64(r.calls) != 1-refused {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
		if (c.status == 401) != (w.Header().Get("WWW-Authenticate") != "") {
			t.Errorf("%s: WWW-Authenticate: %q", c.name, w.Header().Get("WWW-Authenticate"))
		}
		if len(r.letters) != 0 {
			t.Errorf("%s was kept", c.name)
		}
		// The same keys open a source without secrets, in the vendor's words.
		w = r.send("POST", "/webhooks/toy/p"+c.query, "good 1", c.headers...)
		want := c.status
		if want == 403 {
			want = 401
		}
		if w.Code != want || r.metric(t, "unauthorized_total", "source", "toy") != refused || w.Header().Get("Content-Type") != "text/toy" {
			t.Errorf("vendor, %s: %d %s", c.name, w.Code, w.Body)
		}
	}
}

func TestSignatures(t *testing.T) {
	cases := []struct {
		name, target, signature string
		status                  int
	}{
		{"old secret", "", "old of good 1", 202},
		{"new secret", "", "new of good 1", 202},
		{"in the query", "?sig=new", "", 202},
		{"another body", "", "new of good 2", 401},
		{"none", "", "", 401},
		{"the write key instead", "?key=right", "", 401},
		{"a panic", "", "panic", 401},
	}
	for _, c := range cases {
		r := newRig(t, withKey)
		w := r.send("POST", "/webhooks/signed"+c.target, "good 1", "X-Signature", c.signature)
		if w.Code != c.status || (c.status == 202) != (r.calls == 1) || len(r.letters) != 0 {
			t.Errorf("%s: %d %s, published %d times", c.name, w.Code, w.Body, r.calls)
		}
		if n := r.metric(t, "unauthorized_total", "source", "signed"); (c.status == 401) != (n == 1) {
			t.Errorf("%s: %v counted", c.name, n)
		}
	}
	// The signature is that of the text, not of how it was packed; what cannot be unpacked needs one all the same.
	r := newRig(t)
	if w := r.send("POST", "/webhooks/signed", compress(t, "gzip", "good 1"), "Content-Encoding", "gzip", "X-Signature", "new of good 1"); w.Code != 202 {
		t.Errorf("compressed: %d", w.Code)
	}
	if w := r.send("POST", "/webhooks/signed", "torn", "Content-Encoding", "gzip"); w.Code != 401 || len(r.letters) != 0 {
		t.Errorf("corrupt and unsigned: %d", w.Code)
	}
	if w := r.send("POST", "/webhooks/signed", "torn", "Content-Encoding", "gzip", "X-Signature", "new of torn"); w.Code != 400 || len(r.letters) != 1 {
		t.Errorf("corrupt and signed: %d", w.Code)
	}
}

// Neither the write key nor a vendor's secret stays in what is kept.
func TestLettersKeepNoSecrets(t *testing.T) {
	r := newRig(t, withKey)
	r.send("POST", "/webhooks/toy/a%20b?x=1%2f&key=right&%6bey=right&y", "bad", "Authorization", "Bearer right", "X-Toy", "kept")
	r.send("POST", "/webhooks/signed?a=b&sig=%6eew", "bad")
	r.send("POST", "/v1/events?a=b&key=right", "{")
	if len(r.letters) != 3 {
		t.Fatalf("%d letters", len(r.letters))
	}
	for i, want := range []string{"POST /a%20b?x=1%2f&y\n", "POST ?a=b\n", "POST /v1/events?a=b\n"} {
		letter := string(r.letters[i].Request)
		if !strings.HasPrefix(letter, want) || strings.Contains(letter, "right") || strings.Contains(letter, "ew&") {
			t.Errorf("%s", letter)
		}
	}
	if letter := string(r.letters[0].Request); !strings.Contains(letter, "X-Toy: kept") {
		t.Errorf("%s", letter)
	}
}

// TestClosed: what cannot be taken now is refused before it is read, and a web page can read why.
func TestClosed(t *testing.T) {
	full := problem.Unavailable(5 * time.Second)
	full.Title = "The disk is full."
	var closed error = full
	r := newRig(t, func(o *webhooks.Options) { o.Origins = []string{"*"}; o.Closed = func() error { return closed } })
	for _, route := range []string{"/v1/events", "/webhooks/toy/x"} {
		w := r.send("POST", route, exposure, "Origin", "https://shop.example")
		if w.Code != 503 || w.Header().Get("Retry-After") != "5" || w.Header().Get("Access-Control-Allow-Origin") != "https://shop.example" ||
			!strings.Contains(w.Body.String(), "The disk is full.") {
			t.Errorf("%s: %d %v %s", route, w.Code, w.Header(), w.Body)
		}
		if w := r.send("OPTIONS", route, "", "Origin", "https://shop.example", "Access-Control-Request-Method", "POST"); w.Code != 204 {
			t.Errorf("preflight of %s: %d", route, w.Code)
		}
	}
	if r.calls != 0 || len(r.letters) != 0 {
		t.Error("something was stored")
	}
	closed = nil
	if w := r.send("POST", "/v1/events", exposure); w.Code != 202 {
		t.Errorf("open again: %d %s", w.Code, w.Body)
	}
}

func TestCORS(t *testing.T) {
	some := func(o *webhooks.Options) {
		o.Origins = []string{"https://shop.example", "http://localhost:3000"}
		withKey(o)
	}
	all := func(o *webhooks.Options) { o.Origins = []string{"*"}; withKey(o) }
	cases := []struct {
		options func(*webhooks.Options)
		origin  string
		allowed bool
	}{
		{some, "https://shop.example", true},
		{some, "HTTPS://Shop.example", true},
		{some, "http://localhost:3000", true},
		{some, "https://evil.example", false},
		{some, "https://shop.example.evil", false},
		{some, "null", false},
		{some, "", false},
		{all, "https://any.example", true},
		{all, "null", true},
		{all, "", false},
	}
	for _, c := range cases {
		r := newRig(t, c.options)
		for _, route := range []string{"/v1/events", "/webhooks/toy/x", "/webhooks/signed"} {
			for _, preflight := range []bool{true, false} {
				method, headers := "POST", []string{"Origin", c.origin}
				if preflight {
					method, headers = "OPTIONS", append(headers, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type, X-Tracklayer-Key,b@d,<x>")
				}
				w := r.send(method, route, exposure, headers...)
				h := w.Header()
				if !strings.Contains(strings.Join(h.Values("Vary"), ","), "Origin") {
					t.Errorf("Vary: %v", h.Values("Vary"))
				}
				if (h.Get("Access-Control-Allow-Origin") == c.origin && c.origin != "") != c.allowed || (h.Get("Access-Control-Allow-Credentials") == "true") != c.allowed {
					t.Errorf("%s %s from %q: %v", method, route, c.origin, h)
				}
				if preflight && (w.Code != 204 || (h.Get("Access-Control-Max-Age") == "7200") != c.allowed ||
					(h.Get("Access-Control-Allow-Headers") == "content-type, X-Tracklayer-Key") != c.allowed ||
					strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") != c.allowed) {
					t.Errorf("preflight of %s from %q: %d %v", route, c.origin, w.Code, h)
				}
				if c.allowed && h.Get("Access-Control-Expose-Headers") != "Date, Retry-After, Tracklayer-Stream-Seq, X-Request-Id" {
					t.Errorf("a refusal cannot be read: %v", h)
				}
			}
		}
		if r.calls != 0 {
			t.Error("something was published")
		}
	}
	w := newRig(t, all).send("OPTIONS", "/v1/events", "", "Origin", "https://a.example", "Access-Control-Request-Method", "POST",
		"Access-Control-Request-Headers", strings.Repeat("x-long,", 500))
	if w.Code != 204 || w.Header().Get("Access-Control-Allow-Headers") != "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}
