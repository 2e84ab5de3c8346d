package optimizely

import (
	"crypto/sha1" //nolint:gosec // the vendor's webhooks are signed with HMAC-SHA1, which is still sound
	"fmt"
	"net/http"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
)

const (
	signatureHeader = "X-Hub-Signature"
	sdkKeyHeader    = "X-Optimizely-Sdk-Key"
)

// verify accepts a webhook's signature ("Configure webhooks"; agent pkg/handlers/webhook.go: sha1= and the hex HMAC-SHA1
// of the raw body) or, since the event protocol carries no key at all, a key that is appended to
// the address as key=, or sends in the header of the Optimizely Agent or as a bearer token. A request that is signed
// stands or falls by its signature. There is no timestamp in a signature, and so no window of replay.
func verify(_ adapters.Source, secret []byte, e adapters.Envelope) error {
	if signatures := e.Header.Values(signatureHeader); len(signatures) > 0 {
		digest, ok := strings.CutPrefix(strings.TrimSpace(signatures[0]), "sha1=")
		if !ok || !adapters.SignedInHex(sha1.New, secret, digest, e.Body) {
			return fmt.Errorf("%w: X-Hub-Signature is not the body's", adapters.ErrUnauthorized)
		}
		return nil
	}
	scheme, bearer, _ := strings.Cut(e.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		bearer = ""
	}
	if adapters.SameSecret(secret, strings.TrimSpace(bearer), strings.TrimSpace(e.Header.Get(sdkKeyHeader)), e.Query().Get("key")) {
		return nil
	}
	return fmt.Errorf("%w: neither X-Hub-Signature, key= in the address, X-Optimizely-SDK-Key nor a bearer token", adapters.ErrUnauthorized)
}

// reply answers 204 without a body, as the vendor does: go-sdk takes no other status for success, and sends the same
// body again and again until it gets it (pkg/event/dispatcher.go). Everything else is tried again by go-sdk and by
// javascript-sdk 6, so a 4xx is given only for what no SDK writes.
func reply(_ adapters.Envelope, o adapters.Outcome) adapters.Response {
	return adapters.Response{Status: o.Status(http.StatusNoContent)}
}
