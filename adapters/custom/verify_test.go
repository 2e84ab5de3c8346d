package custom_test

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Segment signs with it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/custom"
	"github.com/tracklayer/tracklayer/canonical"
)

func sum(algorithm func() hash.Hash, key, text string) []byte {
	mac := hmac.New(algorithm, []byte(key))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func hexSum(key, text string) string { return hex.EncodeToString(sum(sha256.New, key, text)) }
func base64Sum(key, text string) string {
	return base64.StdEncoding.EncodeToString(sum(sha256.New, key, text))
}

const (
	signedBody = `{"id":4507,"note":"ü"}`
	receivedAt = 1_795_946_400_000
)

// withVerify is a source whose option verify is as given; nil: none.
func withVerify(verify any) adapters.Decoder {
	options := one("item.id")
	if verify != nil {
		options["verify"] = verify
	}
	return opened(options)
}

type signedRequest struct {
	name    string
	secret  string // "": plainsecret
	headers []string
	verify  any // nil: recognized
	wrong   string
}

// signedRequests are requests as the senders' documentation says that they are signed. The first of Standard Webhooks is the
// example of its specification's test vectors, with the time of this test.
func signedRequests() []signedRequest {
	at := func(seconds int) string { return fmt.Sprint(receivedAt/1000 + seconds) }
	stripe := func(seconds int, key string) string {
		return "t=" + at(seconds) + ",v1=" + hexSum(key, at(seconds)+"."+signedBody)
	}
	standard := func(key string, seconds int) string {
		return "v1," + base64Sum(key, "msg_1."+at(seconds)+"."+signedBody)
	}
	const whsec = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	plain, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(whsec, "whsec_"))
	if err != nil {
		panic(err)
	}
	key := string(plain)
	slack := map[string]any{
		"scheme": "hmac", "header": "X-Slack-Signature", "prefix": "v0=", "payload": "v0:{timestamp}:{body}",
		"timestamp_header": "X-Slack-Request-Timestamp", "tolerance": "2m",
	}
	s := "plainsecret"
	return []signedRequest{
		{"stripe", "", []string{"Stripe-Signature", stripe(-200, s)}, nil, ""},
		{"stripe, named", "", []string{"Stripe-Signature", stripe(0, s)}, "stripe", ""},
		{"stripe, whsec is the key itself", whsec, []string{"Stripe-Signature", stripe(0, whsec)}, "stripe", ""},
		{"stripe, two keys while one is replaced", "", []string{"Stripe-Signature", stripe(0, "old") + ",v1=" + hexSum(s, at(0)+"."+signedBody) + ",v0=zz"}, nil, ""},
		{"stripe, stale", "", []string{"Stripe-Signature", stripe(-301, s)}, nil, "more than 5m0s before the receipt"},
		{"stripe, early", "", []string{"Stripe-Signature", stripe(301, s)}, "stripe", "more than 5m0s after the receipt"},
		{"stripe, other secret", "", []string{"Stripe-Signature", stripe(0, "other")}, nil, "does not match the body"},
		{"stripe, of another time", "", []string{"Stripe-Signature", strings.Replace(stripe(-10, s), at(-10), at(0), 1)}, nil, "does not match the body"},
		{"stripe, no time", "", []string{"Stripe-Signature", "v1=" + hexSum(s, "."+signedBody)}, nil, "has no time"},
		{"stripe, no signature", "", []string{"Stripe-Signature", "t=" + at(0)}, nil, "holds no signature"},
		{"stripe, time is text", "", []string{"Stripe-Signature", "t=soon,v1=00"}, nil, "cannot be read"},
		{"stripe, time far away", "", []string{"Stripe-Signature", "t=99999999999999999999,v1=00"}, nil, "after the receipt"},
		{"shopify", "", []string{"X-Shopify-Hmac-Sha256", base64Sum(s, signedBody)}, nil, ""},
		{"shopify, named", "", []string{"X-Shopify-Hmac-Sha256", base64Sum(s, signedBody)}, "shopify", ""},
		{"shopify, forged", "", []string{"X-Shopify-Hmac-Sha256", base64Sum("x", signedBody)}, nil, "does not match the body"},
		{"github", "", []string{"X-Hub-Signature-256", "sha256=" + hexSum(s, signedBody)}, nil, ""},
		{"github, named", "", []string{"X-Hub-Signature-256", "sha256=" + hexSum(s, signedBody), "X-Hub-Signature", "sha1=00"}, "github", ""},
		{"github, no prefix", "", []string{"X-Hub-Signature-256", hexSum(s, signedBody)}, "github", "holds no signature"},
		{"standard", whsec, []string{"Webhook-Id", "msg_1", "Webhook-Timestamp", at(0), "Webhook-Signature", "v1a,AAAA v1,AAAA " + standard(key, 0)}, nil, ""},
		{"standard, named", whsec, []string{"Webhook-Id", "msg_1", "Webhook-Timestamp", at(0), "Webhook-Signature", standard(key, 0)}, "standard-webhooks", ""},
		{"svix", whsec, []string{"Svix-Id", "msg_1", "Svix-Timestamp", at(0), "Svix-Signature", standard(key, 0)}, nil, ""},
		{"svix, named by the standard", whsec, []string{"Svix-Id", "msg_1", "Svix-Timestamp", at(0), "Svix-Signature", standard(key, 0)}, "standard-webhooks", ""},
		{"svix, named", whsec, []string{"Svix-Id", "msg_1", "Svix-Timestamp", at(0), "Svix-Signature", standard(key, 0)}, "svix", ""},
		{"standard, a secret that is no base64", "", []string{"Svix-Id", "msg_1", "Svix-Timestamp", at(0), "Svix-Signature", standard(s, 0)}, nil, ""},
		{"standard, without its id", whsec, []string{"Webhook-Timestamp", at(0), "Webhook-Signature", standard(key, 0)}, nil, "Webhook-Id is missing"},
		{"standard, without its time", whsec, []string{"Svix-Id", "msg_1", "Svix-Signature", standard(key, 0)}, nil, "Svix-Timestamp is missing"},
		{"standard, stale", whsec, []string{"Svix-Id", "msg_1", "Svix-Timestamp", at(-400), "Svix-Signature", standard(key, -400)}, nil, "before the receipt"},
		{"segment", "", []string{"X-Signature", hex.EncodeToString(sum(sha1.New, s, signedBody))}, "segment", ""},
		{"segment, another algorithm", "", []string{"X-Signature", hexSum(s, signedBody)}, "segment", "does not match"},
		{"x-signature of any algorithm", "", []string{"X-Signature", hex.EncodeToString(sum(sha512.New, s, signedBody))}, nil, ""},
		{"woocommerce", "", []string{"X-Wc-Webhook-Signature", base64Sum(s, signedBody)}, nil, ""},
		{"woocommerce, named", "", []string{"X-Wc-Webhook-Signature", base64Sum(s, signedBody)}, "woocommerce", ""},
		{"described", "", []string{"X-Slack-Request-Timestamp", at(-60), "X-Slack-Signature", "v0=" + hexSum(s, "v0:"+at(-60)+":"+signedBody)}, slack, ""},
		{"described, stale", "", []string{"X-Slack-Request-Timestamp", at(-121), "X-Slack-Signature", "v0=" + hexSum(s, "v0:"+at(-121)+":"+signedBody)}, slack, "more than 2m0s"},
		{"another scheme than the named", "", []string{"X-Hub-Signature-256", "sha256=" + hexSum(s, signedBody)}, "stripe", "Stripe-Signature is missing"},
		{"a token where a scheme is named", "", []string{"Authorization", "Bearer plainsecret"}, "github", "X-Hub-Signature-256 is missing"},
		{"basic, user", "", []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("plainsecret:"))}, nil, ""},
		{"basic, user alone", "", []string{"Authorization", "basic " + base64.StdEncoding.EncodeToString([]byte("plainsecret"))}, nil, ""},
		{"basic, password", "", []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(":plainsecret"))}, nil, ""},
		{"basic, user and password", "", []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("shop:plainsecret"))}, nil, ""},
		{"basic, the secret as a user with another password", "", []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("plainsecret:x"))}, nil, "neither a signature nor a token"},
		{"basic, both are the secret", "shop:pass", []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("shop:pass"))}, nil, ""},
		{"basic, not base64", "", []string{"Authorization", "Basic plainsecret"}, nil, "neither"},
		{"nothing", "", []string{"X-Other", "1"}, nil, "neither a signature nor a token"},
	}
}

func TestSchemes(t *testing.T) {
	for _, c := range signedRequests() {
		h := http.Header{}
		for i := 0; i < len(c.headers); i += 2 {
			h.Set(c.headers[i], c.headers[i+1])
		}
		if c.secret == "" {
			c.secret = "plainsecret"
		}
		e := adapters.Envelope{Method: "POST", Header: h, Body: []byte(signedBody), ReceivedAt: canonical.Time(receivedAt)}
		d, s := withVerify(c.verify), adapters.Source{Name: "shop"}
		err := d.Verify(s, []byte(c.secret), e)
		switch {
		case c.wrong == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.wrong != "" && (!errors.Is(err, adapters.ErrUnauthorized) || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%s: %v, want %q", c.name, err, c.wrong)
		}
		if e.Body = []byte(signedBody + " "); err == nil && h.Get("Authorization") == "" && d.Verify(s, []byte(c.secret), e) == nil {
			t.Errorf("%s: another body is accepted", c.name)
		}
	}
}

func TestFaultsOfVerify(t *testing.T) {
	for _, c := range []struct {
		verify any
		want   string
	}{
		{"twilio", "must be one of github, segment, shopify, standard-webhooks, stripe, svix, woocommerce"},
		{true, "must be one of"},
		{map[string]any{"header": "X-Sig"}, "verify.scheme: is required"},
		{map[string]any{"scheme": "stripe", "header": "X-Sig"}, "verify: NAME"},
		{map[string]any{"scheme": "hmac"}, "verify.header: is required"},
		{map[string]any{"scheme": "hmac", "header": "X-Sig", "payload": "{timestamp}"}, "verify.payload: must contain {body}"},
		{map[string]any{"scheme": "hmac", "header": "X-Sig", "payload": "{timestamp}.{body}"}, "verify.timestamp_header: goes with"},
		{map[string]any{"scheme": "hmac", "header": "X-Sig", "timestamp_header": "X-Time"}, "verify.timestamp_header: goes with"},
		{map[string]any{"scheme": "hmac", "header": "X-Sig", "payload": "{id}{body}"}, "verify.id_header: goes with"},
		{map[string]any{"scheme": "hmac", "header": "X-Sig", "tolerance": "5m"}, "verify.tolerance: goes with timestamp_header"},
		{map[string]any{"scheme": "hmac", "header": "X-Sig", "tolerance": 5}, "verify.tolerance: must be a text"},
		{map[string]any{"scheme": "hmac", "header": "X-Sig", "encoding": "utf8"}, "verify.encoding: must be hex or base64"},
		{map[string]any{"scheme": "hmac", "header": "X-Sig", "algorithm": "md5"}, "verify.algorithm: must be sha256"},
		{map[string]any{"scheme": "hmac", "header": "X-Sig", "colour": "red"}, "verify.colour: no such option"},
	} {
		options := one("item.id")
		options["verify"] = c.verify
		_, err := adapters.Open(custom.Adapter, options)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.verify, err, c.want)
		}
	}
}
