//go:build race

package e2e_test

// raced says that the race detector watches. It watches the vendors' SDKs as well, and not all of them are free of races.
const raced = true
