package pages_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/tracklayer/tracklayer/pages"
)

// listed are the experiments that a list shows.
func (p page) listed() string {
	var ids []string
	for _, row := range p.all(func(n *html.Node) bool { return n.Data == "tr" }) {
		if id, ok := attribute(row, "data-experiment"); ok {
			ids = append(ids, id)
		}
	}
	return strings.Join(ids, " ")
}

// TestArchive: an experiment, declared or not, is hidden from the list by a form of its page, and shown again by another.
func TestArchive(t *testing.T) {
	w := open(t)
	w.declare("", checkout("checkout", ""))
	w.send(exposed("checkout", "u1", "control", day), exposed("junk/1 <b>", "u2", "a", day))
	b := w.browser()
	for _, c := range []struct{ id, path string }{{"checkout", "/experiments/checkout"}, {"junk/1 <b>", "/experiments/" + url.PathEscape("junk/1 <b>")}} {
		form := c.path + "/do/archive"
		b.get(form).must(http.StatusOK).sound()
		if p := b.submit(c.path, form, map[string]string{"by": ""}); p.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s without a name: %d", c.id, p.Code)
		}
		if p := b.submit(c.path, form, map[string]string{"by": "ada"}); p.Code != http.StatusSeeOther || p.Header().Get("Location") != c.path {
			t.Fatalf("archive %s: %d to %q", c.id, p.Code, p.Header().Get("Location"))
		}
		if one := w.View().Registry.Archived(c.id); one == nil || one.By != "ada" {
			t.Fatalf("%s is not archived: %+v", c.id, one)
		}
		p := b.get(c.path).must(http.StatusOK)
		p.sound()
		p.with("id", "archived")
		if got := b.get("/experiments").listed(); strings.Contains(got, c.id) {
			t.Errorf("the list still shows %q", got)
		}
	}
	p := b.get("/experiments?archived=true").must(http.StatusOK)
	p.sound()
	if got := p.listed(); got != "checkout junk/1 <b>" {
		t.Errorf("archived: %q", got)
	}
	if got := b.get("/experiments?archived=true&q=JUNK").listed(); got != "junk/1 <b>" {
		t.Errorf("archived that fit a search: %q", got)
	}
	b.get("/experiments").with("href", "/experiments?archived=true")
	b.submit("/experiments/checkout", "/experiments/checkout/do/unarchive", map[string]string{"by": "ada"}).must(http.StatusSeeOther)
	if got := b.get("/experiments").listed(); got != "checkout" {
		t.Errorf("after it is shown again: %q", got)
	}
	b.get("/experiments?archived=true&q=nothing").must(http.StatusOK).sound()
	b.get("/experiments/none/do/archive").must(http.StatusNotFound)
}

// TestManyArchivedArePaged: the list of archived experiments goes on where a page ends.
func TestManyArchivedArePaged(t *testing.T) {
	w := open(t)
	for i := range 250 {
		w.send(exposed(fmt.Sprintf("junk-%03d", i), "u", "a", day))
	}
	w.declare("/junk-/archive", `{"by":"ada","prefix":true}`)
	b := w.browser()
	p := b.get("/experiments?archived=true").must(http.StatusOK)
	more, _ := attribute(p.with("rel", "next"), "href")
	rest := b.get(more).must(http.StatusOK)
	if first, last := strings.Fields(p.listed()), strings.Fields(rest.listed()); len(first) != 200 || len(last) != 50 || last[0] != "junk-200" {
		t.Errorf("%d and %d lines, %v", len(first), len(last), last)
	}
}

// TestOnlyEditorsArchive: a reader sees no button and is refused, and so is a form without its token.
func TestOnlyEditorsArchive(t *testing.T) {
	w := open(t, locked)
	w.send(exposed("junk", "u", "a", day))
	b := w.browser()
	b.signIn(readKey, "ada", "/")
	if p := b.get("/experiments/junk").must(http.StatusOK); strings.Contains(p.Body.String(), "do-archive") {
		t.Error("a reader sees the button")
	}
	b.do(http.MethodPost, "/experiments/junk/do/archive", url.Values{"by": {"ada"}}).must(http.StatusForbidden)
	b.signIn(adminKey, "grace", "/")
	b.do(http.MethodPost, "/experiments/junk/do/archive", url.Values{"by": {"grace"}}).must(http.StatusForbidden)
	if w.View().Registry.Archived("junk") != nil {
		t.Fatal("archived without the right to")
	}
	b.submit("/experiments/junk", "/experiments/junk/do/archive", map[string]string{"by": "grace"}).must(http.StatusSeeOther)
	if w.View().Registry.Archived("junk") == nil {
		t.Error("an editor cannot archive")
	}
}

// TestWarnings: every page says what is wrong to those who may read, as text, and nothing while nothing is wrong.
func TestWarnings(t *testing.T) {
	var notes []string
	w := open(t, locked, func(o *pages.Options) { o.Warnings = func() []string { return notes } })
	w.declare("", checkout("x", ""))
	w.send(exposed("x", "u", "control", day))
	b := w.browser()
	b.signIn(adminKey, "ada", "/")
	paths := []string{"/", "/experiments", "/experiments/new", "/experiments/x", "/experiments/x/edit", "/experiments/x/do/stop", "/experiments/x/rows", "/experiments/none", "/units", "/units/user/u", "/sources", "/sign-in"}
	for _, path := range paths {
		p := b.get(path)
		if at := p.with("id", "warnings"); p.text(at) != "" {
			t.Errorf("%s: %s", path, p.text(at))
		}
	}
	notes = []string{"Disk full: <script>1</script> free some.", "Records are missing."}
	for _, path := range paths {
		p := b.get(path)
		p.sound()
		at := p.with("id", "warnings")
		if role, _ := attribute(at, "role"); role != "status" || p.text(at) != "Disk full: <script>1</script> free some. Records are missing." && p.text(at) != "Disk full: <script>1</script> free some.Records are missing." {
			t.Errorf("%s: role %q, %s", path, role, p.text(at))
		}
		if len(children(at, "script")) != 0 {
			t.Errorf("%s: a note is markup", path)
		}
	}
	if p := w.browser().get("/sign-in").must(http.StatusOK); strings.Contains(p.Body.String(), "Disk full") {
		t.Error("a stranger reads the notes")
	}
}
