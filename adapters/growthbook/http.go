package growthbook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// served is nil for a request that may bring events. The SDKs ask for features with GET /api/features/{key} and
// GET /sub/{key}, and for a remote evaluation with POST /api/eval/{key} (sdk-js feature-repository.ts).
func served(e adapters.Envelope) error {
	if isSDKWebhook(e) {
		return nil
	}
	asks := strings.Contains(e.Path, "/api/eval/") || strings.Contains(e.Path, "/api/features/") || strings.Contains(e.Path, "/sub/")
	write := e.Method == http.MethodPost || e.Method == http.MethodPut || e.Method == http.MethodPatch
	if !write || asks {
		return fmt.Errorf("%w; set the ingestor host only", adapters.ErrNotServed)
	}
	return nil
}

// isSDKWebhook reports a webhook that says that definitions changed. It may come with any method and without a body.
func isSDKWebhook(e adapters.Envelope) bool { return e.Header.Get(webhookIDHeader) != "" }

// Headers of the webhooks: event webhooks and the legacy SDK webhook (events/handlers/webhooks/event-webhooks-utils.ts,
// jobs/webhooks.ts), and SDK webhooks (jobs/sdkWebhooks.ts).
const (
	eventSignature   = "X-Growthbook-Signature"
	sdkSignature     = "Webhook-Signature"
	sdkTimestamp     = "Webhook-Timestamp"
	proxyKey         = "X-Growthbook-Api-Key"
	sdkKey           = "Webhook-Sdk-Key" // all that shows who sends an SDK webhook of before its signature
	signatureVersion = "v1,"
)

// window is how old or new a signed timestamp may be. A retry is signed again.
const window = 5 * 60

// verify accepts a webhook's signature, an SDK's client key, or a key of the customer's own in Authorization. A request
// that is signed stands or falls by its signature.
//
// Event webhooks sign the exact body, in hex, without a timestamp. SDK webhooks sign id.timestamp.body in base64; the key
// is the text wk_… itself and not, as Standard Webhooks has it, what it is the base64 of. Tracking plugins show the
// client key, in the query (tracking_plugin.go; growthbook-tracking.ts) or, the Go plugin before v0.5, in the body.
func verify(_ adapters.Source, secret []byte, e adapters.Envelope) error {
	if given := e.Header.Values(sdkSignature); len(given) > 0 {
		return verifySDKWebhook(secret, e, given[0])
	}
	if given := e.Header.Values(eventSignature); len(given) > 0 {
		if !adapters.SignedInHex(sha256.New, secret, given[0], e.Body) {
			return fmt.Errorf("%w: X-GrowthBook-Signature is not the body's", adapters.ErrUnauthorized)
		}
		return nil
	}
	key := strings.TrimSpace(e.Header.Get("Authorization"))
	if n := len("bearer "); len(key) > n && strings.EqualFold(key[:n], "bearer ") {
		key = strings.TrimSpace(key[n:])
	}
	if !adapters.SameSecret(secret, e.Query().Get("client_key"), key, e.Header.Get(proxyKey), e.Header.Get(sdkKey), bodyKey(e.Body)) {
		return fmt.Errorf("%w: neither a signature nor a client key", adapters.ErrUnauthorized)
	}
	return nil
}

func verifySDKWebhook(secret []byte, e adapters.Envelope, given string) error {
	id, stamp := e.Header.Get(webhookIDHeader), e.Header.Get(sdkTimestamp)
	signed := append([]byte(id+"."+stamp+"."), e.Body...)
	want := sign(secret, signed)
	matches := false
	for one := range strings.FieldsSeq(given) { // Standard Webhooks allows several
		text, ok := strings.CutPrefix(one, signatureVersion)
		sum, err := base64.StdEncoding.DecodeString(text)
		matches = ok && err == nil && hmac.Equal(sum, want) || matches
	}
	if !matches {
		return fmt.Errorf("%w: webhook-signature is not the request's", adapters.ErrUnauthorized)
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	now := int64(e.ReceivedAt) / 1000
	if err != nil || seconds < now-window || seconds > now+window {
		return fmt.Errorf("%w: webhook-timestamp is not within five minutes of its receipt", adapters.ErrUnauthorized)
	}
	return nil
}

func sign(secret, text []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write(text)
	return mac.Sum(nil)
}

// bodyKey is the client_key of {client_key, events}, "" in any other body. A broken event does not hide it.
func bodyKey(body []byte) string {
	key, err := keyOf(body)
	if err == nil {
		return key
	}
	if isolated, _ := adapters.Isolate(body); isolated != nil {
		if key, err = keyOf(isolated); err == nil {
			return key
		}
	}
	return ""
}

func keyOf(body []byte) (key string, err error) {
	c := jsonscan.New(body)
	if c.Peek() != '{' {
		return "", nil
	}
	err = c.Object(func(name []byte) (err error) {
		if string(name) == "client_key" && c.Peek() == '"' {
			key, err = c.String()
			return err
		}
		return c.Skip()
	})
	return key, err
}

// publicKey reports the client key of an SDK connection.
func publicKey(secret []byte) bool { return strings.HasPrefix(string(secret), "sdk-") }

// reply answers 202 without a body: the plugins look at the status alone, and only to log it (tracking_plugin.go
// sendBatch). They try nothing again, so that a failure is lost with them; webhooks come again after 30 seconds and five
// minutes unless the answer is a 2xx.
func reply(_ adapters.Envelope, o adapters.Outcome) adapters.Response {
	return adapters.Response{Status: o.Status(http.StatusAccepted)}
}

// dayOf is the start of a moment's day in UTC.
func dayOf(t canonical.Time) canonical.Time {
	const day = 24 * 60 * 60 * 1000
	return t - ((t%day)+day)%day
}
