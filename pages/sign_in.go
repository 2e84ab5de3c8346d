package pages

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
)

// signInPage is the form with which one shows a key.
type signInPage struct {
	frame
	Next, Name, Fault string
	Reads             bool // keys are needed for reading, not only for changing things
}

// signInPages are the form to sign in with, and the ways in and out.
type signInPages struct{ *site }

func (p *signInPages) signInForm(q *request) error {
	return p.show(q, http.StatusOK, "sign-in", p.signInPage(q, q.URL.Query().Get("next"), "", ""))
}

func (p *signInPages) signInPage(q *request, next, name, fault string) signInPage {
	return signInPage{frame: p.frame(q, "Sign in"), Next: local(next), Name: name, Fault: fault, Reads: p.opts.ReadKey != nil}
}

func (p *signInPages) signIn(q *request) error {
	key, name, next := strings.TrimSpace(q.PostForm.Get("key")), strings.TrimSpace(q.PostForm.Get("name")), q.PostForm.Get("next")
	may := anyone
	switch {
	case p.opts.WriteKey != nil && p.opts.WriteKey(key):
		may = editors
	case p.opts.ReadKey != nil && p.opts.ReadKey(key):
		may = readers
	}
	fault := ""
	switch {
	case key == "":
		fault = "A key is required."
	case may == anyone:
		fault = "This key is not valid."
	case len(name) > maxName || strings.ContainsFunc(name, control):
		fault = "A name must have at most 200 bytes and no control characters."
	}
	if key != "" && may == anyone && p.opts.Refused != nil {
		p.opts.Refused(q.Request, "sign_in")
	}
	if fault != "" {
		return p.show(q, http.StatusUnprocessableEntity, "sign-in", p.signInPage(q, next, name, fault))
	}
	if q.visitor.session != "" {
		p.sessions.end(q.visitor.session)
	}
	http.SetCookie(q.w, p.cookie(q, sessionCookie, p.sessions.begin(name, may, fingerprintOf(key)), sessionLasts))
	p.opts.Log.LogAttrs(q.Context(), slog.LevelInfo, "signed in", slog.String("key", fingerprintOf(key)), slog.Bool("edits", may == editors))
	http.Redirect(q.w, q.Request, local(next), http.StatusSeeOther)
	return nil
}

func (p *signInPages) signOut(q *request) error {
	p.sessions.end(q.visitor.session)
	c := p.cookie(q, sessionCookie, "", 0)
	c.MaxAge = -1
	http.SetCookie(q.w, c)
	http.Redirect(q.w, q.Request, "/", http.StatusSeeOther)
	return nil
}

func control(r rune) bool { return r < ' ' || r == 0x7f }

// local returns a path of this site, whatever the address contains.
func local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/experiments"
	}
	return next
}
