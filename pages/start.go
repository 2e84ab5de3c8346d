package pages

import (
	"fmt"
	"net/http"
	"strconv"
)

// startPage leads who is new from nothing to a readout.
type startPage struct {
	frame
	Steps    []step
	Snippets []Snippet
	Sources  []sourceView
	Events   int64  // received so far
	First    *line  // the experiment to go on with
	Adopt    string // the form that declares it
	Of       int    // experiments there are
	Of64     int64
}

// step is one thing to do.
type step struct {
	Number     int
	Title      string
	Done, Here bool
}

// startPages are the page that leads from nothing to a readout, and its updates.
type startPages struct {
	*site
	lists   *listPages
	sources *sourcePages
}

func (p *startPages) start(q *request) error {
	page, err := p.startPage(q)
	if err != nil {
		return err
	}
	return p.show(q, http.StatusOK, "start", page)
}

func (p *startPages) startPage(q *request) (*startPage, error) {
	page := &startPage{frame: p.frame(q, "Get started"), Snippets: filled(ownSnippets, q.origin(), "", p.opts.Now())}
	sources, err := p.sources.sourcesPage(q)
	if err != nil {
		return nil, err
	}
	page.Sources = sources.Sources
	by, err := p.ledgerBySource()
	if err != nil {
		return nil, err
	}
	for _, s := range by {
		page.Events += s.Received
	}
	all := p.lists.linesOf(q)
	listing := p.opts.State.View().Listing()
	page.Of = listing.Declared.Len() + listing.Undeclared.Len()
	page.Of64 = int64(page.Of)
	declared, read := false, false
	for i := range all {
		declared = declared || all[i].Declared
		read = read || all[i].Declared && all[i].Exposed > 0
		if page.First == nil || all[i].Declared && !page.First.Declared {
			page.First = &all[i]
		}
	}
	if page.First != nil && !page.First.Declared {
		page.Adopt = adoptPath(page.First.ID)
	}
	done := []bool{page.Events > 0, page.Events > 0, declared, read}
	here := true
	for i, title := range []string{"Connect a source", "Receive the first event", "Set up the experiment", "Read the readout"} {
		page.Steps = append(page.Steps, step{i + 1, title, done[i], here && !done[i]})
		here = here && done[i]
	}
	page.Live = "/live"
	page.Version, err = p.startVersion(q)
	return page, err
}

func (p *startPages) startVersion(q *request) (string, error) {
	version, err := p.sources.sourcesVersion()
	return versionOf([]byte(version + p.lists.listVersion(q) + strconv.Itoa(int(q.visitor.may)))), err
}

func (p *startPages) startLive(q *request) error {
	return p.listen(q, true, settle, func() (told, error) {
		return p.version(fmt.Sprint("start ", q.visitor.may), settle, nil, func() (string, error) { return p.startVersion(q) })
	})
}
