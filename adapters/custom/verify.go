package custom

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/tracklayer/tracklayer/adapters"
)

// verifyNamed checks a request by the scheme that the option verify names.
func (m *mapping) verifyNamed(_ adapters.Source, secret []byte, e adapters.Envelope) error {
	named := m.verify[0]
	for _, one := range m.verify { // a scheme with two sets of headers
		if one.isUsed(e.Header) {
			named = one
			break
		}
	}
	return named.verify(secret, e)
}

// verifyAny recognizes how a request is signed. It accepts what proves that the sender knows the secret: a signature of a known
// scheme, an HMAC of the body in any header whose name ends in Signature, or the secret itself. A request with a signature must
// have one that matches.
func verifyAny(_ adapters.Source, secret []byte, e adapters.Envelope) error {
	var failed error
	known := map[string]bool{}
	for i := range schemes {
		c := &schemes[i]
		if !c.isUsed(e.Header) {
			continue
		}
		known[c.header] = true
		err := c.verify(secret, e)
		if err == nil {
			return nil
		}
		if failed == nil {
			failed = err
		}
	}
	for name, values := range e.Header {
		if known[name] || !strings.HasSuffix(strings.ToLower(name), "signature") {
			continue
		}
		for _, value := range values {
			if signs(secret, e.Body, value) {
				return nil
			}
		}
		if failed == nil {
			failed = unauthorized("the signature in %s does not match the body; check that the source's secret is the one that the sender signs with, "+
				"and name its scheme in the option verify if it signs more than the body", name)
		}
	}
	if failed != nil {
		return failed
	}
	if !hasToken(secret, e) {
		return unauthorized("neither a signature nor a token matches; send the secret as Authorization: Bearer, as the user or password of " +
			"Authorization: Basic, in X-Api-Key, X-Auth-Token or X-Webhook-Token, or sign the body with it")
	}
	return nil
}

// hasToken reports whether a request carries the secret itself. Basic credentials are user:password; the SDKs of Segment and
// RudderStack send their write key as the user, with no password.
func hasToken(secret []byte, e adapters.Envelope) bool {
	given := []string{e.Header.Get("X-Api-Key"), e.Header.Get("X-Auth-Token"), e.Header.Get("X-Webhook-Token")}
	authorization := strings.TrimSpace(e.Header.Get("Authorization"))
	scheme, rest, _ := strings.Cut(authorization, " ")
	rest = strings.TrimSpace(rest)
	switch strings.ToLower(scheme) {
	case "bearer", "token":
		given = append(given, rest)
	case "basic":
		plain, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			break
		}
		user, password, _ := strings.Cut(string(plain), ":")
		given = append(given, password, string(plain))
		if password == "" {
			given = append(given, user)
		}
	default:
		given = append(given, authorization)
	}
	for i := range given {
		given[i] = strings.TrimSpace(given[i])
	}
	return adapters.SameSecret(secret, given...)
}

// signs reports whether a header's value is an HMAC of the body: SHA-256, SHA-1 or SHA-512, in hex or base64, with or
// without a prefix such as sha256=.
func signs(secret, body []byte, value string) bool {
	matches := false
	for _, part := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' || r == ';' }) {
		if at := strings.IndexByte(part, '='); at > 0 && at < 10 && !strings.HasSuffix(part, "==") {
			part = part[at+1:]
		}
		given, err := hex.DecodeString(part)
		if err != nil {
			var ok bool
			if given, ok = decode64(part); !ok {
				continue
			}
		}
		for _, algorithm := range algorithms {
			mac := hmac.New(algorithm, secret)
			mac.Write(body)
			matches = hmac.Equal(given, mac.Sum(nil)) || matches
		}
	}
	return matches
}

const verifyForm = "verify: must be one of %s, or {scheme: hmac, header: X-Signature, …}"

// readVerify reads the option verify: the name of a scheme, or the description of one.
func readVerify(raw any) ([]*scheme, error) {
	if name, ok := raw.(string); ok {
		var found []*scheme
		for i := range schemes {
			if schemes[i].name == name || name == "svix" && schemes[i].name == standard {
				found = append(found, &schemes[i])
			}
		}
		if found == nil {
			return nil, fmt.Errorf(verifyForm, schemeNames())
		}
		return found, nil
	}
	given, ok := raw.(map[string]any)
	if !ok {
		return nil, fmt.Errorf(verifyForm, schemeNames())
	}
	c := &scheme{name: namedHMAC, payload: "{body}", encoding: "hex", algorithm: algorithms["sha256"], tolerance: defaultTolerance}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(given)) {
		text, ok := given[name].(string)
		if !ok || text == "" && name != "prefix" {
			faults = append(faults, fmt.Errorf("verify.%.60s: must be a text", name))
		} else if err := c.read(name, text); err != nil {
			faults = append(faults, fmt.Errorf("verify.%.60s: %w", name, err))
		}
	}
	return []*scheme{c}, errors.Join(append(faults, c.check(given)...)...)
}

func schemeNames() string {
	names := []string{"svix"}
	for i := range schemes {
		names = append(names, schemes[i].name)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

func (c *scheme) read(name, text string) (err error) {
	switch name {
	case "scheme":
		if text != namedHMAC {
			return fmt.Errorf("must be %s; the schemes with a name are written verify: NAME", namedHMAC)
		}
	case "header":
		c.header = textproto.CanonicalMIMEHeaderKey(text)
	case "id_header":
		c.idHeader = textproto.CanonicalMIMEHeaderKey(text)
	case "timestamp_header":
		c.timeHeader = textproto.CanonicalMIMEHeaderKey(text)
	case "prefix":
		c.prefix = text
	case "payload":
		c.payload = text
	case "encoding":
		if c.encoding = text; text != "hex" && text != "base64" {
			return errors.New("must be hex or base64")
		}
	case "algorithm":
		if c.algorithm = algorithms[text]; c.algorithm == nil {
			c.algorithm = algorithms["sha256"]
			return errors.New("must be sha256, sha1 or sha512")
		}
	case "tolerance":
		if c.tolerance, err = time.ParseDuration(text); err != nil || c.tolerance <= 0 {
			return errors.New("must be a duration such as 5m")
		}
	default:
		return errors.New("no such option; there are scheme, header, prefix, encoding, algorithm, payload, timestamp_header, tolerance and id_header")
	}
	return nil
}

// check finds what does not fit together: a time that is not signed proves nothing.
func (c *scheme) check(given map[string]any) (faults []error) {
	say := func(text string) { faults = append(faults, errors.New(text)) }
	if given["scheme"] == nil {
		say("verify.scheme: is required; it is hmac")
	}
	if c.header == "" {
		say("verify.header: is required: the header that carries the signature")
	}
	if !strings.Contains(c.payload, "{body}") {
		say("verify.payload: must contain {body}, or the body is not signed")
	}
	if names := strings.Contains(c.payload, "{timestamp}"); names != (c.timeHeader != "") {
		say("verify.timestamp_header: goes with a payload that contains {timestamp}, such as \"{timestamp}.{body}\"")
	}
	if names := strings.Contains(c.payload, "{id}"); names != (c.idHeader != "") {
		say("verify.id_header: goes with a payload that contains {id}")
	}
	if given["tolerance"] != nil && c.timeHeader == "" {
		say("verify.tolerance: goes with timestamp_header")
	}
	return faults
}
