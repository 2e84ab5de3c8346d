package app

import (
	"bufio"
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/pages"
)

// body reads a page as one text.
func (v visit) body(method, path string, form url.Values) (int, string) {
	v.t.Helper()
	r, err := http.NewRequest(method, "http://"+v.p.Addr()+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	var b strings.Builder
	if _, err := bufio.NewReader(resp.Body).WriteTo(&b); err != nil {
		v.t.Fatal(err)
	}
	return resp.StatusCode, html.UnescapeString(b.String())
}

// visit is somebody with a browser.
type visit struct {
	t      *testing.T
	p      *Program
	client *http.Client
}

func newVisit(t *testing.T, p *Program) visit {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return visit{t, p, &http.Client{Jar: jar}}
}

var tokenField = regexp.MustCompile(`name="token" value="([^"]+)"`)

func (v visit) token(path string) string {
	v.t.Helper()
	_, text := v.body(http.MethodGet, path, nil)
	found := tokenField.FindStringSubmatch(text)
	if found == nil {
		v.t.Fatalf("%s has no form: %s", path, text)
	}
	return found[1]
}

// TestPagesOfTheProgram: what comes in at a real door is seen on the pages, and a dead letter can be tried again there.
func TestPagesOfTheProgram(t *testing.T) {
	p := begin(t, t.TempDir())
	defer stop(t, p)
	v := newVisit(t, p)
	for _, path := range []string{"/", "/experiments", "/experiments/new", "/units", "/sources"} {
		if status, text := v.body(http.MethodGet, path, nil); status != http.StatusOK || !strings.Contains(text, "</html>") {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, _ := v.body(http.MethodGet, "/nothing", nil); status != http.StatusNotFound {
		t.Errorf("nothing: %d", status)
	}
	resp, err := http.Post("http://"+p.Addr()+"/webhooks/growthbook", "application/json", strings.NewReader(`{"broken":`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	_, text := v.body(http.MethodGet, "/sources", nil)
	source := text[strings.Index(text, `id="source-growthbook"`):]
	source = source[:strings.Index(source, "</section>")]
	if !strings.Contains(source, "1 since the start") || !strings.Contains(source, "http://"+p.Addr()+"/webhooks/growthbook") {
		t.Errorf("source: %s", source)
	}
	letter := regexp.MustCompile(`/sources/letters/\d+`).FindString(text)
	if letter == "" {
		t.Fatalf("no dead letter is listed: %s", text[strings.Index(text, `id="letters"`):])
	}
	if _, text := v.body(http.MethodGet, letter, nil); !strings.Contains(text, `{"broken":`) {
		t.Errorf("the letter: %s", text)
	}
	if status, text := v.body(http.MethodPost, letter, url.Values{"token": {v.token(letter)}}); status != http.StatusUnprocessableEntity || !strings.Contains(text, "Replay failed") {
		t.Errorf("tried again: %d %s", status, text)
	}
}

// TestOpenPagesDoNotHoldUpTheEnd: a page that listens for ever lets the program stop.
func TestOpenPagesDoNotHoldUpTheEnd(t *testing.T) {
	p := begin(t, t.TempDir())
	resp, err := http.Get("http://" + p.Addr() + "/experiments/live")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || lines.Text() != "event: version" {
		t.Fatalf("heard %q", lines.Text())
	}
	stop(t, p) // fails where it is cut off
	for lines.Scan() {
	}
}

// TestKeysOfTheProgram: keys of the configuration open the pages.
func TestKeysOfTheProgram(t *testing.T) {
	p := begin(t, t.TempDir(), "TRACKLAYER_KEYS_READ=read-key-of-many-bytes", "TRACKLAYER_KEYS_ADMIN=admin-key-of-many-bytes")
	defer stop(t, p)
	v := newVisit(t, p)
	if _, text := v.body(http.MethodGet, "/experiments", nil); !strings.Contains(text, "<h1>Sign in</h1>") {
		t.Errorf("without a key: %s", text)
	}
	if _, text := v.body(http.MethodPost, "/sign-in", url.Values{"token": {v.token("/sign-in")}, "key": {"read-key-of-many-bytes"}}); !strings.Contains(text, "<h1>Experiments</h1>") || strings.Contains(text, "New experiment") {
		t.Errorf("with a read key: %s", text)
	}
	if _, text := v.body(http.MethodPost, "/sign-in", url.Values{"token": {v.token("/sign-in")}, "key": {"admin-key-of-many-bytes"}}); !strings.Contains(text, "New experiment") {
		t.Errorf("with an admin key: %s", text)
	}
}

func TestPulses(t *testing.T) {
	now := time.Unix(60*1000, 0)
	p := &pulses{now: func() time.Time { return now }, by: map[string]*pulse{ownSource: {}, "ld": {vendor: "launchdarkly"}}}
	beat := func(status int) { p.beat("ld", status) }
	beat(202)
	beat(400)
	now = now.Add(59 * time.Minute)
	beat(200)
	p.beat("stranger", 200)
	all := p.all(now)
	if len(all) != 2 || all[0].Name != ownSource || all[1].Requests != 3 || len(all[1].Refused) != 1 || all[1].Refused[400] != 1 || !all[1].Last.Equal(now) || all[1].LastStatus != 200 {
		t.Fatalf("%+v", all)
	}
	if m := all[1].ByMinute; m[0] != 2 || m[pages.Minutes-1] != 1 {
		t.Errorf("minutes %v", m)
	}
	if m := p.all(now.Add(time.Minute))[1].ByMinute; m[0] != 0 || m[pages.Minutes-2] != 1 {
		t.Errorf("a minute later %v", m)
	}
	if m := p.all(now.Add(3 * time.Hour))[1].ByMinute; m != [pages.Minutes]int64{} {
		t.Errorf("hours later %v", m)
	}
	for path, want := range map[string]string{
		"/v1/events": "api", "/webhooks/ld": "ld", "/webhooks/ld/bulk": "ld", "/v1/experiments": "", "/webhooks/": "", "/": "",
	} {
		if got := doorOf(path); got != want {
			t.Errorf("%s is %q", path, got)
		}
	}
}
