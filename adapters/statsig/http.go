package statsig

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
)

const (
	signatureHeader = "X-Statsig-Signature"
	timestampHeader = "X-Statsig-Request-Timestamp"
	keyHeader       = "Statsig-Api-Key"
	reviewHeader    = "X-Statsig-Webhook-Key" // of pre-commit webhooks (DOCS guides/pre-commit-webhooks.mdx)

	// window is how old a signed webhook may be. The vendor names no tolerance; its receivers use five minutes.
	window = 5 * time.Minute
)

// verify accepts a webhook's signature, an SDK's key in the header or, from browsers and beacons, in the query
// (WEB NetworkConfig.js), or the key of a pre-commit webhook. A request that is signed stands or falls by its
// signature. The handshake of a new webhook comes unsigned, carries nothing and is let in.
func verify(_ adapters.Source, secret []byte, e adapters.Envelope) error {
	if signatures := e.Header.Values(signatureHeader); len(signatures) > 0 {
		return verifySignature(secret, e, signatures[0])
	}
	if _, ok := handshake(e.Body); ok {
		return nil
	}
	given := []string{e.Header.Get(keyHeader), e.Query().Get("k"), e.Header.Get(reviewHeader)}
	for i := range given {
		given[i] = strings.TrimSpace(given[i])
	}
	if adapters.SameSecret(secret, given...) {
		return nil
	}
	return fmt.Errorf("%w: neither a key in STATSIG-API-KEY nor one in the query's k", adapters.ErrUnauthorized)
}

// verifySignature checks "v0=" and the hex HMAC-SHA256 of "v0:TIMESTAMP:BODY", the timestamp in Unix milliseconds
// (DOCS integrations/event_webhook.mdx).
func verifySignature(secret []byte, e adapters.Envelope, signature string) error {
	stamp := strings.TrimSpace(e.Header.Get(timestampHeader))
	digest := strings.TrimPrefix(strings.TrimSpace(signature), "v0=")
	if !adapters.SignedInHex(sha256.New, secret, digest, []byte("v0:"+stamp+":"), e.Body) {
		return fmt.Errorf("%w: X-Statsig-Signature is not the body's", adapters.ErrUnauthorized)
	}
	at, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: X-Statsig-Request-Timestamp is no number of milliseconds", adapters.ErrUnauthorized)
	}
	early, late := e.ReceivedAt.Add(-window), e.ReceivedAt.Add(window)
	if t := canonical.Time(at); t < early || t > late {
		return fmt.Errorf("%w: it was signed more than five minutes before or after its receipt", adapters.ErrUnauthorized)
	}
	return nil
}

// handshake is what Statsig sends when a webhook is saved: {"data":{"event":"url_verification","verification_code":…}}
// (as receivers of the webhook handle it). The body must be that and nothing else, because it needs no secret.
func handshake(body []byte) (code string, ok bool) {
	const most = 1024
	if len(body) > most || !strings.Contains(string(body), "url_verification") {
		return "", false
	}
	var said map[string]map[string]any
	if json.Unmarshal(body, &said) != nil || len(said) != 1 || said["data"]["event"] != "url_verification" {
		return "", false
	}
	code, ok = said["data"]["verification_code"].(string)
	return code, ok
}

// publicKey reports a client key.
func publicKey(secret []byte) bool { return strings.HasPrefix(string(secret), "client-") }

// reply answers 202 {"success":true}: CORE sends a batch again after an empty answer or success false, and GO logs an
// error and posts an exception (CORE statsig_http_event_logging_adapter.rs, GO transport.go). GO and CORE lose a batch
// on 429 and nearly every 4xx, so what may pass is always 503, which all of them try again.
func reply(e adapters.Envelope, o adapters.Outcome) adapters.Response {
	r := adapters.Response{Status: o.Status(http.StatusAccepted), ContentType: "application/json", Body: []byte(`{"success":false}`)}
	if o.Err != nil {
		return r
	}
	r.Body = []byte(`{"success":true}`)
	if code, ok := handshake(e.Body); ok {
		r.Status, r.Body = http.StatusOK, append(field.AppendText([]byte(`{"verification_code":`), code), '}')
	}
	return r
}
