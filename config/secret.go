package config

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

const (
	redacted    = "[redacted]"
	hashMark    = "sha256:"
	shortestKey = 16
)

// Secret is a value shared with a vendor. It prints as [redacted] wherever it
// goes; only Reveal gives it away.
type Secret struct{ value string }

// NewSecret wraps a secret.
func NewSecret(value string) Secret { return Secret{value: value} }

// Reveal returns the secret itself, for checking a signature with it.
func (s Secret) Reveal() []byte { return []byte(s.value) }

// UnmarshalText reads any text that is not empty.
func (s *Secret) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return errors.New("it is empty")
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
		if len(text) < shortestKey {
			return fmt.Errorf("the key has %d bytes, and fewer than %d can be guessed", len(text), shortestKey)
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

// AnyMatches reports whether presented is one of the keys. It looks at all of
// them, so that its time does not tell which one it is.
func AnyMatches(keys []Key, presented string) bool {
	found := false
	for _, key := range keys {
		found = key.Matches(presented) || found
	}
	return found
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
