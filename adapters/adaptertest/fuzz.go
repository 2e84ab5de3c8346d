package adaptertest

import (
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
)

// Fuzz decodes whatever the fuzzer makes of the goldens' requests, under the options of one of them: it must not
// panic, must fail only with ErrUnreadable, and otherwise keep the laws of a batch.
func Fuzz(f *testing.F, a adapters.Adapter, dir string) {
	goldens := Goldens(f, dir)
	decoders := make([]adapters.Decoder, len(goldens))
	for i, g := range goldens {
		decoders[i] = Open(f, a, g.Options)
		f.Add(uint8(i), g.Envelope.Method, g.Envelope.Path, g.Envelope.RawQuery, g.Envelope.Body)
	}
	f.Fuzz(func(t *testing.T, like uint8, method, path, query string, body []byte) {
		g := goldens[int(like)%len(goldens)]
		g.Envelope.Method, g.Envelope.Path, g.Envelope.RawQuery, g.Envelope.Body = method, path, query, body
		o := opened{a, decoders[int(like)%len(goldens)], g.Source(a)}
		survive(report{t, "unbreakable"}, o, g.Envelope, "")
		checkPure(report{t, "pure"}, o, g)
	})
}
