package custom

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // senders sign with it, and HMAC with SHA-1 is not broken
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"strings"
	"time"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
)

// scheme is how a sender signs its requests: an HMAC of a text made of the body and perhaps an id and a time, in a header.
type scheme struct {
	name       string
	header     string
	idHeader   string // of the delivery, which payload may name
	timeHeader string // of the time of signing, which payload names; "": none, unless pairs has it
	pairs      bool   // the header is a list of pairs such as t=1795946400,v1=SIGNATURE; t is the time
	prefix     string // before each signature: "sha256="
	payload    string // what is signed, with {body}, {timestamp} and {id}
	encoding   string // hex or base64
	algorithm  func() hash.Hash
	tolerance  time.Duration                 // between the time of signing and the receipt
	keys       func(secret []byte) [][]byte  // the keys that a secret may stand for; nil: itself
	applies    func(header http.Header) bool // whether a request without the option verify is signed so; nil: by header
}

// defaultTolerance is what Stripe, Svix and Standard Webhooks allow between signing and receipt.
const defaultTolerance = 5 * time.Minute

// Names of schemes in the option verify.
const (
	namedHMAC = "hmac" // the one that the options describe
	standard  = "standard-webhooks"
)

// schemes are the ones with a name. Sources: Stripe "Verify webhook signatures manually"; Shopify "Verify a webhook";
// GitHub "Validating webhook deliveries"; the specification of Standard Webhooks, which Svix began with other names of
// headers; Segment "Webhooks (Actions) destination"; WooCommerce REST API, webhooks.
var schemes = []scheme{
	{
		name: "stripe", header: "Stripe-Signature", pairs: true, payload: "{timestamp}.{body}",
		encoding: "hex", algorithm: sha256.New, tolerance: defaultTolerance,
	},
	{name: "shopify", header: "X-Shopify-Hmac-Sha256", payload: "{body}", encoding: "base64", algorithm: sha256.New},
	{name: "github", header: "X-Hub-Signature-256", prefix: "sha256=", payload: "{body}", encoding: "hex", algorithm: sha256.New},
	{
		name: standard, header: "Webhook-Signature", idHeader: "Webhook-Id", timeHeader: "Webhook-Timestamp", prefix: "v1,",
		payload: "{id}.{timestamp}.{body}", encoding: "base64", algorithm: sha256.New, tolerance: defaultTolerance, keys: standardKeys,
		applies: func(h http.Header) bool { // the name alone is used by senders that sign the bare body, too
			return h.Get("Webhook-Signature") != "" && (h.Get("Webhook-Id") != "" || h.Get("Webhook-Timestamp") != "")
		},
	},
	{
		name: standard, header: "Svix-Signature", idHeader: "Svix-Id", timeHeader: "Svix-Timestamp", prefix: "v1,",
		payload: "{id}.{timestamp}.{body}", encoding: "base64", algorithm: sha256.New, tolerance: defaultTolerance, keys: standardKeys,
	},
	{
		name: "segment", header: "X-Signature", payload: "{body}", encoding: "hex", algorithm: sha1.New,
		applies: func(http.Header) bool { return false }, // without the option, an X-Signature may be of any algorithm
	},
	{name: "woocommerce", header: "X-Wc-Webhook-Signature", payload: "{body}", encoding: "base64", algorithm: sha256.New},
}

// standardKeys are the bytes that a secret such as whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw encodes. A secret that is no base64
// is the key itself.
func standardKeys(secret []byte) [][]byte {
	text, marked := strings.CutPrefix(string(secret), "whsec_")
	plain, ok := decode64(text)
	switch {
	case !ok || len(plain) == 0:
		return [][]byte{secret}
	case marked:
		return [][]byte{plain}
	}
	return [][]byte{plain, secret}
}

func (c *scheme) isUsed(h http.Header) bool {
	if c.applies != nil {
		return c.applies(h)
	}
	return len(h.Values(c.header)) > 0
}

// verify says what of a request does not match a secret, or nil. The time is checked first, so that the answer does not
// depend on which of a source's secrets is tried.
func (c *scheme) verify(secret []byte, e adapters.Envelope) error {
	values := e.Header.Values(c.header)
	if len(values) == 0 {
		return unauthorized("the header %s is missing, which verify: %s requires", c.header, c.name)
	}
	id := e.Header.Get(c.idHeader)
	if c.idHeader != "" && id == "" {
		return unauthorized("the header %s is missing, which verify: %s requires", c.idHeader, c.name)
	}
	signatures, stamp := c.signatures(values)
	if c.timeHeader != "" {
		stamp = strings.TrimSpace(e.Header.Get(c.timeHeader))
	}
	if err := c.checkTime(stamp, e.ReceivedAt); err != nil {
		return err
	}
	signed := c.signed(id, stamp, e.Body)
	keys := [][]byte{secret}
	if c.keys != nil {
		keys = c.keys(secret)
	}
	matches := false // all are compared always, so that time does not tell which of them matched
	for _, key := range keys {
		mac := hmac.New(c.algorithm, key)
		for _, part := range signed {
			mac.Write(part)
		}
		want := mac.Sum(nil)
		for _, given := range signatures {
			matches = hmac.Equal(given, want) || matches
		}
	}
	switch {
	case matches:
		return nil
	case len(signatures) == 0:
		return unauthorized("the header %s holds no signature of the form of %s; check the option verify", c.header, c.name)
	}
	return unauthorized("the signature in %s does not match the body; check that the source's secret is the one that the sender signs with", c.header)
}

// signatures are the decoded signatures of the header's values, and the time if it stands among them.
func (c *scheme) signatures(values []string) (found [][]byte, stamp string) {
	add := func(text string) {
		if sum, ok := c.decode(strings.TrimSpace(text)); ok {
			found = append(found, sum)
		}
	}
	for _, value := range values {
		if c.pairs {
			for pair := range strings.SplitSeq(value, ",") {
				switch name, text, _ := strings.Cut(strings.TrimSpace(pair), "="); name {
				case "t":
					stamp = text
				case "v1":
					add(text)
				}
			}
			continue
		}
		for one := range strings.FieldsSeq(value) {
			if text, ok := strings.CutPrefix(one, c.prefix); ok {
				for part := range strings.SplitSeq(text, ",") {
					add(strings.TrimPrefix(part, c.prefix))
				}
			}
		}
	}
	return found, stamp
}

func (c *scheme) decode(text string) ([]byte, bool) {
	if c.encoding == "hex" {
		sum, err := hex.DecodeString(text)
		return sum, err == nil && len(sum) > 0
	}
	sum, ok := decode64(text)
	return sum, ok && len(sum) > 0
}

// decode64 reads base64 with either alphabet, with and without padding.
func decode64(text string) ([]byte, bool) {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	plain, err := base64.RawStdEncoding.DecodeString(text)
	return plain, err == nil
}

// checkTime compares the time of signing with that of receipt, in a scheme that has one.
func (c *scheme) checkTime(stamp string, receivedAt canonical.Time) error {
	where := c.timeHeader
	if c.pairs {
		where = c.header
	}
	if !c.pairs && c.timeHeader == "" {
		return nil
	}
	if stamp == "" {
		if c.pairs {
			return unauthorized("the header %s has no time t=, which verify: %s requires", where, c.name)
		}
		return unauthorized("the header %s is missing, which verify: %s requires", where, c.name)
	}
	at, err := adapters.ParseTime(stamp)
	if err != nil {
		return unauthorized("the time in %s cannot be read: %v", where, err)
	}
	switch late := int64(receivedAt - at); {
	case late > c.tolerance.Milliseconds():
		return unauthorized("the time in %s, %s, is more than %s before the receipt at %s; send the event again with a new signature", where, at, c.tolerance, receivedAt)
	case late < -c.tolerance.Milliseconds():
		return unauthorized("the time in %s, %s, is more than %s after the receipt at %s; check the sender's clock", where, at, c.tolerance, receivedAt)
	}
	return nil
}

// signed is the text that is signed, in parts.
func (c *scheme) signed(id, stamp string, body []byte) (parts [][]byte) {
	rest := c.payload
	for {
		before, after, found := strings.Cut(rest, "{body}")
		parts = append(parts, []byte(strings.NewReplacer("{id}", id, "{timestamp}", stamp).Replace(before)))
		if !found {
			return parts
		}
		parts = append(parts, body)
		rest = after
	}
}

func unauthorized(format string, args ...any) error {
	return fmt.Errorf("%w: %s", adapters.ErrUnauthorized, fmt.Sprintf(format, args...))
}

// algorithms are the hash functions of signatures, by their names in options.
var algorithms = map[string]func() hash.Hash{"sha256": sha256.New, "sha1": sha1.New, "sha512": sha512.New}
