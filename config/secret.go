package config

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

const (
	redacted    = "[redacted]"
	hashMark    = "sha256:"
	shortestKey = 16
)

// SecretKind says what a secret of a source proves.
type SecretKind string

// Kinds of a secret.
const (
	// Inferred is a secret that the configuration gives as plain text: the
	// source's adapter knows the form of its vendor's public keys.
	Inferred SecretKind = ""
	// Signing is a secret that the vendor and this program alone know.
	Signing SecretKind = "signing"
	// Client is a key that browsers and apps publish. It tells senders apart and
	// proves nothing.
	Client SecretKind = "client"
)

// Secret is a value shared with a vendor. It prints as [redacted] wherever it
// goes; only Reveal returns it.
type Secret struct {
	value string
	kind  SecretKind
}

// NewSecret wraps a secret.
func NewSecret(value string) Secret { return Secret{value: value} }

// Kind is what the configuration says that the secret proves.
func (s Secret) Kind() SecretKind { return s.kind }

// Reveal returns the secret itself, for checking a signature with it.
func (s Secret) Reveal() []byte { return []byte(s.value) }

// UnmarshalText reads a secret of at least 8 bytes. Its errors never show the
// text.
func (s *Secret) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return errors.New("it is empty")
	}
	if err := guessable("secret", text, shortestSecret); err != nil {
		return err
	}
	s.value = string(text)
	return nil
}

// String returns [redacted].
func (Secret) String() string { return redacted }

// Format writes [redacted], whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns [redacted].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns [redacted].
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns "[redacted]".
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// shortestSecret is the least length of a secret, in bytes. Only on loopback may
// a secret be shorter than a key: other machines could try it.
const shortestSecret = 8

// Short reports whether the secret is too short for a listener that other
// machines reach.
func (s Secret) Short() bool { return len(s.value) < shortestKey }

// guessable reports why a key or a secret is too weak to be one; nil if it is
// not. It never shows the text.
func guessable(what string, text []byte, shortest int) error {
	switch {
	case len(text) < shortest:
		return fmt.Errorf("the %s has %d bytes, and fewer than %d can be guessed", what, len(text), shortest)
	case len(bytes.TrimSpace(text)) < len(text):
		return fmt.Errorf("the %s begins or ends with a space, which headers do not keep", what)
	case len(bytes.Trim(text, string(text[:1]))) == 0:
		return fmt.Errorf("the %s is one character, repeated, and can be guessed", what)
	}
	return nil
}

// WriteKey is a key that may write events, and where it may.
type WriteKey struct {
	Key
	Sources []Token  // the sources that it may write to, api for POST /v1/events; none: all
	Origins []Origin // the web pages that may use it; none: all, and senders that are no web page
}

// Fits reports whether the key may write to the source from a page of the
// origin, "" for a sender that names none.
func (k WriteKey) Fits(source, origin string) bool {
	inSources := len(k.Sources) == 0 || slices.ContainsFunc(k.Sources, func(t Token) bool { return t.text == source })
	inOrigins := len(k.Origins) == 0 || slices.ContainsFunc(k.Origins, func(o Origin) bool {
		return origin != "" && (o.text == "*" || strings.EqualFold(o.text, origin))
	})
	return inSources && inOrigins
}

// Key is the hash of a key that callers present; the key itself is not kept.
// The zero Key matches nothing.
type Key struct {
	sum [sha256.Size]byte
	set bool
}

// ParseKey reads a plain key or its hash, as UnmarshalText does.
func ParseKey(text string) (Key, error) {
	var k Key
	err := k.UnmarshalText([]byte(text))
	return k, err
}

// UnmarshalText reads a plain key of at least 16 bytes, or "sha256:" and the
// 64 hexadecimal digits of a key's SHA-256. Its errors never show the text.
func (k *Key) UnmarshalText(text []byte) error {
	digits, hashed := strings.CutPrefix(string(text), hashMark)
	if !hashed {
		if err := guessable("key", text, shortestKey); err != nil {
			return err
		}
		*k = Key{sum: sha256.Sum256(text), set: true}
		return nil
	}
	sum, err := hex.DecodeString(digits)
	if err != nil || len(sum) != sha256.Size {
		return fmt.Errorf("after %s come %d characters that are not 64 hexadecimal digits", hashMark, len(digits))
	}
	*k = Key{sum: [sha256.Size]byte(sum), set: true}
	return nil
}

// Matches reports whether presented is the key. The time it takes does not
// depend on how much of it is right.
func (k Key) Matches(presented string) bool {
	sum := sha256.Sum256([]byte(presented))
	return subtle.ConstantTimeCompare(k.sum[:], sum[:]) == 1 && k.set
}

// AnyFits reports whether presented is one of the keys, and one that may write
// to the source from the origin. It looks at all of them, as AnyMatches does.
func AnyFits(keys []WriteKey, presented, source, origin string) bool {
	found := false
	for _, key := range keys {
		found = key.Matches(presented) && key.Fits(source, origin) || found
	}
	return found
}

// AnyMatches reports whether presented is one of the keys. It looks at all of
// them, so that its time does not tell which one it is.
func AnyMatches(keys []Key, presented string) bool {
	found := false
	for _, key := range keys {
		found = key.Matches(presented) || found
	}
	return found
}

// Fingerprint returns the first 8 hexadecimal digits of the key's SHA-256, ""
// of the zero Key.
func (k Key) Fingerprint() string {
	if !k.set {
		return ""
	}
	return hex.EncodeToString(k.sum[:4])
}

// String returns the beginning of the hash: enough to tell two keys apart in
// a log, too little to search for the key.
func (k Key) String() string {
	if !k.set {
		return ""
	}
	return hashMark + hex.EncodeToString(k.sum[:4]) + "…"
}

// Format writes the form of String, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue returns the form of String.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText returns the form of String, which UnmarshalText refuses.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
