package problem_test

import (
	"testing"

	"github.com/tracklayer/tracklayer/problem"
)

func TestBearer(t *testing.T) {
	for header, want := range map[string]string{
		"Bearer k": "k", "bearer k": "k", "BEARER  k ": "k", "Basic k": "", "Bearer": "", "Bearerk": "", "": "", "k": "",
	} {
		if got := problem.Bearer(header); got != want {
			t.Errorf("%q has the key %q, want %q", header, got, want)
		}
	}
}
