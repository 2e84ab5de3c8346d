package vwo_test

import (
	"testing"

	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/vwo"
)

// plain is a source without options.
var plain = adaptertest.Plain(vwo.Adapter)

func TestLaws(t *testing.T) { adaptertest.Run(t, vwo.Adapter, "testdata") }

func FuzzDecode(f *testing.F) { adaptertest.Fuzz(f, vwo.Adapter, "testdata") }
