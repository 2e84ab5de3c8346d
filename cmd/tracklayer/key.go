package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// key draws a key of 256 bits. Only its hash needs to be kept: guessing it is hopeless, so a plain SHA-256 will do.
func key(_ context.Context, _ []string, s streams, _ []string) error {
	var raw [32]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return err
	}
	k := "tlk_" + base64.RawURLEncoding.EncodeToString(raw[:])
	fmt.Fprintf(s.out, "key, for the sender:           %s\nhash, for the configuration:   sha256:%x\n", k, sha256.Sum256([]byte(k)))
	return nil
}
