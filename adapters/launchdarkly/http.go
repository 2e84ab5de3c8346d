package launchdarkly

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
)

// The vendor's routes, as ld-relay's relay_routes.go and docs/endpoints.md list them. What a body holds is known by its
// shape and not by the route, so that a path prefix or a new route loses nothing; the exceptions are here.

// isGIF reports the image of old browsers: GET /a/{environment}.gif?d=BASE64 (ld-relay client_side_helpers.go).
func isGIF(e adapters.Envelope) bool {
	return (e.Method == http.MethodGet || e.Method == http.MethodHead) &&
		strings.HasPrefix(e.Path, "/a/") && strings.HasSuffix(e.Path, ".gif")
}

// isDiagnostic reports the routes at which an SDK reports about itself.
func isDiagnostic(path string) bool {
	return path == "/diagnostic" || path == "/mobile/events/diagnostic" || strings.HasPrefix(path, "/events/diagnostic/")
}

// bodyOf is the JSON of a request. The image has it in the query, in base64 of either alphabet; a plus sign that
// was not escaped reads as a space there.
func bodyOf(e adapters.Envelope) ([]byte, error) {
	if !isGIF(e) {
		if e.Method != http.MethodPost { // the SDKs ask for flags with GET and REPORT (launchdarkly-js-sdk-common Requestor.js)
			return nil, fmt.Errorf("%w; set the SDK's events address only", adapters.ErrNotServed)
		}
		return e.Body, nil
	}
	d := strings.TrimRight(e.Query().Get("d"), "=")
	if d == "" {
		return nil, adapters.Unreadable("the query has no d with the events")
	}
	body, err := base64.RawStdEncoding.DecodeString(alphabet.Replace(d))
	if err != nil {
		return nil, adapters.Unreadable("d: %v", err)
	}
	return body, nil
}

var alphabet = strings.NewReplacer("-", "+", "_", "/", " ", "+")

// environment is the environment id in a client-side path, "" in any other.
func environment(path string) string {
	id := ""
	for _, prefix := range []string{"/events/bulk/", "/events/diagnostic/"} {
		if rest, ok := strings.CutPrefix(path, prefix); ok {
			id = strings.TrimSuffix(rest, "/")
		}
	}
	if rest, ok := strings.CutPrefix(path, "/a/"); ok {
		id, _ = strings.CutSuffix(rest, ".gif")
	}
	if strings.Contains(id, "/") {
		return ""
	}
	return id
}

const signatureHeader = "X-Ld-Signature"

// verify accepts a webhook's signature (hex HMAC-SHA256 of the raw body, without prefix or timestamp: api-client-go
// api/openapi.yaml, tag Webhooks), an SDK's key, or a client-side environment id, which is public and only tells
// environments apart. A request that is signed stands or falls by its signature. Signed requests come uncompressed, so
// it does not matter that an envelope's body may have been decompressed.
func verify(_ adapters.Source, secret []byte, e adapters.Envelope) error {
	if signatures := e.Header.Values(signatureHeader); len(signatures) > 0 {
		if !adapters.SignedInHex(sha256.New, secret, signatures[0], e.Body) {
			return fmt.Errorf("%w: X-LD-Signature is not the body's", adapters.ErrUnauthorized)
		}
		return nil
	}
	key := strings.TrimSpace(e.Header.Get("Authorization"))
	for _, scheme := range []string{"bearer ", "api_key "} {
		if len(key) > len(scheme) && strings.EqualFold(key[:len(scheme)], scheme) {
			key = strings.TrimSpace(key[len(scheme):])
			break
		}
	}
	if adapters.SameSecret(secret, key, environment(e.Path)) {
		return nil
	}
	return fmt.Errorf("%w: neither Authorization nor an environment id in the path", adapters.ErrUnauthorized)
}

// publicKey reports a mobile key or a client-side environment id, which is 24 hexadecimal digits. The key of a server's SDK
// is not published.
func publicKey(secret []byte) bool {
	raw, err := hex.DecodeString(string(secret))
	return strings.HasPrefix(string(secret), "mob-") || err == nil && len(raw) == 12
}

// pixel is a transparent GIF of one pixel, 43 bytes.
const pixel = "GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"

// reply answers 202 without a body, as the vendor does. The SDKs try once more after 400, 408, 429 and anything that
// is not a 4xx; 413 drops the payload; any other 4xx stops them for the life of the process (go-sdk-events
// event_sender.go), so none is ever given for what may pass.
func reply(e adapters.Envelope, o adapters.Outcome) adapters.Response {
	if o.Err == nil && isGIF(e) {
		return adapters.Response{Status: http.StatusOK, ContentType: "image/gif", Body: []byte(pixel)}
	}
	return adapters.Response{Status: o.Status(http.StatusAccepted)}
}
