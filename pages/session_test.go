package pages_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/pages"
)

const (
	readKey  = "a-read-key-of-many-bytes"
	adminKey = "an-admin-key-of-many-bytes"
)

// locked are pages that want keys.
func locked(o *pages.Options) {
	o.ReadKey = func(k string) bool { return k == readKey }
	o.WriteKey = func(k string) bool { return k == adminKey }
}

func (b *browser) signIn(key, name, next string) page {
	b.t.Helper()
	return b.submit("/sign-in?next="+url.QueryEscape(next), "/sign-in", map[string]string{"key": key, "name": name})
}

func TestKeysOpenWhatTheyOpen(t *testing.T) {
	w := open(t, locked)
	w.declare("", checkout("x", ""))
	b := w.browser()
	for _, path := range []string{"/", "/experiments", "/experiments/x", "/experiments/x/live", "/experiments/x/rows?format=csv", "/units/user/u", "/sources", "/live"} {
		if p := b.get(path); p.Code != http.StatusSeeOther || p.Header().Get("Location") != "/sign-in?next="+url.QueryEscape(path) {
			t.Errorf("%s without a key: %d to %q", path, p.Code, p.Header().Get("Location"))
		} else if p.Body.Len() > 200 || strings.Contains(p.Body.String(), "Checkout") {
			t.Errorf("%s without a key says %s", path, p.Body)
		}
	}
	b.get("/sign-in").must(http.StatusOK).sound()
	if p := b.signIn("wrong-key-wrong-key", "", "/"); p.Code != http.StatusUnprocessableEntity || strings.Contains(p.Body.String(), "wrong-key") {
		t.Errorf("a wrong key: %d, and whether it is repeated: %v", p.Code, strings.Contains(p.Body.String(), "wrong-key"))
	}
	if p := b.signIn(readKey, "ada", "/experiments/x?run=1"); p.Code != http.StatusSeeOther || p.Header().Get("Location") != "/experiments/x?run=1" {
		t.Fatalf("signed in: %d to %q", p.Code, p.Header().Get("Location"))
	}
	p := b.get("/experiments/x").must(http.StatusOK)
	if !strings.Contains(p.text(p.one("header")), "ada") || strings.Contains(p.Body.String(), "popovertarget=\"do-") {
		t.Errorf("a reader sees %s", p.text(p.one("main")))
	}
	for _, path := range []string{"/experiments/new", "/experiments/x/edit", "/experiments/x/do/stop"} {
		b.get(path).must(http.StatusForbidden).sound()
		b.do(http.MethodPost, path, url.Values{}).must(http.StatusForbidden)
	}
	b.signIn(adminKey, "grace", "/")
	b.get("/experiments/x/do/stop").must(http.StatusOK)
	b.submit("/", "/sign-out", nil)
	if p := b.get("/experiments/x"); p.Code != http.StatusSeeOther {
		t.Errorf("signed out: %d", p.Code)
	}
}

func TestTheCookieHoldsNoKeyAndEnds(t *testing.T) {
	w := open(t, locked)
	b := w.browser()
	p := b.signIn(adminKey, "ada", "/")
	c := p.Result().Cookies()[0]
	if c.Name != "tracklayer_session" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure || c.Path != "/" || strings.Contains(c.Value, adminKey) || len(c.Value) < 40 {
		t.Errorf("cookie %v", c)
	}
	v := b.get("/sign-in").form("/sign-in")
	v.Set("key", adminKey)
	if c := b.do(http.MethodPost, "/sign-in", v, "X-Forwarded-Proto", "https").Result().Cookies()[0]; !c.Secure {
		t.Errorf("over TLS: %v", c)
	}
	b.get("/experiments").must(http.StatusOK)
	w.now = w.now.Add(12*time.Hour + time.Second)
	if p := b.get("/experiments"); p.Code != http.StatusSeeOther {
		t.Errorf("after 12 hours: %d", p.Code)
	}
	b.jar["tracklayer_session"] = strings.Repeat("A", 52)
	if p := b.get("/experiments"); p.Code != http.StatusSeeOther {
		t.Errorf("a made-up session: %d", p.Code)
	}
}

func TestSessionsAreBounded(t *testing.T) {
	w := open(t, locked)
	first := w.browser()
	first.signIn(adminKey, "first", "/")
	for i := range 1000 {
		w.now = w.now.Add(time.Millisecond)
		b := w.browser()
		b.signIn(readKey, fmt.Sprint(i), "/")
	}
	if p := first.get("/experiments"); p.Code != http.StatusSeeOther {
		t.Errorf("the first of 1,001 sessions is still there: %d", p.Code)
	}
}

func TestSignInLeadsNowhereElse(t *testing.T) {
	w := open(t, locked)
	for _, next := range []string{"https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "\t//evil.example", "/a\n/b", "http:evil", ""} {
		if p := w.browser().signIn(readKey, "", next); p.Header().Get("Location") != "/experiments" {
			t.Errorf("next=%q leads to %q", next, p.Header().Get("Location"))
		}
	}
}

// What changes something must come from a form that this very session was given.
func TestFormsOfOthersDoNothing(t *testing.T) {
	w := open(t, locked)
	w.declare("", checkout("x", ""))
	b, other := w.browser(), w.browser()
	b.signIn(adminKey, "ada", "/")
	other.signIn(adminKey, "eve", "/")
	form := b.get("/experiments/x/do/stop").form("/experiments/x/do/stop")
	token := form.Get("token")
	theirs := other.get("/experiments/x/do/stop").form("/experiments/x/do/stop").Get("token")
	if token == theirs || token == "" {
		t.Fatal("two sessions have one token")
	}
	for name, c := range map[string]struct {
		token   string
		headers []string
	}{
		"no token":             {"", nil},
		"another's":            {theirs, nil},
		"cut":                  {token[1:], nil},
		"a page of elsewhere":  {token, []string{"Sec-Fetch-Site", "cross-site"}},
		"an origin of another": {token, []string{"Origin", "https://evil.example"}},
	} {
		form.Set("token", c.token)
		if p := b.do(http.MethodPost, "/experiments/x/do/stop", form, c.headers...); p.Code != http.StatusForbidden {
			t.Errorf("%s: %d", name, p.Code)
		}
	}
	if x, _ := w.View().Registry.Get("x"); x.Revision != 1 {
		t.Errorf("revision %d: something was done", x.Revision)
	}
	form.Set("token", token)
	b.do(http.MethodPost, "/experiments/x/do/stop", form, "Sec-Fetch-Site", "same-origin", "Origin", "http://127.0.0.1:8080").must(http.StatusSeeOther)
	if p := b.do(http.MethodPost, "/experiments/x/do/stop", nil); p.Code != http.StatusForbidden {
		t.Errorf("without a form: %d", p.Code)
	}
}

func TestWithoutKeysOnlyThisMachineActs(t *testing.T) {
	w := open(t)
	w.declare("", checkout("x", ""))
	b := w.browser()
	for _, host := range []string{"127.0.0.1:8080", "localhost:8080", "[::1]:8080", "LOCALHOST"} {
		b.get("/experiments/x/do/stop", "Host", host).must(http.StatusOK)
	}
	for _, host := range []string{"evil.example:8080", "127.0.0.1.evil.example", "metrics.example.com", "localhost.evil.example"} {
		b.get("/experiments/x/do/stop", "Host", host).must(http.StatusForbidden)
		b.get("/experiments/x", "Host", host).must(http.StatusOK)
	}
	form := w.browser().get("/experiments/x/do/stop").form("/experiments/x/do/stop")
	b.do(http.MethodPost, "/experiments/x/do/stop", form).must(http.StatusForbidden) // the token hangs on a cookie
}

func TestAProxySaysWhoItIs(t *testing.T) {
	w := open(t, locked, func(o *pages.Options) {
		o.Proxy = pages.Proxy{Header: "X-Forwarded-User", From: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Editors: []string{"ada@example.com"}}
	})
	w.declare("", checkout("x", ""))
	b := w.browser()
	if p := b.get("/experiments/x", "X-Forwarded-User", "ada@example.com", "From", "192.0.2.1:5"); p.Code != http.StatusSeeOther {
		t.Errorf("from elsewhere: %d", p.Code)
	}
	if p := b.get("/experiments/x", "From", "10.1.2.3:5"); p.Code != http.StatusSeeOther {
		t.Errorf("without a name: %d", p.Code)
	}
	p := b.get("/experiments/x", "X-Forwarded-User", "bob@example.com", "From", "10.1.2.3:5").must(http.StatusOK)
	if !strings.Contains(p.text(p.one("header")), "bob@example.com") {
		t.Errorf("header %s", p.text(p.one("header")))
	}
	b.get("/experiments/x/do/stop", "X-Forwarded-User", "bob@example.com", "From", "10.1.2.3:5").must(http.StatusForbidden)
	ada := []string{"X-Forwarded-User", "ada@example.com", "From", "[::ffff:10.1.2.3]:5"}
	form := b.get("/experiments/x/do/stop", ada...).must(http.StatusOK).form("/experiments/x/do/stop")
	form.Set("by", "somebody else")
	b.do(http.MethodPost, "/experiments/x/do/stop", form, ada...).must(http.StatusSeeOther)
	if x, _ := w.View().Registry.Get("x"); x.By != "ada@example.com" {
		t.Errorf("stopped by %q", x.By)
	}
}
