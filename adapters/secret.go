package adapters

import (
	"crypto/hmac"
	"crypto/sha256"
)

// SameSecret compares a secret with what a request presents, through a hash, so that the time it takes tells neither how
// much of it is right nor how long the secret is.
func SameSecret(secret []byte, given string) bool {
	a, b := sha256.Sum256(secret), sha256.Sum256([]byte(given))
	return hmac.Equal(a[:], b[:])
}
