package growthbook_test

import (
	"testing"

	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/growthbook"
)

// plain is a source without options.
var plain = adaptertest.Plain(growthbook.Adapter)

func TestLaws(t *testing.T) { adaptertest.Run(t, growthbook.Adapter, "testdata") }

func FuzzDecode(f *testing.F) { adaptertest.Fuzz(f, growthbook.Adapter, "testdata") }
