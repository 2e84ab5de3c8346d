package statsig_test

import (
	"testing"

	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/statsig"
)

// plain is a source without options.
var plain = adaptertest.Plain(statsig.Adapter)

func TestLaws(t *testing.T) { adaptertest.Run(t, statsig.Adapter, "testdata") }

func FuzzDecode(f *testing.F) { adaptertest.Fuzz(f, statsig.Adapter, "testdata") }
