package pages

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/core/sums"
)

// listPage is the list of experiments.
type listPage struct {
	frame
	Query, Status string
	Lines         []line
	Of            int    // experiments there are
	Rest          int    // undeclared ones that fit and come after the shown ones
	Fit           int    // experiments on all pages that match the search and the status
	Next          string // the path of the next page; "": none
	Counts        []counted
	Archived      int  // experiments that the list hides
	Hidden        bool // the list shows these instead

	skipped int // lines of the pages before
}

// counted is a status with how many experiments have it.
type counted struct {
	badge
	N    int
	Path string
	Here bool
}

// listPages are the list of experiments and its updates.
type listPages struct {
	*site
	lines *lines
}

func (p *listPages) list(q *request) error {
	page := p.listed(q)
	return p.show(q, http.StatusOK, "list", page)
}

func (p *listPages) listed(q *request) listPage {
	query := q.URL.Query()
	page := listPage{frame: p.frame(q, "Experiments"), Query: strings.TrimSpace(query.Get("q")), Status: query.Get("status")}
	page.Live = "/experiments/live"
	v := p.opts.State.View()
	listing := v.Listing()
	crowded := listing.Undeclared.Len() > maxUndeclared
	page.Of, page.Archived = listing.Declared.Len()+listing.Undeclared.Len(), listing.Archived.Len()
	if page.Hidden = query.Get("archived") == "true"; page.Hidden {
		page.Title, page.Live, page.Status = "Archived experiments", "", ""
		p.cut(q, v, &page, nil, matching(listing.Archived.Keys(), page.Query))
		return page
	}
	all := p.linesOf(q)
	page.Version = listVersion(all, listing)
	if crowded { // then they are searched by id, below
		all = slices.DeleteFunc(all, func(l line) bool { return !l.Declared })
	}
	var fit []line
	by := map[string]int{}
	for i := range all {
		if !all[i].matches(page.Query) {
			continue
		}
		by[all[i].Badge.Key]++
		if page.Status == "" || page.Status == all[i].Badge.Key {
			fit = append(fit, all[i])
		}
	}
	rest := []string{}
	if crowded {
		rest = matching(listing.Undeclared.Keys(), page.Query)
		by[undeclaredBadge] += len(rest)
		if page.Status != "" && page.Status != undeclaredBadge {
			rest = nil
		}
	}
	p.cut(q, v, &page, fit, rest)
	total := 0
	for _, b := range badges {
		if total += by[b.Key]; by[b.Key] > 0 || page.Status == b.Key {
			page.Counts = append(page.Counts, counted{b, by[b.Key], listPath(page.Query, b.Key, ""), page.Status == b.Key})
		}
	}
	page.Fit = total
	if page.Status != "" {
		page.Fit = by[page.Status]
	}
	page.Counts = append([]counted{{badge{"", "All"}, total, listPath(page.Query, "", ""), page.Status == ""}}, page.Counts...)
	return page
}

// cut puts the lines of one page together: those that fit, and after them, of the rest, those that there is room for. Only
// these are made.
func (p *listPages) cut(q *request, v *sums.View, page *listPage, fit []line, rest []string) {
	after := q.URL.Query().Get("after")
	if id, ok := strings.CutPrefix(after, cursorID); ok {
		fit = nil
		at, found := slices.BinarySearch(rest, id)
		if found {
			at++
		}
		rest = rest[at:]
	} else if text, ok := strings.CutPrefix(after, cursorLine); ok {
		n, err := strconv.Atoi(text)
		fit = fit[min(len(fit), max(0, n)):]
		if err == nil {
			page.skipped = max(0, n)
		}
	}
	if len(fit) > shownLines {
		page.Lines, page.Rest = fit[:shownLines], len(fit)-shownLines+len(rest)
		page.Next = listPath(page.Query, page.Status, cursorLine+strconv.Itoa(page.skipped+shownLines))
		return
	}
	page.Lines = fit
	room := min(len(rest), shownLines-len(fit))
	if room > 0 {
		p.lines.mu.Lock()
		kept := p.lines.all // it is replaced, and never changed
		p.lines.mu.Unlock()
		page.Lines = append(page.Lines, p.made(q, v, rest[:room], kept, map[string]keptLine{})...)
	}
	if page.Rest = len(rest) - room; page.Rest > 0 {
		cursor := cursorLine + strconv.Itoa(page.skipped+len(fit))
		if room > 0 {
			cursor = cursorID + rest[room-1]
		}
		page.Next = listPath(page.Query, page.Status, cursor)
		if page.Hidden {
			page.Next += "&archived=true"
		}
	}
}

// matching are the ids that all words of a search are in.
func matching(ids []string, query string) []string {
	words := strings.Fields(strings.ToLower(query))
	if len(words) == 0 {
		return ids
	}
	var some []string
	for _, id := range ids {
		text := strings.ToLower(id)
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) }) {
			some = append(some, id)
		}
	}
	return some
}

// matches reports whether all words of a search are in the id, the name, the owner or the metric.
func (l *line) matches(query string) bool {
	text := strings.ToLower(strings.Join([]string{l.ID, l.Name, l.Owner, l.Metric}, "\n"))
	for _, word := range strings.Fields(strings.ToLower(query)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

func listPath(query, status, after string) string {
	v := url.Values{}
	if query != "" {
		v.Set("q", query)
	}
	if status != "" {
		v.Set("status", status)
	}
	if after != "" {
		v.Set("after", after)
	}
	if len(v) == 0 {
		return "/experiments"
	}
	return "/experiments?" + v.Encode()
}

// listVersion names what the list shows on its first page.
func (p *listPages) listVersion(q *request) string {
	return listVersion(p.linesOf(q), p.opts.State.View().Listing())
}

func (p *listPages) listLive(q *request) error {
	return p.listen(q, false, settleAll, func() (told, error) {
		return p.version("list", settleAll, nil, func() (string, error) { return p.listVersion(q), nil })
	})
}

const undeclaredBadge = "undeclared"

// Cursors of the list: a place among the experiments whose lines are all known, or an id among those that are too many.
const (
	cursorLine = "n/"
	cursorID   = "u/"
)

func listVersion(all []line, of sums.Listing) string {
	var b strings.Builder
	fmt.Fprintln(&b, of.Declared.Len(), of.Undeclared.Len(), of.Archived.Len())
	for _, l := range all {
		fmt.Fprintf(&b, "%q %q %q %q %d %q %v\n", l.ID, l.Name, l.Owner, l.Badge.Text, l.Exposed, l.Last, l.Lift)
	}
	return versionOf([]byte(b.String()))
}
