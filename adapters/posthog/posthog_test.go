package posthog_test

import (
	"testing"

	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/posthog"
)

// plain is a source without options.
var plain = adaptertest.Plain(posthog.Adapter)

func TestLaws(t *testing.T) { adaptertest.Run(t, posthog.Adapter, "testdata") }

func FuzzDecode(f *testing.F) { adaptertest.Fuzz(f, posthog.Adapter, "testdata") }
