package pages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/problem"
)

// answer is what the API said, kept in memory.
type answer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// headerFingerprint names the key that the visitor signed in with to the API, which keeps it with what is changed.
const headerFingerprint = "Tracklayer-Key-Fingerprint"

// call asks the API within the process. A refusal is an error, a problem.Problem as the API wrote it.
func (p *Pages) call(q *request, method, target string, body any, headers ...string) (*answer, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("ask the API: %w", err)
		}
	}
	r, err := http.NewRequestWithContext(q.Context(), method, target, bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("ask the API: %w", err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if q.visitor.key != "" {
		r.Header.Set(headerFingerprint, q.visitor.key)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a := &answer{header: http.Header{}}
	p.API.ServeHTTP(a, r)
	if a.status < http.StatusBadRequest {
		return a, nil
	}
	var said struct {
		Title, Detail, Instance string
		Errors                  []problem.FieldError
	}
	if err := json.Unmarshal(a.body.Bytes(), &said); err != nil {
		return nil, fmt.Errorf("the API answered %d with something else than a problem: %w", a.status, err)
	}
	return nil, problem.Problem{Status: a.status, Title: said.Title, Detail: said.Detail, Instance: said.Instance, Errors: said.Errors}
}

// apiPath is an experiment in the API, with more of the path behind it.
func apiPath(id, more string) string { return "/v1/experiments/" + url.PathEscape(id) + more }

// words of ours in the place of an experiment's id.
var words = []string{"new", "live"}

// pathOf is the page of an experiment. An id that is a word of ours is told apart by a slash.
func pathOf(id string) string {
	path := "/experiments/" + url.PathEscape(id)
	if slices.Contains(words, id) {
		path += "/"
	}
	return path
}

// below is a page below that of an experiment.
func below(id, more string) string { return "/experiments/" + url.PathEscape(id) + "/" + more }

// unitPath is the page of a person.
func unitPath(kind, id string) string {
	return "/units/" + url.PathEscape(kind) + "/" + url.PathEscape(id)
}

// refusalPage is a page that says no.
type refusalPage struct {
	frame
	Status int
	Detail string
	Faults []problem.FieldError
	Near   []link // what may have been meant
}

// link is one place to go to.
type link struct{ Name, Path string }

func (p *Pages) refuse(q *request, err error) {
	said := problem.From(err)
	switch {
	case said.Status == http.StatusServiceUnavailable:
		q.w.Header().Set("Retry-After", "5")
		said.Detail = "Load the page again in a moment."
	case said.Status == 0 || said.Status >= http.StatusInternalServerError:
		p.Log.LogAttrs(q.Context(), slog.LevelError, "a page failed", slog.String("path", q.URL.Path), slog.Any("error", err))
		said.Detail = "This cannot be shown right now. Load the page again in a moment; the log says more."
		if said.Status == 0 {
			said.Status = http.StatusInternalServerError
		}
	}
	page := refusalPage{frame: p.frame(q, said.Title), Status: said.Status, Detail: said.Detail, Faults: said.Errors}
	if page.Title == "" {
		page.Title = http.StatusText(said.Status)
	}
	if id := q.PathValue("id"); said.Status == http.StatusNotFound && strings.HasPrefix(q.Pattern, "GET /experiments/") {
		page.Near = p.near(id)
	}
	if err := p.show(q, said.Status, "refusal", page); err != nil {
		p.Log.LogAttrs(q.Context(), slog.LevelError, "a page that says no failed", slog.Any("error", err))
	}
}

// maxNear bounds how many undeclared experiments an id that is not there is compared with.
const maxNear = 500

// near are the experiments whose names are most like the one that is not there.
func (p *Pages) near(id string) []link {
	type scored struct {
		id   string
		cost int
	}
	var all []scored
	listing := p.State.View().Listing()
	candidates := listing.Declared.Keys()
	for _, list := range []core.Table[struct{}]{listing.Undeclared, listing.Archived} {
		some, _ := list.After("", "", maxNear)
		same, _ := list.After(id, "", maxNear)
		candidates = slices.Concat(candidates, some, same)
	}
	slices.Sort(candidates)
	for _, known := range slices.Compact(candidates) {
		if cost := distance(strings.ToLower(id), strings.ToLower(known)); cost <= max(2, len([]rune(id))/2) || id != "" && strings.Contains(known, id) {
			all = append(all, scored{known, cost})
		}
	}
	slices.SortStableFunc(all, func(a, b scored) int { return a.cost - b.cost })
	var links []link
	for _, s := range all[:min(5, len(all))] {
		links = append(links, link{s.id, pathOf(s.id)})
	}
	return links
}

// distance is how many characters must be added, removed or changed to make b of a (Levenshtein), of the first 64 of
// each.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	x, y = x[:min(64, len(x))], y[:min(64, len(y))]
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		before := row[0]
		row[0] = i + 1
		for j := range y {
			cost := before
			if x[i] != y[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, before+1)
		}
	}
	return row[len(y)]
}
