package otel_test

import (
	"testing"

	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/otel"
)

// plain is a source without options.
var plain = adaptertest.Plain(otel.Adapter)

func TestLaws(t *testing.T) { adaptertest.Run(t, otel.Adapter, "testdata") }

func FuzzDecode(f *testing.F) { adaptertest.Fuzz(f, otel.Adapter, "testdata") }
