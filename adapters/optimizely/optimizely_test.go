package optimizely_test

import (
	"testing"

	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/optimizely"
)

func TestLaws(t *testing.T) { adaptertest.Run(t, optimizely.Adapter, "testdata") }

func FuzzDecode(f *testing.F) { adaptertest.Fuzz(f, optimizely.Adapter, "testdata") }
