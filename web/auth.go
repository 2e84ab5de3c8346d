package web

import (
	"net/http"
	"strings"

	"github.com/tracklayer/tracklayer/problem"
)

const challenge = `Bearer realm="tracklayer"`

// lock is what a key opens.
type lock struct {
	what string // "read" or "write", as in keys.read
	fits func(presented string) bool
}

// open asks for a key where one is needed. A key may stand in the same places as at the door, and every one that is
// presented is tried: a proxy may have put its own into Authorization.
func (l *lock) open(r *http.Request) error {
	if l == nil || l.fits == nil {
		return nil
	}
	presented := false
	for _, key := range [...]string{r.Header.Get("X-Tracklayer-Key"), bearer(r.Header.Get("Authorization")), r.URL.Query().Get("key")} {
		if key == "" {
			continue
		}
		if l.fits(key) {
			return nil
		}
		presented = true
	}
	if presented {
		return problem.Forbidden("This key does not open this. Send one of keys." + l.what + ".")
	}
	return problem.Unauthorized(challenge, "Send a "+l.what+" key: Authorization: Bearer KEY, or X-Tracklayer-Key: KEY, or ?key=KEY where no header can be set.")
}

func bearer(authorization string) string {
	scheme, key, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}
