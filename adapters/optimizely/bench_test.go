package optimizely_test

import (
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/optimizely"
)

// BenchmarkDecode takes batches of ten as go-sdk and javascript-sdk send them by default.
func BenchmarkDecode(b *testing.B) {
	for _, g := range adaptertest.Goldens(b, "testdata") {
		if g.Name != "go-01-decide-feature-test" && g.Name != "go-07-track" && g.Name != "v6-01-decide-feature-test" {
			continue
		}
		b.Run(g.Name, func(b *testing.B) {
			body := string(g.Envelope.Body)
			from := strings.Index(body, `"visitors":[`) + len(`"visitors":[`)
			to := from
			for depth := 0; to == from || depth > 0; to++ {
				switch body[to] {
				case '{':
					depth++
				case '}':
					depth--
				}
			}
			g.Envelope.Body = []byte(body[:from] + strings.Repeat(body[from:to]+",", 9) + body[from:])
			s := g.Source(optimizely.Adapter)
			d := adaptertest.Open(b, optimizely.Adapter, g.Options)
			items := 0
			b.ReportAllocs()
			b.SetBytes(int64(len(g.Envelope.Body)))
			for b.Loop() {
				batch, err := d.Decode(s, g.Envelope)
				if err != nil || len(batch.Events) != 10 {
					b.Fatal(len(batch.Events), err)
				}
				items += batch.Items
			}
			b.ReportMetric(float64(items)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
