package pages

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
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
	formCookie    = "tracklayer_form" // what the tokens in forms are bound to if there is no session
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

// session is a user who has shown a key. The key itself is not stored.
type session struct {
	name string
	may  right
	key  string // its fingerprint
	ends time.Time
}

// sessions are bounded: if there are too many, the one that expires first is removed.
type sessions struct {
	now func() time.Time
	mu  sync.Mutex
	all map[string]session // by the hash of the cookie's secret
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, all: map[string]session{}}
}

// hashed is the stored form of a secret, so that memory contains no usable secret.
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

// access finds out who asks and what they may do, and makes the tokens of forms.
type access struct {
	opts     Options
	sessions *sessions
	secret   [32]byte // of the tokens in forms
}

func newAccess(o Options) *access {
	a := &access{opts: o, sessions: newSessions(o.Now)}
	_, _ = rand.Read(a.secret[:]) // never fails
	return a
}

// visitorOf finds out who asks: whom the trusted proxy names, who has a session, or anybody, who may do what needs no
// key.
func (p *access) visitorOf(r *http.Request) visitor {
	name, once := p.opts.Proxy.user(r)
	if !once {
		return visitor{forged: true}
	}
	if name != "" {
		v := visitor{name: name, may: readers, byProxy: true}
		if !p.opts.ReadOnly && (len(p.opts.Proxy.Editors) == 0 || slices.Contains(p.opts.Proxy.Editors, name)) {
			v.may = editors
		}
		return v
	}
	open := anyone
	if p.opts.ReadKey == nil {
		open = readers
		// Without keys only this machine can connect; a page of elsewhere whose name was made to point here has another Host.
		if p.opts.WriteKey == nil && loopback(r.Host) {
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

// admit asks whether the visitor may do this. It reports whether the answer is already written, which leads to the
// sign-in. A request that changes something must come from a form of ours.
func (p *access) admit(q *request, needs right) (sentAway bool, err error) {
	if q.visitor.forged {
		return false, problem.Forbidden("This request names its user more than once in " + p.opts.Proxy.Header + ". Let the proxy remove that header from what comes from outside before it sets its own.")
	}
	if q.visitor.may < needs {
		return p.turnAway(q)
	}
	if q.Method != http.MethodPost {
		return false, nil
	}
	if err := http.NewCrossOriginProtection().Check(q.Request); err != nil {
		return false, problem.Forbidden("This form was sent from a page on another site, so nothing was changed.")
	}
	q.Body = http.MaxBytesReader(q.w, q.Body, maxForm)
	if err := q.ParseForm(); err != nil {
		return false, problem.BadRequest("The form cannot be read: " + err.Error())
	}
	sent := q.PostForm.Get("token")
	if sent == "" {
		sent = q.Header.Get("X-Form-Token")
	}
	if want := p.token(q); want == "" || subtle.ConstantTimeCompare([]byte(sent), []byte(want)) != 1 {
		return false, problem.Forbidden("This form is from an earlier session, or cookies are disabled, so nothing was changed. Go back, reload the page, and send the form again.")
	}
	return false, nil
}

// turnAway sends a visitor who has not signed in to do so, or says why that is no use.
func (p *access) turnAway(q *request) (sentAway bool, err error) {
	switch {
	case p.opts.EditingOff != "" && q.visitor.may >= readers:
		return false, problem.Forbidden(p.opts.EditingOff)
	case q.visitor.session != "" || q.visitor.byProxy:
		return false, problem.Forbidden("You can view this, but not change it. Sign in with an admin key, or ask an administrator.")
	case p.opts.WriteKey == nil && p.opts.ReadKey == nil:
		return false, problem.Forbidden("Without keys, changes are allowed only under a local address such as http://127.0.0.1. Set keys.read and keys.admin to allow changes from other addresses.")
	}
	if q.Method != http.MethodGet {
		return false, problem.Forbidden("You are no longer signed in, so nothing was changed. Sign in and send the form again.")
	}
	http.Redirect(q.w, q.Request, "/sign-in?next="+url.QueryEscape(q.URL.RequestURI()), http.StatusSeeOther)
	return true, nil
}

// token is the value in the forms of this visitor; "" if it cannot be computed.
func (p *access) token(q *request) string {
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
// depends on, if there is nothing else.
func (p *access) armed(q *request) string {
	if t := p.token(q); t != "" {
		return t
	}
	c := p.cookie(q, formCookie, rand.Text(), 0)
	http.SetCookie(q.w, c)
	q.AddCookie(c)
	return p.token(q)
}

func (p *access) cookie(q *request, name, value string, lasts time.Duration) *http.Cookie {
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
