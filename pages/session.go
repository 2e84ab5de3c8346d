package pages

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tracklayer/tracklayer/problem"
)

const (
	sessionCookie = "tracklayer_session"
	formCookie    = "tracklayer_form" // what the tokens in forms hang on where there is no session
	sessionLasts  = 12 * time.Hour
	maxSessions   = 1000
	maxForm       = 1 << 20 // bytes
	maxName       = 200     // bytes of a person's name, as the registry takes them
)

// visitor is who asks, and what they may do.
type visitor struct {
	name    string
	may     right
	session string // hash of the session's secret; "": none
	byProxy bool   // the proxy says who it is, so the name is no matter of a form
	key     string // fingerprint of the key that was shown; "": none
	forged  bool   // the request names its user more than once, so one of the names is not the proxy's
}

// session is somebody who has shown a key. The key itself is not kept.
type session struct {
	name string
	may  right
	key  string // its fingerprint
	ends time.Time
}

// sessions are bounded: where there are too many, the one that would end first goes.
type sessions struct {
	now func() time.Time
	mu  sync.Mutex
	all map[string]session // by the hash of the cookie's secret
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, all: map[string]session{}}
}

// hashed is how a secret is kept, so that what is in memory opens nothing.
func hashed(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return string(sum[:])
}

// begin makes a session and returns the secret for its cookie.
func (s *sessions) begin(name string, may right, key string) string {
	secret := rand.Text() + rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	first := ""
	for key, one := range s.all {
		if !one.ends.After(now) {
			delete(s.all, key)
		} else if first == "" || one.ends.Before(s.all[first].ends) {
			first = key
		}
	}
	if len(s.all) >= maxSessions {
		delete(s.all, first)
	}
	s.all[hashed(secret)] = session{name, may, key, now.Add(sessionLasts)}
	return secret
}

func (s *sessions) find(key string) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.all[key]
	return one, ok && one.ends.After(s.now())
}

func (s *sessions) end(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, key)
}

// keep ends the sessions whose key is not known any more.
func (s *sessions) keep(known func(fingerprint string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.all, func(_ string, one session) bool { return !known(one.key) })
}

// fingerprintOf names a key without giving it away: the first 8 hexadecimal digits of its SHA-256.
func fingerprintOf(key string) string { return fmt.Sprintf("%x", hashed(key)[:4]) }

// visitorOf finds out who asks: whom the trusted proxy names, who has a session, or anybody, who may do what needs no
// key.
func (p *Pages) visitorOf(r *http.Request) visitor {
	name, once := p.Proxy.user(r)
	if !once {
		return visitor{forged: true}
	}
	if name != "" {
		v := visitor{name: name, may: readers, byProxy: true}
		if !p.ReadOnly && (len(p.Proxy.Editors) == 0 || slices.Contains(p.Proxy.Editors, name)) {
			v.may = editors
		}
		return v
	}
	open := everybody
	if p.ReadKey == nil {
		open = readers
		// Without keys only this machine can connect; a page of elsewhere whose name was made to point here has another Host.
		if p.WriteKey == nil && loopback(r.Host) {
			open = editors
		}
	}
	v := visitor{may: open}
	if cookie, err := r.Cookie(cookieName(sessionCookie, secure(r))); err == nil {
		if one, ok := p.sessions.find(hashed(cookie.Value)); ok {
			v.name, v.may, v.session, v.key = one.name, max(open, one.may), hashed(cookie.Value), one.key
		}
	}
	return v
}

// user is whom the proxy names; "" if it is not believed. It reports false if a believed proxy lets a request through that
// names its user more than once.
func (x Proxy) user(r *http.Request) (name string, once bool) {
	if x.Header == "" {
		return "", true
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return "", true
	}
	addr := from.Addr().Unmap()
	if !slices.ContainsFunc(x.From, func(net netip.Prefix) bool { return net.Contains(addr) }) {
		return "", true
	}
	if len(r.Header.Values(x.Header)) > 1 {
		return "", false
	}
	name = strings.TrimSpace(r.Header.Get(x.Header))
	if len(name) > maxName {
		return "", true
	}
	return name, true
}

// admit asks whether the visitor may do this. Whoever changes something must come from a form of ours.
func (p *Pages) admit(q *request, needs right) error {
	if q.visitor.forged {
		return problem.Forbidden("This request names its user more than once in " + p.Proxy.Header + ". Let the proxy remove that header from what comes from outside before it sets its own.")
	}
	if q.visitor.may < needs {
		return p.turnAway(q)
	}
	if q.Method != http.MethodPost {
		return nil
	}
	if err := http.NewCrossOriginProtection().Check(q.Request); err != nil {
		return problem.Forbidden("This form was sent from a page of somewhere else, so nothing was done.")
	}
	q.Body = http.MaxBytesReader(q.w, q.Body, maxForm)
	if err := q.ParseForm(); err != nil {
		return problem.BadRequest("The form cannot be read: " + err.Error())
	}
	sent := q.PostForm.Get("token")
	if sent == "" {
		sent = q.Header.Get("X-Form-Token")
	}
	if want := p.token(q); want == "" || subtle.ConstantTimeCompare([]byte(sent), []byte(want)) != 1 {
		return problem.Forbidden("This form is from an earlier session, or cookies are switched off, so nothing was done. Go back, load the page again, and send it once more.")
	}
	return nil
}

// turnAway sends who has not signed in to do so.
func (p *Pages) turnAway(q *request) error {
	switch {
	case p.EditingOff != "" && q.visitor.may >= readers:
		return problem.Forbidden(p.EditingOff)
	case q.visitor.session != "" || q.visitor.byProxy:
		return problem.Forbidden("You may look, but not change anything here. Sign in with an admin key, or ask somebody who may.")
	case p.WriteKey == nil && p.ReadKey == nil:
		return problem.Forbidden("Without keys this is open only under an address of this very machine, such as http://127.0.0.1. Set keys.read and keys.admin to change things from elsewhere.")
	}
	if q.Method != http.MethodGet {
		return problem.Forbidden("You are not signed in any more, so nothing was done. Sign in and send the form again.")
	}
	http.Redirect(q.w, q.Request, "/sign-in?next="+url.QueryEscape(q.URL.RequestURI()), http.StatusSeeOther)
	return errAnswered
}

// errAnswered reports that the answer is written, and that nothing must be added to it.
var errAnswered = errors.New("answered")

// token is what the forms of this visitor carry; "" where it cannot be known.
func (p *Pages) token(q *request) string {
	bound := ""
	switch v := q.visitor; {
	case v.session != "":
		bound = "session " + v.session
	case v.byProxy:
		bound = "proxy " + v.name
	default:
		cookie, err := q.Cookie(cookieName(formCookie, q.secure()))
		if err != nil || cookie.Value == "" {
			return ""
		}
		bound = "cookie " + cookie.Value
	}
	mac := hmac.New(sha256.New, p.secret[:])
	_, _ = mac.Write([]byte(bound)) // a hash takes everything
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// armed is the token for the forms of a page that is about to be written. It gives the visitor the cookie that the token
// hangs on where there is nothing else.
func (p *Pages) armed(q *request) string {
	if t := p.token(q); t != "" {
		return t
	}
	c := p.cookie(q, formCookie, rand.Text(), 0)
	http.SetCookie(q.w, c)
	q.AddCookie(c)
	return p.token(q)
}

func (p *Pages) cookie(q *request, name, value string, lasts time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: cookieName(name, q.secure()), Value: value, Path: "/", MaxAge: int(lasts / time.Second), HttpOnly: true, Secure: q.secure(), SameSite: http.SameSiteLaxMode,
	}
}

// cookieName is the name of a cookie. Behind TLS it begins so that browsers take it from this very host only, and over TLS
// only: no other host of the domain can set it.
func cookieName(name string, secure bool) string {
	if secure {
		return "__Host-" + name
	}
	return name
}

// signInPage is the form with which one shows a key.
type signInPage struct {
	frame
	Next, Name, Fault string
	Reads             bool // keys are needed for reading, not only for changing things
}

func (p *Pages) signInForm(q *request) error {
	return p.show(q, http.StatusOK, "sign-in", p.signInPage(q, q.URL.Query().Get("next"), "", ""))
}

func (p *Pages) signInPage(q *request, next, name, fault string) signInPage {
	return signInPage{frame: p.frame(q, "Sign in"), Next: local(next), Name: name, Fault: fault, Reads: p.ReadKey != nil}
}

func (p *Pages) signIn(q *request) error {
	key, name, next := strings.TrimSpace(q.PostForm.Get("key")), strings.TrimSpace(q.PostForm.Get("name")), q.PostForm.Get("next")
	may := everybody
	switch {
	case p.WriteKey != nil && p.WriteKey(key):
		may = editors
	case p.ReadKey != nil && p.ReadKey(key):
		may = readers
	}
	fault := ""
	switch {
	case key == "":
		fault = "A key is required."
	case may == everybody:
		fault = "No key of this installation is that one."
	case len(name) > maxName || strings.ContainsFunc(name, control):
		fault = "A name has at most 200 bytes and no control characters."
	}
	if key != "" && may == everybody && p.Refused != nil {
		p.Refused(q.Request, "sign_in")
	}
	if fault != "" {
		return p.show(q, http.StatusUnprocessableEntity, "sign-in", p.signInPage(q, next, name, fault))
	}
	if q.visitor.session != "" {
		p.sessions.end(q.visitor.session)
	}
	http.SetCookie(q.w, p.cookie(q, sessionCookie, p.sessions.begin(name, may, fingerprintOf(key)), sessionLasts))
	p.Log.LogAttrs(q.Context(), slog.LevelInfo, "signed in", slog.String("key", fingerprintOf(key)), slog.Bool("edits", may == editors))
	http.Redirect(q.w, q.Request, local(next), http.StatusSeeOther)
	return nil
}

func (p *Pages) signOut(q *request) error {
	p.sessions.end(q.visitor.session)
	c := p.cookie(q, sessionCookie, "", 0)
	c.MaxAge = -1
	http.SetCookie(q.w, c)
	http.Redirect(q.w, q.Request, "/", http.StatusSeeOther)
	return nil
}

func control(r rune) bool { return r < ' ' || r == 0x7f }

// local is a path of ours, whatever somebody put into the address.
func local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/experiments"
	}
	return next
}
