package vwo_test

import (
	"testing"

	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/vwo"
)

func TestLaws(t *testing.T) { adaptertest.Run(t, vwo.Adapter, "testdata") }

func FuzzDecode(f *testing.F) { adaptertest.Fuzz(f, vwo.Adapter, "testdata") }
