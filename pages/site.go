package pages

import (
	"bytes"
	"fmt"
	"strings"
)

// site is what every page needs.
type site struct {
	opts      Options
	templates *templates
	*access
	*client
	*live
	*ledgers
}

func newSite(o Options) *site {
	return &site{opts: o, templates: newTemplates(), access: newAccess(o), client: &client{o.API}, live: newLive(o), ledgers: &ledgers{o.State}}
}

// frame is what stands around every page.
type frame struct {
	Title    string
	Place    string // which of the main places this belongs to
	Mark     string
	Code     string
	User     string
	Edits    bool // the visitor may change things
	Signed   bool // there is a session to end
	MaySign  bool // there is a key to sign in with that the visitor has not shown
	ByProxy  bool
	Token    string   // of forms
	Live     string   // what an open page listens to; "": nothing
	Version  string   // what the page shows, as Live names it
	Warnings []string // what is wrong with all numbers, and what to do
}

func (p *site) frame(q *request, title string) frame {
	v := q.visitor
	place := ""
	if parts := strings.SplitN(q.URL.Path, "/", 3); len(parts) > 1 {
		place = parts[1]
	}
	var warnings []string
	if p.opts.Warnings != nil && v.may >= readers { // they say how much is stored and how it fares
		warnings = p.opts.Warnings()
	}
	return frame{
		Warnings: warnings, Title: title, Place: place, Mark: p.templates.mark, Code: p.opts.Code, User: v.name, Edits: v.may >= editors, Signed: v.session != "", ByProxy: v.byProxy,
		MaySign: v.session == "" && !v.byProxy && (p.opts.WriteKey != nil || p.opts.ReadKey != nil), Token: p.armed(q),
	}
}

// show writes a page.
func (p *site) show(q *request, status int, name string, data any) error {
	page, ok := p.templates.pages[name]
	if !ok {
		return fmt.Errorf("there is no page %q", name)
	}
	var b bytes.Buffer
	if err := page.ExecuteTemplate(&b, "layout.html", data); err != nil {
		return fmt.Errorf("write the page %s: %w", name, err)
	}
	text, err := explained(page, b.Bytes())
	if err != nil {
		return fmt.Errorf("write the page %s: %w", name, err)
	}
	q.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	q.w.WriteHeader(status)
	_, _ = q.w.Write(text) // a client that has gone away hears nothing
	return nil
}
