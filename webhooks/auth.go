package webhooks

import (
	"net/http"
	"strings"

	"github.com/tracklayer/tracklayer/problem"
)

// Where a write key may stand, beside the Authorization header. A beacon can set no header, so it has the query.
const (
	headerKey = "X-Tracklayer-Key"
	paramKey  = "key"
)

const challenge = `Bearer realm="tracklayer"`

// authorize asks for the write key. Every key that is presented is tried: a proxy may have put its own into
// Authorization.
func (d *Door) authorize(r *http.Request) error {
	if d.WriteKey == nil {
		return nil
	}
	presented := false
	for _, key := range [...]string{r.Header.Get(headerKey), bearer(r.Header.Get("Authorization")), queryKey(r)} {
		if key == "" {
			continue
		}
		if d.WriteKey(key) {
			return nil
		}
		presented = true
	}
	if presented {
		return problem.Forbidden("This key does not open writing. Send one of keys.write.")
	}
	return problem.Unauthorized(challenge,
		"Send a write key: Authorization: Bearer KEY, or X-Tracklayer-Key: KEY, or ?key=KEY where no header can be set.")
}

func bearer(authorization string) string {
	scheme, key, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}

func queryKey(r *http.Request) string {
	if r.URL.RawQuery == "" {
		return ""
	}
	return r.URL.Query().Get(paramKey)
}
