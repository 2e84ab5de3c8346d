package optimizely_test

import (
	"testing"

	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/optimizely"
)

// plain is a source without options.
var plain = adaptertest.Plain(optimizely.Adapter)

func TestLaws(t *testing.T) { adaptertest.Run(t, optimizely.Adapter, "testdata") }

func FuzzDecode(f *testing.F) { adaptertest.Fuzz(f, optimizely.Adapter, "testdata") }
