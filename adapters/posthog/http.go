package posthog

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
)

// replayWindow is how old a signed webhook may be, in seconds (PostHog/posthog PR 90307, as Standard Webhooks has it).
const replayWindow = 5 * 60

// verify accepts a webhook that is signed as Standard Webhooks has it, or a request that carries the project's token
// where the SDKs write it: Authorization in capture V1, else in the body. The token is public and only tells projects
// apart.
func verify(s adapters.Source, secret []byte, e adapters.Envelope) error {
	if signatures := e.Header.Get("Webhook-Signature"); signatures != "" {
		return verifySignature(secret, e, signatures)
	}
	if key, ok := strings.CutPrefix(e.Header.Get("Authorization"), "Bearer "); ok && adapters.SameSecret(secret, strings.TrimSpace(key)) {
		return nil
	}
	req, err := requestOf(s, e, &options{}, true)
	if err != nil {
		return fmt.Errorf("%w: %w", adapters.ErrUnauthorized, err)
	}
	if req.token != "" {
		if adapters.SameSecret(secret, req.token) {
			return nil
		}
		return fmt.Errorf("%w: the body's token is another one", adapters.ErrUnauthorized)
	}
	readable := 0
	for i := range req.events {
		if req.events[i].broken != nil {
			continue // it is rejected
		}
		if readable++; !adapters.SameSecret(secret, req.events[i].token) {
			return fmt.Errorf("%w: event %d has another token", adapters.ErrUnauthorized, i)
		}
	}
	if readable == 0 {
		return fmt.Errorf("%w: no token", adapters.ErrUnauthorized)
	}
	return nil
}

// verifySignature checks v1,base64(HMAC-SHA256(key, id.timestamp.body)); the key is the base64 after whsec_.
func verifySignature(secret []byte, e adapters.Envelope, signatures string) error {
	key := secret
	if text, ok := strings.CutPrefix(string(secret), "whsec_"); ok {
		plain, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return fmt.Errorf("%w: the secret after whsec_ is not base64", adapters.ErrUnauthorized)
		}
		key = plain
	}
	id, stamp := e.Header.Get("Webhook-Id"), e.Header.Get("Webhook-Timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if age := int64(e.ReceivedAt)/1000 - seconds; err != nil || age > replayWindow || age < -replayWindow {
		return fmt.Errorf("%w: webhook-timestamp is not within 5 minutes", adapters.ErrUnauthorized)
	}
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.", id, stamp)
	mac.Write(e.Body)
	sum := mac.Sum(nil)
	for _, one := range strings.Fields(signatures) {
		text, ok := strings.CutPrefix(one, "v1,")
		given, err := base64.StdEncoding.DecodeString(text)
		if ok && err == nil && hmac.Equal(given, sum) {
			return nil
		}
	}
	return fmt.Errorf("%w: webhook-signature is not the body's", adapters.ErrUnauthorized)
}

// isV1 reports a path of the API of capture V1.
func isV1(path string) bool { return strings.HasPrefix(path, "/i/v1/") }

// publicKey reports a project token.
func publicKey(secret []byte) bool { return strings.HasPrefix(string(secret), "phc_") }

// reply is what the SDKs expect: {"status":"Ok"}, nothing for a beacon, and in capture V1 a result for every uuid,
// without which a 200 counts as a failed sending (posthog-go@v1.23.1 capture_v1_send.go). They try again after 5xx, and
// drop what is answered with another 4xx.
func reply(e adapters.Envelope, o adapters.Outcome) adapters.Response {
	answer := adapters.Response{Status: o.Status(http.StatusOK), ContentType: "application/json"}
	switch {
	case o.Err == nil && isV1(e.Path):
		answer.Body = []byte(results(e))
	case o.Err == nil && e.Query().Get("beacon") == "1":
		return adapters.Response{Status: http.StatusNoContent}
	case o.Err == nil:
		answer.Body = []byte(`{"status":"Ok"}`)
	default:
		answer.Body = []byte(refusals[answer.Status])
	}
	return answer
}

// refusals are the bodies of responses that are no success, as PostHog writes them, by status.
var refusals = map[int]string{
	http.StatusNotFound:              `{"type":"validation_error","code":"not_served","detail":"Only events are taken here; send all other paths to PostHog.","attr":null}`,
	http.StatusRequestEntityTooLarge: `{"type":"validation_error","code":"too_large","detail":"The body is too large.","attr":null}`,
	http.StatusBadRequest:            `{"type":"validation_error","code":"invalid_payload","detail":"The body cannot be read.","attr":null}`,
	http.StatusUnauthorized:          `{"type":"authentication_error","code":"invalid_api_key","detail":"The token or signature is not one of this source's.","attr":null}`,
	http.StatusServiceUnavailable:    `{"type":"server_error","code":"unavailable","detail":"Try again.","attr":null}`,
}

// results says of every event of a V1 request that it was taken. One that was rejected is not to be sent again either: it
// lies with the dead letters.
func results(e adapters.Envelope) string {
	list := map[string]map[string]string{}
	if req, err := requestOf(adapters.Source{}, e, &options{}, true); err == nil {
		for i := range req.events {
			if uuid := req.events[i].uuid; uuid != "" {
				list[uuid] = map[string]string{"result": "ok"}
			}
		}
	}
	text, err := json.Marshal(map[string]any{"results": list})
	if err != nil {
		return `{"results":{}}` // strings are always JSON
	}
	return string(text)
}
