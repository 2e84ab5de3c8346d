package pages_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/pages"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/store"
	"github.com/tracklayer/tracklayer/web"
)

const (
	start = canonical.Time(1795132800000) // 2026-11-20T00:00:00Z
	day   = 24 * time.Hour
)

var errChanged = errors.New("changed in between")

// world is a log in memory with a real fold, the real API, and the pages in front.
type world struct {
	*core.Fold
	t     testing.TB
	pages *pages.Pages
	api   http.Handler
	doors *doors
	now   time.Time

	mu     sync.Mutex
	seq    uint64
	newest map[string]uint64 // sequence of each experiment's change
}

func open(t testing.TB, edit ...func(*pages.Options)) *world {
	t.Helper()
	db, err := store.Open("state", store.Options{Cache: 1 << 20, MemTable: 1 << 20, Disk: store.NewDisk()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{t: t, newest: map[string]uint64{}, now: start.Add(30 * day).Time(), doors: &doors{}}
	if w.Fold, err = core.Open(db); err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return w.now }
	w.api = web.New(web.Options{State: w, Registry: w, Code: "test", Now: now, Changed: func(err error) bool { return errors.Is(err, errChanged) }}).Inside()
	o := pages.Options{State: w, API: w.api, Sources: w.doors, Code: "test", Now: now}
	for _, e := range edit {
		e(&o)
	}
	w.pages = pages.New(o)
	t.Cleanup(w.pages.Close)
	return w
}

// PublishFilters implements web.Publisher.
func (w *world) PublishFilters(ctx context.Context, after uint64, data []byte) (uint64, error) {
	return w.PublishDefinition(ctx, "\x00filters", after, data)
}

// PublishDefinition implements web.Publisher.
func (w *world) PublishDefinition(_ context.Context, experiment string, after uint64, data []byte) (uint64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.newest[experiment] != after {
		return 0, fmt.Errorf("%q: %w", experiment, errChanged)
	}
	w.seq++
	w.newest[experiment] = w.seq
	return w.seq, w.Apply([]canonical.Record{{Seq: w.seq, Definition: data}})
}

// PublishArchive implements web.Publisher.
func (w *world) PublishArchive(ctx context.Context, name string, after uint64, data []byte) (uint64, error) {
	return w.PublishDefinition(ctx, "\x00archive "+name, after, data)
}

// PublishReadout implements web.Publisher.
func (w *world) PublishReadout(_ context.Context, _ string, data []byte) (uint64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seq++
	return w.seq, w.Apply([]canonical.Record{{Seq: w.seq, Readout: data}})
}

// send puts events on the log and into the fold.
func (w *world) send(events ...canonical.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var records []canonical.Record
	for _, e := range events {
		w.seq++
		if e.ID == "" {
			e.ID = fmt.Sprint("e", w.seq)
		}
		e.Source, e.SchemaVersion = "api", 1
		if e.ReceivedAt == 0 {
			e.ReceivedAt = e.At
		}
		records = append(records, canonical.Record{Seq: w.seq, Event: e})
	}
	if err := w.Apply(records); err != nil {
		w.t.Error(err)
	}
}

// reject applies a record of items that are not counted.
func (w *world) reject(r *canonical.Rejected) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seq++
	if err := w.Apply([]canonical.Record{{Seq: w.seq, Rejected: r}}); err != nil {
		w.t.Error(err)
	}
}

func exposed(experiment, user, variant string, after time.Duration) canonical.Event {
	return canonical.Event{Kind: canonical.Exposed, ExperimentID: experiment, UserID: user, Variant: variant, At: start.Add(after)}
}

func purchased(user string, after time.Duration) canonical.Event {
	return canonical.Event{Kind: canonical.Converted, ConversionEvent: "purchase", UserID: user, At: start.Add(after)}
}

// traffic is n persons in turn in each of the variants, day by day, of whom one in every[i] buys.
func traffic(experiment string, days, n int, variants []string, every []int) []canonical.Event {
	var all []canonical.Event
	for d := range days {
		for i := range n {
			k, user := i%len(variants), fmt.Sprintf("%s-%d-%d", experiment, d, i)
			at := time.Duration(d)*day + time.Duration(i)*time.Second
			all = append(all, exposed(experiment, user, variants[k], at))
			if i/len(variants)%every[k] == 0 {
				all = append(all, purchased(user, at+time.Hour))
			}
		}
	}
	return all
}

// declare asks the API; a step of an experiment where a path is given.
func (w *world) declare(path, body string) {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/v1/experiments"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	a := httptest.NewRecorder()
	w.api.ServeHTTP(a, r)
	if a.Code >= 400 {
		w.t.Fatalf("%s: %d %s", path, a.Code, a.Body)
	}
}

// checkout is a definition with all that its readers may need.
func checkout(id, more string) string {
	return fmt.Sprintf(`{"id":%q,"name":"Checkout headline","owner":"growth@example.com","variants":[{"key":"control"},{"key":"b"}],"control":"control",
 "metrics":[{"id":"purchase","role":"primary","type":"proportion","event":"purchase","window":"24h"},{"id":"revenue","role":"secondary","type":"sum","event":"purchase","field":"value"}],
 "decision":{"min_units_per_variant":100,"min_days":7}%s}`, id, more)
}

// browser asks for pages and keeps cookies.
type browser struct {
	*world
	jar map[string]string
}

func (w *world) browser() *browser { return &browser{w, map[string]string{}} }

// page is an answer, parsed.
type page struct {
	*httptest.ResponseRecorder
	t    testing.TB
	root *html.Node
}

func (b *browser) do(method, target string, form url.Values, headers ...string) page {
	b.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, "http://127.0.0.1:8080"+target, body)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range b.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		if headers[i] == "From" {
			r.RemoteAddr = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	p := page{ResponseRecorder: httptest.NewRecorder(), t: b.t}
	b.pages.ServeHTTP(p, r)
	for _, c := range p.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.jar, c.Name)
		} else {
			b.jar[c.Name] = c.Value
		}
	}
	var err error
	if p.root, err = html.Parse(strings.NewReader(p.Body.String())); err != nil {
		b.t.Fatal(err)
	}
	return p
}

func (b *browser) get(target string, headers ...string) page {
	b.t.Helper()
	return b.do(http.MethodGet, target, nil, headers...)
}

// must be of that status.
func (p page) must(status int) page {
	p.t.Helper()
	if p.Code != status {
		p.t.Fatalf("%d, want %d: %s", p.Code, status, p.text(p.one("main")))
	}
	return p
}

// all are the elements that fit a test.
func (p page) all(fits func(*html.Node) bool) (found []*html.Node) {
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && fits(n) {
			found = append(found, n)
		}
	}
	return found
}

func (p page) named(name string) []*html.Node {
	return p.all(func(n *html.Node) bool { return n.Data == name })
}

func (p page) one(name string) *html.Node {
	if found := p.named(name); len(found) > 0 {
		return found[0]
	}
	return nil
}

// with is the first element that has the attribute, with the value unless that is "*".
func (p page) with(name, value string) *html.Node {
	found := p.all(func(n *html.Node) bool {
		v, ok := attribute(n, name)
		return ok && (value == "*" || v == value)
	})
	if len(found) == 0 {
		p.t.Helper()
		p.t.Fatalf("no element has %s=%q", name, value)
	}
	return found[0]
}

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// text is what is written in an element, spaces folded.
func (p page) text(n *html.Node) string {
	if n == nil {
		return ""
	}
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(strings.ReplaceAll(b.String(), "\u00a0", " ")), " ")
}

// form is what a form would send, by its action.
func (p page) form(action string) url.Values {
	p.t.Helper()
	for _, f := range p.named("form") {
		if a, _ := attribute(f, "action"); a != action {
			continue
		}
		v := url.Values{}
		for n := range f.Descendants() {
			name, named := attribute(n, "name")
			if n.Type != html.ElementNode || !named {
				continue
			}
			kind, _ := attribute(n, "type")
			value, _ := attribute(n, "value")
			_, checked := attribute(n, "checked")
			switch {
			case n.Data == "input" && (kind != "radio" || checked):
				v.Set(name, value)
			case n.Data == "textarea":
				v.Set(name, p.text(n))
			case n.Data == "select":
				v.Set(name, p.selected(n))
			}
		}
		return v
	}
	p.t.Fatalf("there is no form for %s", action)
	return nil
}

func (p page) selected(n *html.Node) (value string) {
	for i, o := range children(n, "option") {
		v, _ := attribute(o, "value")
		if _, chosen := attribute(o, "selected"); chosen || i == 0 {
			value = v
		}
	}
	return value
}

func children(n *html.Node, name string) (all []*html.Node) {
	for c := range n.Descendants() {
		if c.Type == html.ElementNode && c.Data == name {
			all = append(all, c)
		}
	}
	return all
}

// submit opens a page, fills a form of it in, and sends it.
func (b *browser) submit(at, action string, fill map[string]string) page {
	b.t.Helper()
	v := b.get(at).must(http.StatusOK).form(action)
	for name, value := range fill {
		v.Set(name, value)
	}
	return b.do(http.MethodPost, action, v)
}

// doors are what a test says of the sources.
type doors struct {
	mu      sync.Mutex
	list    []pages.Source
	letters []canonical.DeadLetter
	mended  bool
}

// Sources implements pages.Sources.
func (d *doors) Sources() []pages.Source {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]pages.Source(nil), d.list...)
}

// Letters implements pages.Sources.
func (d *doors) Letters(_ context.Context, source string, after uint64, limit int) ([]canonical.DeadLetter, error) {
	var all []canonical.DeadLetter
	for _, l := range d.letters {
		if (source == "" || l.Source == source) && l.Seq > after && len(all) < limit {
			all = append(all, l)
		}
	}
	return all, nil
}

// Letter implements pages.Sources.
func (d *doors) Letter(_ context.Context, seq uint64) (canonical.DeadLetter, error) {
	for _, l := range d.letters {
		if l.Seq == seq {
			return l, nil
		}
	}
	return canonical.DeadLetter{}, problem.NotFound("no dead letter has that number")
}

// Replay implements pages.Sources.
func (d *doors) Replay(context.Context, uint64) (pages.Replayed, error) {
	if !d.mended {
		return pages.Replayed{}, fmt.Errorf("%w: it is still no JSON", problem.ErrInvalid)
	}
	return pages.Replayed{Accepted: 2}, nil
}
