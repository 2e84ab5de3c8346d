//go:build sdks

package e2e_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestNPMFetchReadsThatABodyIsTooLarge: Node's fetch, which writes before it reads, gets the answer and no reset.
func TestNPMFetchReadsThatABodyIsTooLarge(t *testing.T) {
	s := serve(t)
	var answers []struct {
		Status int
		Body   string
	}
	npm(t, s, "too-large.mjs", &answers)
	if len(answers) != 20 {
		t.Errorf("%d answers", len(answers))
	}
	for _, a := range answers {
		if a.Status != http.StatusRequestEntityTooLarge || !strings.Contains(a.Body, `"status":413`) {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
	}
}
