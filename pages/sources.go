package pages

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/ledger"
	"github.com/tracklayer/tracklayer/problem"
)

// Minutes is how many minutes back a Source's requests are counted.
const Minutes = 60

// Source is a configured connection and its traffic since the program started.
type Source struct {
	Name, Vendor string    // Vendor "": our own clients
	Snippets     []Snippet // lines to paste, of the vendor
	Requests     int64
	Refused      map[int]int64 // requests that were answered with 400 or more, by status
	Last         time.Time
	LastStatus   int
	ByMinute     [Minutes]int64 // requests, the oldest minute first
}

// Replayed is the outcome of a replay of a dead letter.
type Replayed struct {
	Accepted, Rejected int
	Reasons            []string
}

// Sources reports on the ingest endpoints. An error of a dead letter that is not there wraps problem.ErrNotFound, of one
// that still cannot be read problem.ErrInvalid.
type Sources interface {
	Sources() []Source
	// Letters are dead letters with a number above after in order, at most limit, of one source or, if it is "", of all.
	Letters(ctx context.Context, source string, after uint64, limit int) ([]canonical.DeadLetter, error)
	Letter(ctx context.Context, seq uint64) (canonical.DeadLetter, error)
	// Replay decodes a dead letter again, and removes it if nothing of it is rejected.
	Replay(ctx context.Context, seq uint64) (Replayed, error)
}

const (
	shownLetters = 50
	shownRequest = 64 << 10 // bytes
)

// sourcesPage is all sources.
type sourcesPage struct {
	frame
	Sources []sourceView
	Letters []canonical.DeadLetter
	Of      string // the source whose dead letters are listed; "": all
	Next    string // the path of the next ones; "": none
	Known   bool   // events are received in this process
	Keys    bool   // senders may have to show a key
}

// refusals says how many requests were refused, by what was wrong with them.
func refusals(by map[int]int64) string {
	var all []string
	for _, status := range slices.Sorted(maps.Keys(by)) {
		why := map[int]string{
			http.StatusBadRequest: "could not be read", http.StatusUnauthorized: "not authorized", http.StatusForbidden: "not authorized",
			http.StatusRequestEntityTooLarge: "too large", http.StatusUnsupportedMediaType: "unsupported content type", http.StatusUnprocessableEntity: "no countable event",
			http.StatusServiceUnavailable: "could not be stored",
		}[status]
		if why == "" {
			why = "status " + strconv.Itoa(status)
		}
		all = append(all, whole(by[status])+" "+why)
	}
	return strings.Join(all, ", ")
}

// sourceView is one source.
type sourceView struct {
	Source
	ID, URL            string
	Ago, At            string
	Pulse              template.HTML
	Recent             int64 // requests of the last hour
	Events             ledgerLine
	Rejected, Ignored  int64
	Erased             int64
	Reasons            []ledger.Reason // why items were rejected or ignored, the most frequent first
	OtherReasons       int64           // items of reasons that are not shown
	LastDay, LettersAt string
}

// sourcePages are the page of all sources, its updates, and the dead letters.
type sourcePages struct{ *site }

func (p *sourcePages) sources(q *request) error {
	page, err := p.sourcesPage(q)
	if err != nil {
		return err
	}
	page.Live = "/sources/live"
	if page.Version, err = p.sourcesVersion(); err != nil {
		return err
	}
	return p.show(q, http.StatusOK, "sources", page)
}

func (p *sourcePages) sourcesPage(q *request) (*sourcesPage, error) {
	page := &sourcesPage{frame: p.frame(q, "Sources"), Of: q.URL.Query().Get("source"), Known: p.opts.Sources != nil, Keys: p.opts.WriteKey != nil}
	by, err := p.ledgerBySource()
	if err != nil || p.opts.Sources == nil {
		return page, err
	}
	for _, s := range p.opts.Sources.Sources() {
		page.Sources = append(page.Sources, p.sourceView(q, s, by[s.Name]))
	}
	var after uint64
	if text := q.URL.Query().Get("after"); text != "" {
		if after, err = strconv.ParseUint(text, 10, 64); err != nil {
			return nil, problem.BadRequest("after must be the number of a dead letter.")
		}
	}
	page.Letters, err = p.opts.Sources.Letters(q.Context(), page.Of, after, shownLetters)
	if n := len(page.Letters); n == shownLetters {
		v := url.Values{"after": {strconv.FormatUint(page.Letters[n-1].Seq, 10)}}
		if page.Of != "" {
			v.Set("source", page.Of)
		}
		page.Next = "/sources?" + v.Encode() + "#letters"
	}
	return page, err
}

func (p *sourcePages) sourceView(q *request, s Source, sums *sourceSums) sourceView {
	one := sourceView{Source: s, ID: "source-" + s.Name, URL: q.origin() + "/webhooks/" + url.PathEscape(s.Name), LettersAt: "/sources?source=" + url.QueryEscape(s.Name) + "#letters"}
	if s.Vendor == "" {
		one.URL = q.origin() + "/v1/events"
	}
	one.Snippets = filled(snippetsOf(s), q.origin(), one.URL, p.opts.Now())
	if !s.Last.IsZero() {
		one.Ago, one.At = ago(s.Last, p.opts.Now()), s.Last.UTC().Format("2 Jan 2006, 15:04:05")+" UTC"
	}
	for _, n := range s.ByMinute {
		one.Recent += n
	}
	one.Pulse = pulse(s.ByMinute[:])
	if sums != nil {
		one.Events, one.Rejected, one.Ignored, one.Erased, one.LastDay = sums.ledgerLine, sums.rejected, sums.ignored, sums.erased, sums.last
		one.Reasons, one.OtherReasons = sums.frequent()
	}
	return one
}

// sourcesVersion changes with every request at an ingest endpoint and every event counted.
func (p *sourcePages) sourcesVersion() (string, error) {
	var b strings.Builder
	fmt.Fprintln(&b, p.opts.State.View().Seq)
	if p.opts.Sources != nil {
		for _, s := range p.opts.Sources.Sources() {
			fmt.Fprintln(&b, s.Name, s.Requests, s.Last.UnixNano())
		}
	}
	return versionOf([]byte(b.String())), nil
}

func (p *sourcePages) sourcesLive(q *request) error {
	return p.listen(q, true, settle, func() (told, error) { return p.version("sources", settle, nil, p.sourcesVersion) })
}

// letterPage is one dead letter.
type letterPage struct {
	frame
	canonical.DeadLetter
	Text    string // of the request
	Binary  bool   // the request is no text, or not all of it is shown
	Result  *Replayed
	Failure string
}

func (p *sourcePages) letterPage(q *request) (*letterPage, error) {
	seq, err := strconv.ParseUint(q.PathValue("seq"), 10, 64)
	if err != nil || p.opts.Sources == nil {
		return nil, problem.NotFound("This dead letter does not exist.")
	}
	letter, err := p.opts.Sources.Letter(q.Context(), seq)
	if err != nil {
		return nil, err
	}
	page := &letterPage{frame: p.frame(q, "Dead letter "+strconv.FormatUint(seq, 10)), DeadLetter: letter}
	text := letter.Request[:min(len(letter.Request), shownRequest)]
	page.Binary = len(text) < len(letter.Request) || !utf8.Valid(text)
	page.Text = strings.ToValidUTF8(string(text), "�")
	return page, nil
}

func (p *sourcePages) letter(q *request) error {
	page, err := p.letterPage(q)
	if err != nil {
		return err
	}
	return p.show(q, http.StatusOK, "letter", page)
}

// replay replays a dead letter and shows the outcome.
func (p *sourcePages) replay(q *request) error {
	page, err := p.letterPage(q)
	if err != nil {
		return err
	}
	result, err := p.opts.Sources.Replay(q.Context(), page.Seq)
	status := http.StatusOK
	switch {
	case errors.Is(err, problem.ErrInvalid):
		page.Failure, status = err.Error(), http.StatusUnprocessableEntity
	case err != nil:
		return err
	default:
		result.Reasons = slices.Compact(result.Reasons)
		page.Result = &result
	}
	return p.show(q, status, "letter", page)
}
