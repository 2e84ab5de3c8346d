package launchdarkly_test

import (
	"testing"

	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/launchdarkly"
)

// plain is a source without options.
var plain = adaptertest.Plain(launchdarkly.Adapter)

func TestLaws(t *testing.T) { adaptertest.Run(t, launchdarkly.Adapter, "testdata") }

func FuzzDecode(f *testing.F) { adaptertest.Fuzz(f, launchdarkly.Adapter, "testdata") }
