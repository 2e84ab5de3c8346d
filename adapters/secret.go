package adapters

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strings"
)

// SameSecret reports whether a secret is one of the texts that a request presents. It compares all of them, through a hash, so that
// the time it takes tells neither which of them matched, nor how much of one is right, nor how long the secret is.
func SameSecret(secret []byte, given ...string) bool {
	want, same := sha256.Sum256(secret), false
	for _, one := range given {
		got := sha256.Sum256([]byte(one))
		same = hmac.Equal(want[:], got[:]) || same
	}
	return same
}

// SignedInHex reports whether a text, without the space around it, is the HMAC of the parts, one after the other, in hex.
func SignedInHex(algorithm func() hash.Hash, secret []byte, given string, parts ...[]byte) bool {
	sum, err := hex.DecodeString(strings.TrimSpace(given))
	mac := hmac.New(algorithm, secret)
	for _, part := range parts {
		mac.Write(part)
	}
	return err == nil && hmac.Equal(sum, mac.Sum(nil))
}
