package pages

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/problem"
)

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
		said.Detail = "Reload the page in a moment."
	case said.Status == 0 || said.Status >= http.StatusInternalServerError:
		p.opts.Log.LogAttrs(q.Context(), slog.LevelError, "a page failed", slog.String("path", q.URL.Path), slog.Any("error", err))
		said.Detail = "This page cannot be shown right now. Reload it in a moment; the log has details."
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
		p.opts.Log.LogAttrs(q.Context(), slog.LevelError, "a page that says no failed", slog.Any("error", err))
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
	listing := p.opts.State.View().Listing()
	candidates := listing.Declared.Keys()
	for _, list := range []sums.Table[struct{}]{listing.Undeclared, listing.Archived} {
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
