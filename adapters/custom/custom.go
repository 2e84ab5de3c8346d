// Package custom is for the tool that nobody knows: its requests are turned into canonical events by expressions that
// stand in the source's configuration, so that a home-grown tool or a vendor without an adapter needs no code.
//
// Expressions are those of github.com/expr-lang/expr, which have no loops without end, no input or output and no state.
// What reads a clock is switched off: the same request must give the same events whenever it is decoded.
//
// Like every adapter it imports adapters and canonical and nothing else of this module. Only adapters/all imports it.
package custom

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // senders sign with it, and HMAC with SHA-1 is not broken
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
)

// Adapter is whatever words the configuration gives it.
var Adapter = adapters.Adapter{
	Vendor:       "custom",
	Headers:      []string{"Content-Type", "User-Agent"},
	CheckOptions: checkOptions,
	Verify:       verify,
	Decode:       decode,
	Reply:        reply,
}

// verify accepts a request that carries the secret itself (Authorization: Bearer, X-Api-Key, X-Auth-Token, X-Webhook-Token)
// or, in any header whose name ends in Signature, an HMAC of the body with the secret: SHA-256, SHA-1 or SHA-512, in hex
// or base64, with or without a prefix such as sha256=. Whoever can make any of these knows the secret, so it need not
// be said which of them a sender uses.
func verify(_ adapters.Source, secret []byte, e adapters.Envelope) error {
	if len(secret) == 0 {
		return fmt.Errorf("%w: the secret is empty", adapters.ErrUnauthorized)
	}
	signed := false
	for name, values := range e.Header {
		if !strings.HasSuffix(strings.ToLower(name), "signature") {
			continue
		}
		for _, value := range values {
			signed = true
			if signs(secret, e.Body, value) {
				return nil
			}
		}
	}
	if signed {
		return fmt.Errorf("%w: the signature is not the body's", adapters.ErrUnauthorized)
	}
	key := strings.TrimPrefix(e.Header.Get("Authorization"), "Bearer ")
	for _, name := range []string{"X-Api-Key", "X-Auth-Token", "X-Webhook-Token"} {
		if key == "" {
			key = e.Header.Get(name)
		}
	}
	if !adapters.SameSecret(secret, key) {
		return fmt.Errorf("%w: neither a token nor a signature", adapters.ErrUnauthorized)
	}
	return nil
}

// signs reports whether a header's value is an HMAC of the body.
func signs(secret, body []byte, value string) bool {
	for _, part := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' || r == ';' }) {
		if at := strings.IndexByte(part, '='); at > 0 && at < 10 && !strings.HasSuffix(part, "==") {
			part = part[at+1:]
		}
		given, err := hex.DecodeString(part)
		if err != nil {
			if given, err = base64.StdEncoding.DecodeString(part); err != nil {
				continue
			}
		}
		for _, algorithm := range []func() hash.Hash{sha256.New, sha1.New, sha512.New} {
			mac := hmac.New(algorithm, secret)
			mac.Write(body)
			if hmac.Equal(given, mac.Sum(nil)) {
				return true
			}
		}
	}
	return false
}

// reply is what most webhook senders want to hear: 2xx, or a status that tells whether to come again.
func reply(_ adapters.Envelope, o adapters.Outcome) adapters.Response {
	answer := func(status int, body string) adapters.Response {
		return adapters.Response{Status: status, ContentType: "application/json", Body: []byte(body)}
	}
	switch {
	case o.Err == nil:
		return answer(http.StatusOK, fmt.Sprintf(`{"accepted":%d,"rejected":%d,"ignored":%d}`, o.Accepted, o.Rejected, o.Ignored))
	case errors.Is(o.Err, adapters.ErrTooLarge):
		return answer(http.StatusRequestEntityTooLarge, `{"error":"the body is too large"}`)
	case errors.Is(o.Err, adapters.ErrUnreadable):
		return answer(http.StatusBadRequest, `{"error":"the body cannot be read by the source's options"}`)
	case errors.Is(o.Err, adapters.ErrUnauthorized):
		return answer(http.StatusUnauthorized, `{"error":"the token or signature does not match"}`)
	}
	return answer(http.StatusServiceUnavailable, `{"error":"try again"}`)
}
