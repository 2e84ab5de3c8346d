package webhooks

import (
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// cors lets web pages send from a browser: vendors' SDKs and beacons send with credentials, so the origin is echoed and
// never written as "*".
type cors struct {
	everyone bool
	origins  map[string]bool
}

func newCORS(origins []string) cors {
	c := cors{origins: make(map[string]bool, len(origins))}
	for _, o := range origins {
		c.everyone = c.everyone || o == "*"
		c.origins[strings.ToLower(o)] = true
	}
	return c
}

func (c cors) allows(origin string) bool {
	return origin != "" && (c.everyone || c.origins[strings.ToLower(origin)])
}

// exposed are the headers of an answer that a page may read.
const exposed = "Date, Retry-After, " + headerSeq + ", X-Request-Id"

// headers adds what every answer says, a refusal too: a page cannot read why it was refused otherwise.
func (c cors) headers(h http.Header, origin string) {
	h.Add("Vary", "Origin")
	if c.allows(origin) {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Expose-Headers", exposed)
	}
}

// preflight answers the browser's question before it sends, and says whether the request was one.
func (c cors) preflight(v *visit) bool {
	if v.r.Method != http.MethodOptions || v.r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h := v.w.Header()
	h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
	if c.allows(v.r.Header.Get("Origin")) {
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
		h.Set("Access-Control-Max-Age", "7200")
		if names := requested(v.r.Header.Values("Access-Control-Request-Headers")); names != "" {
			h.Set("Access-Control-Allow-Headers", names)
		}
	}
	v.status = http.StatusNoContent
	v.w.WriteHeader(v.status)
	return true
}

// Bounds of what is echoed: no page asks for as much.
const (
	maxAskedBytes = 2048
	maxAskedName  = 128
)

// requested is the headers that a page asked to send, without what is no header's name. A list that is too long is not
// echoed at all.
func requested(asked []string) string {
	list := strings.Join(asked, ",")
	if len(list) > maxAskedBytes {
		return ""
	}
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); len(name) <= maxAskedName && httpguts.ValidHeaderFieldName(name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
