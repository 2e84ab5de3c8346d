package statsig_test

import (
	"testing"

	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/statsig"
)

func TestLaws(t *testing.T) { adaptertest.Run(t, statsig.Adapter, "testdata") }

func FuzzDecode(f *testing.F) { adaptertest.Fuzz(f, statsig.Adapter, "testdata") }
