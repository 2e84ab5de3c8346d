package adaptertest

import (
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
)

// Fuzz decodes whatever the fuzzer makes of the goldens' requests, under the options of one of them: it must not
// panic, must fail only with ErrUnreadable, and otherwise keep the laws of a batch.
func Fuzz(f *testing.F, a adapters.Adapter, dir string) {
	goldens := Goldens(f, dir)
	for i, g := range goldens {
		f.Add(uint8(i), g.Envelope.Method, g.Envelope.Path, g.Envelope.RawQuery, g.Envelope.Body)
	}
	f.Fuzz(func(t *testing.T, like uint8, method, path, query string, body []byte) {
		g := goldens[int(like)%len(goldens)]
		g.Envelope.Method, g.Envelope.Path, g.Envelope.RawQuery, g.Envelope.Body = method, path, query, body
		survive(report{t, "unbreakable"}, a, g, g.Envelope, "")
		checkPure(report{t, "pure"}, a, g)
	})
}
