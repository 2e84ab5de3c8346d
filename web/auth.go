package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/problem"
)

const challenge = `Bearer realm="tracklayer"`

// refusedKey is the kind of refused credentials that Options.Refused is called with.
const refusedKey = "key"

// lock is what a key opens.
type lock struct {
	what    string // "read" or "admin", as in keys.read
	fits    func(presented string) bool
	closed  string // why no key opens it, and what to do; "": some do
	refused func(r *http.Request, kind string)
}

// open asks for a key if one is needed, and returns the fingerprint of the one that fits. A key may stand in the same
// headers as on the ingest endpoints, and every one that is presented is tried: a proxy may have put its own into
// Authorization. The query is not read: addresses get into the logs of proxies, and only events come from senders that can
// set no header.
func (l *lock) open(r *http.Request) (fingerprint string, err error) {
	switch {
	case l == nil:
		return "", nil
	case l.closed != "":
		return "", problem.Forbidden(l.closed)
	case l.fits == nil:
		return "", nil
	}
	presented := false
	for _, key := range [...]string{r.Header.Get("X-Tracklayer-Key"), problem.Bearer(r.Header.Get("Authorization"))} {
		if key == "" {
			continue
		}
		if l.fits(key) {
			return fingerprintOf(key), nil
		}
		presented = true
	}
	if presented {
		if l.refused != nil {
			l.refused(r, refusedKey)
		}
		return "", problem.Forbidden("This key does not allow the request. Send one of keys." + l.what + ".")
	}
	article := "a "
	if l.what == "admin" {
		article = "an "
	}
	return "", problem.Unauthorized(challenge, "Send "+article+l.what+" key: Authorization: Bearer KEY, or X-Tracklayer-Key: KEY.")
}

// fingerprintOf names a key without giving it away: the first 8 hexadecimal digits of its SHA-256.
func fingerprintOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:4])
}

// headerFingerprint is how callers in this process name the key that their own caller has shown. It is not read from
// elsewhere.
const headerFingerprint = "Tracklayer-Key-Fingerprint"

const contextKey = "tracklayer.key"

// keyOf is the fingerprint of the key that the request was let in with, "" if none was needed.
func keyOf(c echo.Context) string {
	fingerprint, _ := c.Get(contextKey).(string)
	return fingerprint
}
