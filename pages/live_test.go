package pages_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/pages"
)

// listen opens what an open page listens to, and gives what it hears line by line. Lines ends with the stream.
func listen(ctx context.Context, t *testing.T, server *httptest.Server, path string) (lines chan string) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if a.StatusCode != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("%s: %d %s", path, a.StatusCode, a.Header.Get("Content-Type"))
	}
	lines = make(chan string, 100)
	go func() {
		defer a.Body.Close()
		defer close(lines)
		for s := bufio.NewScanner(a.Body); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return lines
}

// version waits for the next version that is told.
func version(t *testing.T, lines chan string) string {
	t.Helper()
	for line := range lines {
		if v, ok := strings.CutPrefix(line, "data: "); ok {
			return v
		}
	}
	t.Fatal("the stream ended")
	return ""
}

func (b *browser) version(path string) string {
	p := b.get(path).must(http.StatusOK)
	v, _ := attribute(p.one("main"), "data-version")
	return v
}

// An open page hears of every change of what it shows, and of nothing else.
func TestAnOpenPageHearsOfChanges(t *testing.T) {
	w := open(t)
	w.declare("", checkout("x", ""))
	w.send(traffic("x", 2, 40, []string{"control", "b"}, []int{5, 4})...)
	w.doors.list = []pages.Source{{Name: "api"}}
	server := httptest.NewServer(w.pages)
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b := w.browser()
	for path, page := range map[string]string{"/experiments/x/live": "/experiments/x", "/experiments/live": "/experiments", "/sources/live": "/sources", "/live": "/"} {
		lines := listen(ctx, t, server, path)
		if got, want := version(t, lines), b.version(page); got != want {
			t.Errorf("%s tells %q, the page is %q", path, got, want)
		}
		w.send(exposed("x", "more "+path, "b", 2*day))
		if got, want := version(t, lines), b.version(page); got != want {
			t.Errorf("%s tells %q after an event, the page is %q", path, got, want)
		}
	}
	lines := listen(ctx, t, server, "/experiments/x/live")
	first := version(t, lines)
	w.send(exposed("y", "elsewhere", "b", 0)) // earlier than all: it moves no window
	w.send(exposed("x", "one more", "b", 2*day))
	if got := version(t, lines); got == first || got != b.version("/experiments/x") {
		t.Errorf("another experiment was heard of: %q after %q", got, first)
	}
}

func TestAnOpenPageHearsThatNothingIsNew(t *testing.T) {
	w := open(t, func(o *pages.Options) { o.Beat = time.Millisecond })
	w.declare("", checkout("x", ""))
	server := httptest.NewServer(w.pages)
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	lines := listen(ctx, t, server, "/experiments/x/live")
	for line := range lines {
		if line == ": still here" {
			return
		}
	}
	t.Fatal("the stream ended")
}

// Open pages are bounded, make room when they leave, and do not keep a server from shutting down.
func TestOpenPagesAreBoundedAndEnd(t *testing.T) {
	w := open(t)
	w.declare("", checkout("x", ""))
	server := httptest.NewServer(w.pages)
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	leaving, leave := context.WithCancel(ctx)
	for i := range 256 {
		with := ctx
		if i == 0 {
			with = leaving
		}
		version(t, listen(with, t, server, "/experiments/x/live"))
	}
	if p := w.browser().get("/experiments/x/live"); p.Code != http.StatusServiceUnavailable {
		t.Errorf("the 257th: %d", p.Code)
	}
	leave()
	for { // it takes a moment until the server knows
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/experiments/x/live", nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if a.StatusCode == http.StatusOK {
			break
		}
		a.Body.Close()
	}
	w.pages.Close()
	w.pages.Close() // twice does no harm
	if p := w.browser().get("/experiments/x/live"); p.Code != http.StatusServiceUnavailable {
		t.Errorf("after the end: %d", p.Code)
	}
	server.CloseClientConnections()
}

func TestNobodyListensToWhatIsNotThere(t *testing.T) {
	w := open(t)
	for _, path := range []string{"/experiments/none/live", "/experiments/none/live?run=1"} {
		w.browser().get(path).must(http.StatusNotFound)
	}
	w.declare("", checkout("x", ""))
	w.browser().get("/experiments/x/live?run=9").must(http.StatusOK) // ends at once: there is no such run to tell of
	if got := fmt.Sprint(w.browser().get("/assets/none.js").Code); got != "404" {
		t.Errorf("an asset that is not there: %s", got)
	}
}
